//! Making a whole new folder durable at once.

use std::io;
use std::time::Duration;

use vsync_core::relpath::RelPath;

use super::atomic::{self, Unsettled};
use super::folder::Folder;
use super::scan::{Unread, open_file};

/// How long the one call for the whole file system may take before each file is synced by
/// itself: it also waits for what every other program has written.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a folder's files and folders durable, and the journal that tells of them.
pub(crate) fn settle<'a>(
    folder: &Folder,
    journal: Option<&Unsettled>,
    files: impl Iterator<Item = &'a RelPath>,
    folders: impl DoubleEndedIterator<Item = &'a RelPath>,
) -> io::Result<()> {
    let whole = whole_file_system(folder, PATIENCE);
    if !whole {
        one_by_one(folder, files, folders)?;
    }
    // State and vault often lie on one file system: then one sync did for both.
    match journal {
        Some(journal) if whole && journal.device() == folder.id().device => journal.lasts(),
        Some(journal) => journal.settle()?,
        None => {}
    }
    Ok(())
}

/// One `syncfs` on a thread of its own; false when it failed or took too long. The thread then
/// ends when the system lets it.
#[cfg(target_os = "linux")]
fn whole_file_system(folder: &Folder, patience: Duration) -> bool {
    let Ok(fd) = folder.duplicate() else {
        return false;
    };
    let (done, result) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("syncfs".to_owned());
    let spawned = thread.spawn(move || done.send(rustix::fs::syncfs(&fd).is_ok()));
    spawned.is_ok() && result.recv_timeout(patience).unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn whole_file_system(_: &Folder, _: Duration) -> bool {
    false
}

fn one_by_one<'a>(
    folder: &Folder,
    files: impl Iterator<Item = &'a RelPath>,
    folders: impl DoubleEndedIterator<Item = &'a RelPath>,
) -> io::Result<()> {
    for path in files {
        match open_file(folder.holding(path)?, path.name()) {
            Ok((file, _)) => file.sync_all()?,
            Err(Unread::Io(error)) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            // A file whose mode keeps its owner from opening it cannot be synced by name.
            Err(Unread::Io(_)) => {}
            Err(_) => return Err(io::ErrorKind::NotFound.into()),
        }
    }
    for path in folders.rev() {
        atomic::sync(folder.below(path.as_str().as_bytes())?)?;
    }
    atomic::sync(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_by_one_reaches_every_file_and_misses_none() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("a/b")).unwrap();
        std::fs::write(temp.path().join("a/b/c"), "x").unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        let path = |text| RelPath::new(text).unwrap();
        let (files, folders) = ([path("a/b/c")], [path("a"), path("a/b")]);
        one_by_one(&folder, files.iter(), folders.iter()).unwrap();
        assert!(one_by_one(&folder, [path("none")].iter(), folders.iter()).is_err());
        assert!(one_by_one(&folder, files.iter(), [path("none")].iter()).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_impatient_sync_reports_that_it_did_not_finish() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        assert!(whole_file_system(&folder, Duration::from_secs(60)));
        assert!(!whole_file_system(&folder, Duration::ZERO));
    }
}
