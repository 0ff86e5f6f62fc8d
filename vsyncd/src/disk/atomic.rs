//! Files that are there whole or not at all, private and durable.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::fault::cannot;
use super::folder::{Folder, facts_at};
use super::rename;
use crate::fail_point;

/// Distinguishes the temporary files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Puts a whole file in place of whatever was there: written beside it with its final mode,
/// synced, renamed, and the folder synced. A reader sees the old file or the new one.
///
/// # Errors
/// The system's, with the path; a target that is a symlink or a folder is refused. The old file
/// is then untouched and nothing is left behind, except where only the last step, the sync of the
/// folder, fails: then the new file is in place, and a power cut may bring the old one back.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let placed = place(path, bytes, mode, (true, true)).and_then(|placed| placed.settle_name());
    placed.map_err(cannot("write", path.display()))
}

/// As [`write`], but until what it returns is settled a power cut may leave the old file, a torn one
/// or none: for what a journal can tell again. A process that is killed does no harm.
///
/// # Errors
/// As [`write`].
pub fn write_unsettled(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Unsettled> {
    place(path, bytes, mode, (true, false)).map_err(cannot("write", path.display()))
}

/// As [`write_unsettled`], but only where nothing is yet.
///
/// # Errors
/// As [`write_new`].
pub fn write_new_unsettled(path: &Path, bytes: &[u8], mode: u32) -> io::Result<Unsettled> {
    place(path, bytes, mode, (false, false)).map_err(cannot("write", path.display()))
}

/// A file that is in its place and not yet durable.
#[derive(Debug)]
pub struct Unsettled {
    file: File,
    folder: Folder,
    path: PathBuf,
}

impl Unsettled {
    /// Makes it durable.
    ///
    /// # Errors
    /// The system's.
    pub fn settle(&self) -> io::Result<()> {
        self.file.sync_all()?;
        self.settle_name()
    }

    fn settle_name(&self) -> io::Result<()> {
        sync(&self.folder)?;
        self.lasts();
        Ok(())
    }

    /// It is durable, whatever made it so.
    pub(super) fn lasts(&self) {
        fail_point::file(&self.path, "lasting");
    }

    /// The file system that it lies on.
    pub(super) fn device(&self) -> u64 {
        self.folder.id().device
    }
}

/// As [`write`], but only where nothing is yet.
///
/// # Errors
/// As [`write`], but nothing is in place then; [`io::ErrorKind::AlreadyExists`] when the name is taken.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let placed = place(path, bytes, mode, (false, true)).and_then(|placed| {
        placed.settle_name().inspect_err(|_| {
            let _ = unlink(path);
        })
    });
    placed.map_err(cannot("write", path.display()))
}

fn place(path: &Path, bytes: &[u8], mode: u32, (replace, sync): (bool, bool)) -> io::Result<Unsettled> {
    let (parent, name) = Folder::parent_of(path)?;
    match facts_at(&parent, name)?.map(|facts| facts.kind) {
        None => {}
        Some(_) if !replace => return Err(io::ErrorKind::AlreadyExists.into()),
        Some(FileType::RegularFile) => {}
        Some(FileType::Symlink) => return Err(io::Error::other("it is a symlink")),
        Some(_) => return Err(io::Error::other("it is not a file")),
    }
    let temp = temporary(name.as_bytes());
    // One of an earlier process with this id can only be what a crash left.
    let _ = rustix::fs::unlinkat(&parent, &temp[..], AtFlags::empty());
    let written = fill(&parent, &temp, path, bytes, mode).and_then(|file| {
        if sync {
            file.sync_all()?;
            fail_point::file(path, "synced");
        }
        if replace {
            rustix::fs::renameat(&parent, &temp[..], &parent, name)?;
        } else {
            rename::file_to_free(&parent, &temp[..], name)?;
        }
        Ok(file)
    });
    if written.is_err() {
        let _ = rustix::fs::unlinkat(&parent, &temp[..], AtFlags::empty());
    }
    let file = written?;
    fail_point::file(path, "renamed");
    Ok(Unsettled { file, folder: parent, path: path.to_owned() })
}

/// A free name beside the file, that tells whose it is.
fn temporary(name: &[u8]) -> Vec<u8> {
    let serial = NEXT.fetch_add(1, Ordering::Relaxed);
    [b".", name, format!(".{}-{serial}.tmp", std::process::id()).as_bytes()].concat()
}

/// The process that made a file under this name, if it is the name of a temporary one.
pub(super) fn maker(name: &[u8]) -> Option<u32> {
    let name = std::str::from_utf8(name.strip_prefix(b".")?.strip_suffix(b".tmp")?).ok()?;
    let (_, made) = name.rsplit_once('.')?;
    let (process, serial) = made.split_once('-')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(process) && number(serial)).then(|| process.parse().ok()).flatten()
}

fn fill(parent: &Folder, temp: &[u8], path: &Path, bytes: &[u8], mode: u32) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = raw_mode(mode);
    let file = rustix::fs::openat(parent, temp, flags, mode)?;
    // The process's umask may have taken bits away.
    rustix::fs::fchmod(&file, mode)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    fail_point::file(path, "filled");
    Ok(file)
}

/// Makes a folder and what is missing above it, each 0700, and syncs each one's parent. Folders
/// that exist are left as they are.
///
/// # Errors
/// The system's, with the path; a component that is no folder.
pub fn create_private_dirs(path: &Path) -> io::Result<()> {
    match rustix::fs::stat(path) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => return Ok(()),
        Ok(_) => return Err(cannot("make the folder", path.display())(Errno::NOTDIR)),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(cannot("make the folder", path.display())(error)),
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_private_dirs(parent)?;
    }
    let made = Folder::parent_of(path).and_then(|(parent, name)| {
        match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) => {
                fail_point::reach("folder", "made");
                sync(parent)
            }
            // Somebody else made it meanwhile.
            Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    });
    made.map_err(cannot("make the folder", path.display()))
}

/// Reads a whole file of at most `limit` bytes. A symlink is followed; what it leads to must be
/// a plain file, so that a FIFO cannot make the caller wait.
///
/// # Errors
/// The system's, with the path; [`io::ErrorKind::FileTooLarge`] beyond the limit.
pub fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        // Room for all of it at once: growing would leave copies of a secret in freed memory.
        let room = meta.len().min(limit) + 1;
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    };
    read().map_err(cannot("read", path.display()))
}

/// Removes a file, durably. True when there was one.
///
/// # Errors
/// The system's, with the path.
pub fn remove(path: &Path) -> io::Result<bool> {
    let removed = unlink(path).and_then(|parent| {
        let Some(parent) = parent else { return Ok(false) };
        sync(parent)?;
        fail_point::file(path, "removed");
        Ok(true)
    });
    removed.map_err(cannot("remove", path.display()))
}

/// As [`remove`], but a power cut may bring it back.
///
/// # Errors
/// As [`remove`].
pub fn remove_soon(path: &Path) -> io::Result<bool> {
    unlink(path).map(|parent| parent.is_some()).map_err(cannot("remove", path.display()))
}

/// Removes a file; the folder that held it, if there was one.
fn unlink(path: &Path) -> io::Result<Option<Folder>> {
    let (parent, name) = match Folder::parent_of(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) => {
            fail_point::file(path, "unlinked");
            Ok(Some(parent))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes what happened to a folder's entries durable.
pub(crate) fn sync(folder: impl AsFd) -> io::Result<()> {
    let fd: OwnedFd = folder.as_fd().try_clone_to_owned()?;
    match File::from(fd).sync_all() {
        // Some file systems have no sync of folders and need none.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Makes the entries of the folder at a path durable.
///
/// # Errors
/// The system's, with the path.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let opened =
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(io::Error::from).and_then(sync).map_err(cannot("sync", path.display()))
}

/// A mode for the system's calls.
pub(crate) fn raw_mode(mode: u32) -> Mode {
    Mode::from_bits_truncate((mode & vsync_core::vault::tree::MODE_MASK) as rustix::fs::RawMode)
}

#[cfg(test)]
mod tests;
