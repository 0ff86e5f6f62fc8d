//! Folders that were replaced and are kept for a while, in case somebody still writes into them.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vsync_core::vault::diff::Diff;
use vsync_core::vault::ledger::Ledger;
use vsync_core::vault::snapshot::Snapshot;

use super::folder::{FolderId, NotAFolder};
use super::load::load;
use super::scan::{LeftOut, ScanError, ScanLimits, salvage};

pub use super::removal::remove_tree;

/// A displaced folder that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where it lies.
    pub path: PathBuf,
    /// Which folder it is.
    pub id: FolderId,
    /// When it may be removed, if nobody uses it then.
    pub deadline: Timestamp,
    /// What was in it when it was replaced, as the last scan saw it.
    pub expected: Ledger,
    /// It holds what no backup can, and was reported.
    #[serde(default)]
    pub held: bool,
}

impl Kept {
    /// Whether it is the folder of this identity with the name that this path ends with. The identity
    /// alone does not tell: a folder that is gone may still be on record, and the system gives what
    /// made it up to the next new one.
    pub fn is(&self, id: FolderId, path: &Path) -> bool {
        self.id == id && self.path.file_name() == path.file_name()
    }
}

/// What somebody wrote into a displaced folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateWrites {
    /// The names, against what was displaced.
    pub diff: Diff,
    /// The folder's whole content as it is now, to be backed up.
    pub snapshot: Snapshot,
    /// Entries that a backup cannot hold.
    pub left_out: Vec<LeftOut>,
}

/// How often a displaced folder that changes under the reader is gone through.
const ATTEMPTS: u32 = 4;

/// Looks once more into a folder before it is removed. `None` when nothing was added to it or
/// changed in it; what is merely missing needs no saving. A folder that is gone has nothing.
///
/// # Errors
/// [`ScanError`] when it cannot be read: then it must not be removed.
pub fn late_writes(
    path: &Path,
    expected: &Ledger,
    limits: &ScanLimits,
    now: Timestamp,
) -> Result<Option<LateWrites>, ScanError> {
    for attempt in 1.. {
        let scan = match salvage(path, expected, limits, now) {
            Err(ScanError::Folder(NotAFolder::Missing)) => return Ok(None),
            other => other?,
        };
        let diff = Diff::between(&expected.tree(), &scan.tree);
        if diff.added.is_empty() && diff.modified.is_empty() && scan.left_out.is_empty() {
            return Ok(None);
        }
        match load(path, &scan) {
            Err(ScanError::Changing { .. }) if attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
            Ok(snapshot) => return Ok(Some(LateWrites { diff, snapshot, left_out: scan.left_out })),
        }
    }
    Err(ScanError::Io(io::ErrorKind::Other.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        crate::disk::stories::now()
    }

    #[test]
    fn only_what_was_written_late_is_reported() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path();
        std::fs::write(path.join("a"), "1").unwrap();
        std::fs::write(path.join("b"), "2").unwrap();
        let limits = ScanLimits::default();
        let expected = salvage(path, &Ledger::default(), &limits, now()).unwrap().ledger(None);
        assert_eq!(late_writes(path, &expected, &limits, now()).unwrap(), None);

        std::fs::remove_file(path.join("b")).unwrap();
        std::fs::write(path.join("notes~"), "litter").unwrap();
        assert_eq!(late_writes(path, &expected, &limits, now()).unwrap(), None);

        std::fs::write(path.join("c"), "late").unwrap();
        std::os::unix::fs::symlink("a", path.join("link")).unwrap();
        let late = late_writes(path, &expected, &limits, now()).unwrap().unwrap();
        assert_eq!(late.diff.added[0].as_str(), "c");
        assert_eq!(late.snapshot.files["c"].content[..], *b"late");
        assert_eq!(late.left_out[0].name, "link");
        assert_eq!(late_writes(&path.join("none"), &expected, &limits, now()).unwrap(), None);
    }
}
