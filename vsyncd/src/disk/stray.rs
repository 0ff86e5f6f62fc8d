//! Carrying editor litter over into a staged folder.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use vsync_core::relpath::RelPath;
use vsync_core::vault::litter::is_litter;

use super::atomic::raw_mode;
use super::folder::{Folder, facts_at, names};
use super::scan::open_file;

/// Copies litter from `old` into `new` under the same names, except where `taken`. Folders that
/// only litter needs are made, and returned. What cannot be copied is left.
pub(crate) fn carry(old: &Path, new: &Folder, taken: impl Fn(&RelPath) -> bool) -> BTreeSet<RelPath> {
    let mut made = BTreeSet::new();
    let Ok(old) = Folder::open(old) else {
        return made;
    };
    let mut pending = vec![None::<RelPath>];
    while let Some(parent) = pending.pop() {
        let below = parent.as_ref().map_or("", RelPath::as_str);
        let Ok(dir) = old.below(below.as_bytes()) else {
            continue;
        };
        for name in names(&dir).unwrap_or_default() {
            let path = name.to_str().ok().and_then(|name| match &parent {
                None => RelPath::new(name).ok(),
                Some(parent) => parent.join(name).ok(),
            });
            let (Some(path), Ok(Some(facts))) = (path, facts_at(&dir, name.as_c_str())) else {
                continue;
            };
            if facts.kind == FileType::Directory {
                pending.push(Some(path));
            } else if is_litter(path.name())
                && !taken(&path)
                && make_parents(new, &path, &taken, &mut made).is_ok()
            {
                let _ = copy(&dir, facts.kind, new, &path, facts.stat.mode);
            }
        }
    }
    made
}

fn make_parents(
    new: &Folder,
    path: &RelPath,
    taken: &impl Fn(&RelPath) -> bool,
    made: &mut BTreeSet<RelPath>,
) -> io::Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    if taken(&parent) {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    make_parents(new, &parent, taken, made)?;
    match rustix::fs::mkdirat(new, parent.as_str(), Mode::RWXU) {
        Ok(()) => {
            made.insert(parent);
            Ok(())
        }
        Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn copy(dir: &OwnedFd, kind: FileType, new: &Folder, path: &RelPath, mode: u32) -> io::Result<()> {
    match kind {
        FileType::RegularFile => {
            let (mut from, _) = open_file(dir, path.name()).map_err(|_| io::ErrorKind::Other)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = raw_mode(mode);
            let fd = rustix::fs::openat(new, path.as_str(), flags, mode & (Mode::RUSR | Mode::WUSR))?;
            let mut to = File::from(fd);
            let copied = io::copy(&mut from, &mut to);
            if copied.is_err() {
                rustix::fs::unlinkat(new, path.as_str(), AtFlags::empty())?;
            }
            copied?;
            Ok(rustix::fs::fchmod(&to, mode)?)
        }
        // An editor's lock is a symlink whose text names its owner.
        FileType::Symlink => {
            let text = rustix::fs::readlinkat(dir, path.name(), Vec::new())?;
            Ok(rustix::fs::symlinkat(text, new, path.as_str())?)
        }
        _ => Ok(()),
    }
}
