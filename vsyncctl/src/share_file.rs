//! The share file that `export` writes: private, whole, and never over another file unasked.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use vsync_proto::{Code, Failure};

use crate::input::io_failure;

/// Refuses a name that is taken, unless `replace`: before anybody chooses a passphrase for it.
pub(crate) fn check(path: &Path, replace: bool) -> Result<(), Failure> {
    if !replace && path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    Ok(())
}

/// Writes the file, readable by its owner alone. It appears in one step with all its bytes.
pub(crate) fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<(), Failure> {
    let failed = |error: io::Error| io_failure(&format!("cannot write {}", path.display()), &error);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let staged = Staged(path.with_file_name(name));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged.0).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    if replace {
        return std::fs::rename(&staged.0, path).map_err(failed);
    }
    // A hard link, unlike a rename, never replaces what came in between.
    match std::fs::hard_link(&staged.0, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists(path)),
        // A file system without hard links.
        Err(_) => check(path, false).and_then(|()| std::fs::rename(&staged.0, path).map_err(failed)),
    }
}

/// The file under its first name, which is removed whatever happens.
struct Staged(PathBuf);

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already where it was renamed.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(Code::AlreadyExists, format!("{} exists", path.display())).hint("--force replaces it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_share_is_private_whole_and_replaces_only_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("team.share");
        check(&path, false).unwrap();
        write(&path, b"one", false).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(check(&path, false).unwrap_err().code, Code::AlreadyExists);
        assert_eq!(write(&path, b"two", false).unwrap_err().code, Code::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        check(&path, true).unwrap();
        write(&path, b"two", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_dangling_link_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("link");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(write(&path, b"x", false).unwrap_err().code, Code::AlreadyExists);
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }
}
