//! One plain file that somebody named, read whole, without waiting for a FIFO and without mixing what it
//! holds before and after an edit.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroize as _;

use super::facts::Facts;

/// How often a file that changes under the reader is read again, and the pause between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// Nothing is there.
    Missing,
    /// It is something else: `a folder`.
    NotAFile(&'static str),
    /// It has more bytes than allowed.
    TooLarge,
    /// It changed each time.
    Changing,
    /// The system refused.
    Io(io::Error),
}

impl From<Errno> for NotRead {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            other => Self::Io(other.into()),
        }
    }
}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a file of at most `limit` bytes. A relative path begins at `dir`, whatever that folder is called
/// by now; symlinks are followed. Blocks.
pub(crate) fn read(dir: impl AsFd, path: &str, limit: u64) -> Result<Vec<u8>, NotRead> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        if let Some(bytes) = once(&dir, path, limit)? {
            return Ok(bytes);
        }
    }
    Err(NotRead::Changing)
}

/// `None` when the file changed meanwhile.
fn once(dir: impl AsFd, path: &str, limit: u64) -> Result<Option<Vec<u8>>, NotRead> {
    // Looked at before it is opened: opening alone moves some devices.
    let named = Facts::from(&rustix::fs::statat(&dir, path, AtFlags::empty())?);
    plain(named.kind)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(&dir, path, flags, Mode::empty())?);
    let before = Facts::from(&rustix::fs::fstat(&file)?);
    plain(before.kind)?;
    if before.stat.size > limit {
        return Err(NotRead::TooLarge);
    }
    // Room for all of it at once: growing would leave copies of a secret in freed memory.
    let room = usize::try_from(before.stat.size).map_err(|_| NotRead::TooLarge)?;
    let mut bytes = Vec::with_capacity(room + 1);
    let read = (&file).take(before.stat.size + 1).read_to_end(&mut bytes);
    let after = Facts::from(&rustix::fs::fstat(&file)?);
    if read.is_err() || after.stat != before.stat || bytes.len() != room {
        bytes.zeroize();
        read?;
        return Ok(None);
    }
    Ok(Some(bytes))
}

fn plain(kind: FileType) -> Result<(), NotRead> {
    Err(NotRead::NotAFile(match kind {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a folder",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        _ => "a device",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::folder::Folder;

    #[test]
    fn only_plain_files_within_the_limit_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name);
        std::fs::create_dir(path("keys")).unwrap();
        std::fs::write(path("keys/a"), b"\0\xffx\n").unwrap();
        std::os::unix::fs::symlink("keys/a", path("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        for name in ["keys/a", "./keys/../keys/a", "link"] {
            assert_eq!(read(&folder, name, 4).unwrap(), b"\0\xffx\n", "{name}");
        }
        assert_eq!(read(&folder, path("keys/a").to_str().unwrap(), 4).unwrap(), b"\0\xffx\n");
        assert!(matches!(read(&folder, "keys/a", 3), Err(NotRead::TooLarge)));
        for (name, what) in [
            ("keys", "a folder"),
            (".", "a folder"),
            ("fifo", "a FIFO"),
            ("socket", "a socket"),
            ("/dev/null", "a device"),
        ] {
            assert!(matches!(read(&folder, name, 9), Err(NotRead::NotAFile(is)) if is == what), "{name}");
        }
        for name in ["none", "keys/a/b", "dangling"] {
            assert!(matches!(read(&folder, name, 9), Err(NotRead::Missing)), "{name}");
        }
    }

    #[test]
    fn a_folder_that_was_exchanged_is_read_to_its_end() {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name);
        for (folder, content) in [("vault", "old"), ("new", "new")] {
            std::fs::create_dir(path(folder)).unwrap();
            std::fs::write(path(folder).join("a"), content).unwrap();
        }
        let folder = Folder::open(&path("vault")).unwrap();
        std::fs::rename(path("vault"), path("gone")).unwrap();
        std::fs::rename(path("new"), path("vault")).unwrap();
        assert_eq!(read(&folder, "a", 9).unwrap(), b"old");
    }
}
