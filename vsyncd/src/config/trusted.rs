//! Reading a file only when nobody else could have written it.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

/// A file's content, and what is suspicious about the file.
#[derive(Debug)]
pub struct Trusted {
    /// The content.
    pub bytes: Vec<u8>,
    /// Set when other users can read the file.
    pub warning: Option<Warning>,
}

/// A value read from such a file, and what is suspicious about the file.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The value.
    pub value: T,
    /// Set when other users can read the file.
    pub warning: Option<Warning>,
}

/// The file can be used, but somebody should look at its permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "{path} can be read by other users (mode {:04o}): chmod 600 {path}", self.mode)
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// Group or others may write it.
    #[error("{path} can be written by other users (mode {mode:04o}): chmod 600 {path}", path = path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns it (root excepted, who can do anything anyway).
    #[error("{path} belongs to another user (uid {uid})", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// A folder, device or pipe.
    #[error("{} is not a plain file", .0.display())]
    NotAFile(PathBuf),
    /// More bytes than such a file ever has.
    #[error("{path} has more than {limit} bytes", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The system refused.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a file of at most `limit` bytes; `None` when there is none. A symlink is followed and
/// judged by what it points to.
///
/// # Errors
/// [`Untrusted`] says which rule the file breaks.
pub fn read(path: &Path, limit: u64) -> Result<Option<Trusted>, Untrusted> {
    let failed = |source| Untrusted::Io { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    // A pipe under that name must not block the daemon.
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // The open file is judged, not the name: the name may point elsewhere a moment later.
    let metadata = file.metadata().map_err(failed)?;
    let warning = judge(path, &metadata, geteuid().as_raw())?;
    let bytes = read_at_most(file, metadata.len(), limit).map_err(failed)?;
    let bytes = bytes.ok_or_else(|| Untrusted::TooLarge { path: path.to_owned(), limit })?;
    Ok(Some(Trusted { bytes, warning }))
}

fn judge(path: &Path, metadata: &Metadata, me: u32) -> Result<Option<Warning>, Untrusted> {
    let (uid, mode, path) = (metadata.uid(), metadata.mode() & 0o7777, path.to_owned());
    if !metadata.is_file() {
        return Err(Untrusted::NotAFile(path));
    }
    if uid != me && uid != 0 {
        return Err(Untrusted::Owner { path, uid });
    }
    if mode & 0o022 != 0 {
        return Err(Untrusted::Writable { path, mode });
    }
    Ok((mode & 0o044 != 0).then_some(Warning { path, mode }))
}

fn read_at_most(file: File, size: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // Room for all of it at once: growing would leave copies of a secret in freed memory.
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit) + 1).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file.as_file(), b"text").unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_private_file_is_read_and_a_missing_one_is_none() {
        let private = file(0o600);
        let trusted = read(private.path(), 4).unwrap().unwrap();
        assert_eq!((trusted.bytes.as_slice(), trusted.warning), (&b"text"[..], None));
        assert!(read(Path::new("/nonexistent/file"), 4).unwrap().is_none());
    }

    #[test]
    fn readable_is_warned_about_and_writable_refused() {
        for mode in [0o640, 0o604] {
            let file = file(mode);
            let warning = read(file.path(), 9).unwrap().unwrap().warning.unwrap();
            assert_eq!(warning.mode, mode);
            assert!(warning.to_string().contains("chmod 600"));
        }
        for mode in [0o620, 0o602, 0o666] {
            let file = file(mode);
            let error = read(file.path(), 9).unwrap_err();
            assert!(matches!(error, Untrusted::Writable { mode: seen, .. } if seen == mode), "{error}");
        }
    }

    #[test]
    fn another_owner_is_refused_unless_it_is_root() {
        let file = file(0o600);
        let metadata = fs::metadata(file.path()).unwrap();
        let me = metadata.uid();
        assert!(judge(file.path(), &metadata, me).is_ok());
        let refused = judge(file.path(), &metadata, me + 1);
        assert_eq!(refused.is_err(), me != 0, "root's files are trusted by everybody");
        let device = fs::metadata("/dev/null").unwrap();
        assert!(matches!(judge(Path::new("x"), &device, me), Err(Untrusted::NotAFile(_))));
    }

    #[test]
    fn folders_pipes_and_large_files_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path(), 9), Err(Untrusted::NotAFile(_))));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(matches!(read(&pipe, 9), Err(Untrusted::NotAFile(_))));
        assert!(matches!(read(file(0o600).path(), 3), Err(Untrusted::TooLarge { limit: 3, .. })));
    }
}
