//! The contents of a scanned folder, in memory.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use vsync_core::relpath::RelPath;
use vsync_core::vault::ledger::LedgerFile;
use vsync_core::vault::snapshot::{Snapshot, SnapshotFile};
use vsync_core::vault::tree::ContentHash;
use zeroize::Zeroizing;

use super::facts::{Facts, SECOND_NS};
use super::folder::Folder;
use super::scan::{Scan, ScanError, Unread, open_file};

/// Reads every file that the scan saw. Each is checked to be what was seen, so that the
/// snapshot's tree is the scan's.
///
/// # Errors
/// [`ScanError::Changing`] when a file is not (any more) what the scan saw: scan again.
pub fn load(folder: &Path, scan: &Scan) -> Result<Snapshot, ScanError> {
    let root = Folder::open(folder)?;
    let mut snapshot = Snapshot { empty_dirs: scan.tree.empty_dirs.clone(), ..Snapshot::default() };
    let mut open: Option<(Option<RelPath>, OwnedFd)> = None;
    for (path, expected) in &scan.files {
        let parent = path.parent();
        // Files of one folder mostly come one after another.
        let dir = match open.take() {
            Some((at, dir)) if at == parent => dir,
            _ => {
                let below = root.below(parent.as_ref().map_or("", RelPath::as_str).as_bytes());
                below.map_err(|_| ScanError::Changing { path: path.clone() })?
            }
        };
        let file = match open_file(&dir, path.name()) {
            Ok((file, facts)) => read(file, &facts, path, expected)?,
            Err(unread) => return Err(why(unread, path)),
        };
        snapshot.files.insert(path.clone(), file);
        open = Some((parent, dir));
    }
    Ok(snapshot)
}

fn read(
    mut file: File,
    facts: &Facts,
    path: &RelPath,
    expected: &LedgerFile,
) -> Result<SnapshotFile, ScanError> {
    let changing = || ScanError::Changing { path: path.clone() };
    let unreadable = |source| ScanError::Unreadable { path: path.clone(), source };
    if facts.stat.mode != expected.mode || facts.stat.size != expected.size {
        return Err(changing());
    }
    // Room for all of it at once: growing would leave copies in freed memory.
    let room = usize::try_from(expected.size).map_err(|_| changing())?;
    let mut content = Zeroizing::new(vec![0; room]);
    match file.read_exact(&mut content) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(changing()),
        other => other.map_err(unreadable)?,
    }
    if file.read(&mut [0]).map_err(unreadable)? != 0 || ContentHash::of(&content) != expected.hash {
        return Err(changing());
    }
    let mtime = facts.stat.mtime_ns.div_euclid(SECOND_NS);
    Ok(SnapshotFile { mode: expected.mode, mtime, content })
}

fn why(unread: Unread, path: &RelPath) -> ScanError {
    let path = path.clone();
    match unread {
        Unread::Gone | Unread::Changing | Unread::TooLarge => ScanError::Changing { path },
        Unread::NotPlain(what) => ScanError::NotPlain { path, what },
        Unread::Io(source) => ScanError::Unreadable { path, source },
    }
}
