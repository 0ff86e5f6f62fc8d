//! Building the next state of a vault folder beside the current one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use vsync_core::id::Env;
use vsync_core::relpath::RelPath;
use vsync_core::vault::ledger::{Ledger, LedgerFile, SyncPoint};
use vsync_core::vault::snapshot::{Snapshot, SnapshotFile};
use vsync_core::vault::tree::{ContentHash, Tree};
use vsync_core::version::Version;

use super::atomic::{self, Unsettled, raw_mode};
use super::facts::Facts;
use super::fault::cannot;
use super::folder::{Folder, FolderId};
use super::sibling::{self, SiblingKind};
use super::{durable, removal, rename, stray};
use crate::fail_point;

/// What a pair's settings say about modes and owners; `None` leaves the rule: file modes as in
/// the bundle, folders 0700, owner and group of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modes {
    /// Mode of every file.
    pub file_mode: Option<u32>,
    /// Mode of every folder, the vault folder included.
    pub dir_mode: Option<u32>,
    /// Numeric owner of everything.
    pub owner: Option<u32>,
    /// Numeric group of everything.
    pub group: Option<u32>,
}

/// A whole folder that waits beside the vault folder to take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Where.
    pub path: PathBuf,
    /// Which folder it is; stays true after the exchange.
    pub id: FolderId,
    /// Its files as they lie on disk.
    pub files: BTreeMap<RelPath, LedgerFile>,
    /// Its empty folders.
    pub empty_dirs: BTreeSet<RelPath>,
}

/// A folder of ours that could not be removed: nothing in it is a person's, and it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Litter {
    /// Where it lies.
    pub path: PathBuf,
    /// Which folder it is.
    pub id: FolderId,
}

impl Litter {
    /// Tries again to remove it. True when it is gone, or another folder has its name by now.
    pub fn remove(&self) -> bool {
        match super::folder::id_of(&self.path) {
            Ok(Some(id)) if id == self.id => removal::remove_tree(&self.path).is_ok(),
            Ok(_) => true,
            Err(_) => false,
        }
    }
}

impl Staged {
    /// The ledger that holds once this folder is in place. It vouches for no hash: the files
    /// have just been written, so the next scan reads each of them once.
    pub fn ledger(&self, synced: Option<SyncPoint>) -> Ledger {
        let (files, empty_dirs) = (self.files.clone(), self.empty_dirs.clone());
        Ledger { synced, files, empty_dirs, scanned_ns: 0 }
    }
}

/// Builds `.vsync-<env>.new-<stamp>` beside `target` and makes it durable. While it is built it
/// carries `.part` at its end. Nothing in it is at any moment wider open than it will be, and
/// the folder itself opens up last. Missing parents are made, 0700.
///
/// `litter_from` names the current folder: editor litter found there is copied over.
///
/// # Errors
/// The system's, naming what could not be done; the kind (disk full, denied) is kept. Nothing
/// is left behind.
pub fn stage(
    target: &Path,
    env: &Env,
    stamp: Version,
    snapshot: &Snapshot,
    modes: &Modes,
    litter_from: Option<&Path>,
) -> io::Result<Staged> {
    let content = (snapshot, &snapshot.tree());
    stage_announced(target, env, stamp, content, (modes, litter_from), |_| Ok(None))
}

/// As [`stage`], and `announce` is called when the folder is whole. The journal that it writes is
/// made durable together with the folder, and then the folder takes its name. A crash before that
/// leaves a `.part`, which nobody can have written into; so a folder with a whole name is one that
/// the journal knows. `tree` is the snapshot's: nothing is hashed twice.
///
/// # Errors
/// As [`stage`], and what `announce` says.
pub fn stage_announced(
    target: &Path,
    env: &Env,
    stamp: Version,
    content: (&Snapshot, &Tree),
    how: (&Modes, Option<&Path>),
    announce: impl FnOnce(&Staged) -> io::Result<Option<Unsettled>>,
) -> io::Result<Staged> {
    stage_or_leave(target, env, stamp, content, how, announce, |litter| {
        tracing::warn!(path = %litter.path.display(), "a half-made folder cannot be removed");
    })
}

/// As [`stage_announced`], and what is half made and cannot be removed is handed to `leave`, for
/// another try later.
///
/// # Errors
/// As [`stage_announced`].
pub fn stage_or_leave(
    target: &Path,
    env: &Env,
    stamp: Version,
    (snapshot, tree): (&Snapshot, &Tree),
    (modes, litter_from): (&Modes, Option<&Path>),
    announce: impl FnOnce(&Staged) -> io::Result<Option<Unsettled>>,
    leave: impl FnOnce(Litter),
) -> io::Result<Staged> {
    let (parent, _) = super::folder::split(target)?;
    atomic::create_private_dirs(parent)?;
    let (open, _) = Folder::parent_of(target)?;
    let (part, name) = begin(&open, env, stamp).map_err(cannot("make a folder in", parent.display()))?;
    fail_point::reach("staged", "made");
    let built =
        Build { folder: &part.0, snapshot, tree, modes }.run(litter_from).and_then(|(files, folders)| {
            let empty_dirs = snapshot.empty_dirs.clone();
            let staged = Staged { path: parent.join(&name), id: part.0.id(), files, empty_dirs };
            let journal = announce(&staged)?;
            durable::settle(&part.0, journal.as_ref(), staged.files.keys(), folders.iter())
                .map_err(cannot("sync", "the new folder"))?;
            fail_point::reach("staged", "synced");
            rename::folder_to_free(&open, part.1.as_c_str(), name.as_os_str())
                .map_err(cannot("name", name.display()))?;
            fail_point::reach("staged", "named");
            Ok(staged)
        });
    if built.is_err() && removal::remove_in(&open, &part.1).is_err() {
        let name = std::ffi::OsStr::from_bytes(part.1.as_bytes());
        leave(Litter { path: parent.join(name), id: part.0.id() });
    }
    built
}

/// Makes the `.part` folder; returns it with its name, and the name it will have when whole.
fn begin(parent: &Folder, env: &Env, stamp: Version) -> io::Result<((Folder, CString), std::ffi::OsString)> {
    for serial in 1..1000 {
        let whole = sibling::name(env, SiblingKind::Staged, stamp, serial);
        if super::folder::facts_at(parent, whole.as_os_str())?.is_some() {
            continue;
        }
        let part = sibling::name(env, SiblingKind::Part, stamp, serial);
        match rustix::fs::mkdirat(parent, part.as_os_str(), Mode::RWXU) {
            Err(Errno::EXIST) => continue,
            other => other?,
        }
        let opened = Folder::child(parent, &part).and_then(|folder| {
            // Drops what the parent may hand down, such as its setgid bit.
            rustix::fs::fchmod(&folder, Mode::RWXU)?;
            Ok(folder)
        });
        let folder = opened.inspect_err(|_| {
            let _ = rustix::fs::unlinkat(parent, part.as_os_str(), AtFlags::REMOVEDIR);
        })?;
        return Ok(((folder, CString::new(part.as_bytes())?), whole));
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Files and folders of a staged folder.
type Built = (BTreeMap<RelPath, LedgerFile>, BTreeSet<RelPath>);

/// A staged folder under construction.
struct Build<'a> {
    folder: &'a Folder,
    snapshot: &'a Snapshot,
    tree: &'a Tree,
    modes: &'a Modes,
}

impl Build<'_> {
    /// Writes everything; returns the files as they lie there, and every folder below the top.
    fn run(&self, litter_from: Option<&Path>) -> io::Result<Built> {
        let mut folders = self.folders();
        for path in &folders {
            let made = self
                .folder
                .holding(path)
                .and_then(|dir| rustix::fs::mkdirat(dir, path.name(), Mode::RWXU).map_err(io::Error::from));
            made.map_err(cannot("make the folder", path))?;
        }
        let mut files = BTreeMap::new();
        let mut open: Option<(Option<RelPath>, OwnedFd)> = None;
        for (path, file) in &self.snapshot.files {
            // Files of one folder mostly come one after another.
            let (parent, dir) = match open.take().filter(|(at, _)| *at == path.parent()) {
                Some(same) => same,
                None => (path.parent(), self.folder.holding(path).map_err(cannot("write", path))?),
            };
            let written = self.file(&dir, path, file).map_err(cannot("write", path))?;
            files.insert(path.clone(), written);
            open = Some((parent, dir));
            fail_point::reach("staged", "written");
        }
        if let Some(old) = litter_from {
            // Litter is a convenience: what cannot be copied does not stop a swap.
            folders.extend(stray::carry(old, self.folder, |path| files.contains_key(path)));
        }
        for path in folders.iter().rev() {
            let opened = self.folder.below(path.as_str().as_bytes());
            opened.and_then(|dir| self.finish(&dir)).map_err(cannot("set mode and owner of", path))?;
        }
        self.finish(self.folder).map_err(cannot("set mode and owner of", "the vault folder"))?;
        Ok((files, folders))
    }

    /// Every folder below the top, outer ones first.
    fn folders(&self) -> BTreeSet<RelPath> {
        let mut folders = self.snapshot.empty_dirs.clone();
        for path in self.snapshot.files.keys().chain(&self.snapshot.empty_dirs) {
            let mut parent = path.parent();
            while let Some(path) = parent {
                parent = path.parent();
                if !folders.insert(path) {
                    break;
                }
            }
        }
        folders
    }

    fn file(&self, dir: &OwnedFd, path: &RelPath, file: &SnapshotFile) -> io::Result<LedgerFile> {
        let mode = raw_mode(self.modes.file_mode.unwrap_or(file.mode));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(dir, path.name(), flags, mode & (Mode::RUSR | Mode::WUSR))?;
        self.own(&fd)?;
        let mut out = File::from(fd);
        out.write_all(&file.content)?;
        rustix::fs::fchmod(&out, mode)?;
        let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        let times = Timestamps { last_access: time(0, UTIME_OMIT), last_modification: time(file.mtime, 0) };
        rustix::fs::futimens(&out, &times)?;
        let stat = Facts::from(&rustix::fs::fstat(&out)?).stat;
        Ok(LedgerFile {
            size: stat.size,
            mtime_ns: stat.mtime_ns,
            ctime_ns: stat.ctime_ns,
            mode: stat.mode,
            inode: stat.inode,
            hash: match self.tree.files.get(path) {
                Some(known) => known.hash,
                None => ContentHash::of(&file.content),
            },
        })
    }

    fn finish(&self, dir: impl std::os::fd::AsFd) -> io::Result<()> {
        self.own(&dir)?;
        Ok(rustix::fs::fchmod(&dir, self.modes.dir_mode.map_or(Mode::RWXU, raw_mode))?)
    }

    fn own(&self, fd: impl std::os::fd::AsFd) -> io::Result<()> {
        if self.modes.owner.is_none() && self.modes.group.is_none() {
            return Ok(());
        }
        let (owner, group) = (self.modes.owner.map(Uid::from_raw), self.modes.group.map(Gid::from_raw));
        rustix::fs::fchown(fd, owner, group).map_err(cannot("set the owner or group", "as configured"))
    }
}
