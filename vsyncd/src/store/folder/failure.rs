//! What a failing disk means for a store.

use std::io;
use std::path::Path;

use rustix::io::Errno;
use vsync_core::sync::{Cause, Problem, Refusal};

use crate::store::StoreError;

/// The store error for a failed step at a path.
pub(super) fn failed(step: &str, path: &Path, error: &io::Error) -> StoreError {
    let text = format!("cannot {step} {}: {error}", path.display());
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            StoreError::Denied(Refusal { text, cause: Cause::Folder })
        }
        Some(Errno::NOSPC) => StoreError::Disk(Problem::DiskFull(text)),
        Some(Errno::DQUOT) => StoreError::Disk(Problem::QuotaFull(text)),
        Some(Errno::MFILE | Errno::NFILE) => StoreError::Disk(Problem::TooManyFiles(text)),
        // A network disk whose server is away.
        Some(
            Errno::IO
            | Errno::STALE
            | Errno::NOTCONN
            | Errno::TIMEDOUT
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::NODEV
            | Errno::NXIO,
        ) => StoreError::Unreachable(text),
        Some(Errno::LOOP | Errno::NOTDIR) => {
            StoreError::Failed(format!("{text}; the store does not follow symbolic links"))
        }
        _ => StoreError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_not_taken_for_a_store_that_refuses() {
        let of = |errno: Errno| failed("write", Path::new("/store/x"), &errno.into());
        assert!(matches!(of(Errno::NOSPC), StoreError::Disk(Problem::DiskFull(_))));
        assert!(matches!(of(Errno::DQUOT), StoreError::Disk(Problem::QuotaFull(_))));
        assert!(matches!(of(Errno::MFILE), StoreError::Disk(Problem::TooManyFiles(_))));
        let StoreError::Denied(refusal) = of(Errno::ROFS) else { panic!("a refusal") };
        assert_eq!(refusal.cause, Cause::Folder);
        assert!(matches!(of(Errno::IO), StoreError::Unreachable(_)));
        assert!(matches!(of(Errno::NAMETOOLONG), StoreError::Failed(_)));
    }
}
