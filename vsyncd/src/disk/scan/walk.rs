//! Going through a folder, one open descriptor at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::FileType;
use vsync_core::relpath::RelPath;
use vsync_core::vault::ledger::{Ledger, LedgerFile, LedgerStat};
use vsync_core::vault::litter::is_litter;
use vsync_core::vault::tree::ContentHash;

use super::reading::{self, Unread};
use super::{BadName, LeftOut, NotPlain, ScanError, ScanLimits};
use crate::disk::facts::SECOND_NS;
use crate::disk::folder::{Folder, facts_at, names};

/// A walk under way, and what it found so far.
pub(super) struct Walk<'a> {
    root: &'a Folder,
    ledger: &'a Ledger,
    limits: &'a ScanLimits,
    salvage: bool,
    entries: usize,
    /// Sum of the sizes that the files were seen with.
    announced: u64,
    /// Sum of those that were read or vouched for.
    bytes: u64,
    pending: Vec<RelPath>,
    /// Files that have to be read. That comes last, so that what is refused is refused before anything
    /// of a gigabyte is read.
    unread: Vec<RelPath>,
    found: Found,
}

/// What a walk found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: BTreeMap<RelPath, LedgerFile>,
    /// Every folder; true when there is nothing in it, not even litter.
    pub(super) folders: BTreeMap<RelPath, bool>,
    pub(super) left_out: Vec<LeftOut>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Folder, ledger: &'a Ledger, limits: &'a ScanLimits, salvage: bool) -> Self {
        let (pending, unread, found) = (Vec::new(), Vec::new(), Found::default());
        Self { root, ledger, limits, salvage, entries: 0, announced: 0, bytes: 0, pending, unread, found }
    }

    pub(super) fn run(mut self) -> Result<Found, ScanError> {
        let top = self.root.below(b"")?;
        self.folder(&top, None)?;
        while let Some(path) = self.pending.pop() {
            match self.root.below(path.as_str().as_bytes()) {
                Ok(dir) => self.folder(&dir, Some(&path))?,
                Err(error) => self.unopened(&path, error)?,
            }
        }
        self.read_all()?;
        Ok(self.found)
    }

    fn read_all(&mut self) -> Result<(), ScanError> {
        let mut open: Option<(Option<RelPath>, OwnedFd)> = None;
        for path in std::mem::take(&mut self.unread) {
            // Files of one folder come one after another.
            let (parent, dir) = match open.take().filter(|(at, _)| *at == path.parent()) {
                Some(same) => same,
                None => match self.root.holding(&path) {
                    Ok(dir) => (path.parent(), dir),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    // It was a folder a moment ago.
                    Err(_) => {
                        self.refuse(ScanError::Changing { path })?;
                        continue;
                    }
                },
            };
            let room = self.limits.bytes.saturating_sub(self.bytes);
            let read = reading::hash(&dir, path.name(), room);
            self.file(path, read)?;
            open = Some((parent, dir));
        }
        Ok(())
    }

    /// A folder was there a moment ago and cannot be opened.
    fn unopened(&mut self, path: &RelPath, error: io::Error) -> Result<(), ScanError> {
        if matches!(error.kind(), io::ErrorKind::NotFound) {
            return Ok(());
        }
        let parent = self.root.below(path.parent().as_ref().map_or("", RelPath::as_str).as_bytes());
        let now = parent.and_then(|parent| facts_at(&parent, path.name()));
        match now.map(|facts| facts.map(|facts| facts.kind)) {
            Ok(None) => Ok(()),
            Ok(Some(kind)) if kind != FileType::Directory => {
                self.refuse(ScanError::NotPlain { path: path.clone(), what: NotPlain::of(kind) })
            }
            _ => self.refuse(ScanError::Unreadable { path: path.clone(), source: error }),
        }
    }

    fn folder(&mut self, dir: &OwnedFd, path: Option<&RelPath>) -> Result<(), ScanError> {
        let names = match (names(dir), path) {
            (Ok(names), _) => names,
            (Err(source), Some(path)) => {
                return self.refuse(ScanError::Unreadable { path: path.clone(), source });
            }
            (Err(source), None) => return Err(source.into()),
        };
        self.entries += names.len();
        if self.entries > self.limits.entries {
            return Err(ScanError::TooMany { limit: self.limits.entries });
        }
        if let Some(path) = path {
            self.found.folders.insert(path.clone(), names.is_empty());
        }
        names.iter().try_for_each(|name| self.entry(dir, path, name))
    }

    fn entry(&mut self, dir: &OwnedFd, parent: Option<&RelPath>, name: &CStr) -> Result<(), ScanError> {
        let path = path_of(parent, name);
        let facts = match facts_at(dir, name) {
            Ok(Some(facts)) => facts,
            Ok(None) => return Ok(()),
            Err(source) => match path {
                Ok(path) => return self.refuse(ScanError::Unreadable { path, source }),
                Err(_) => return Err(source.into()),
            },
        };
        let path = match path {
            Ok(path) => path,
            // Litter under an impossible name is still litter.
            Err(_) if facts.kind != FileType::Directory && is_litter(&name.to_string_lossy()) => {
                return Ok(());
            }
            Err(why) => {
                let parent = parent.map(|parent| format!("{parent}/")).unwrap_or_default();
                let name = format!("{parent}{}", name.to_string_lossy().escape_debug());
                return self.refuse(ScanError::BadName { name, why });
            }
        };
        if facts.kind == FileType::Directory {
            self.pending.push(path);
            return Ok(());
        }
        // A bundle may bring such a name as a file: then the ledger lists it.
        if is_litter(path.name()) && !self.ledger.files.contains_key(&path) {
            return Ok(());
        }
        if facts.kind != FileType::RegularFile {
            return self.refuse(ScanError::NotPlain { path, what: NotPlain::of(facts.kind) });
        }
        self.announced = self.announced.saturating_add(facts.stat.size);
        if self.announced > self.limits.bytes {
            return Err(ScanError::TooLarge { limit: self.limits.bytes });
        }
        match self.vouched(&path, &facts.stat) {
            Some(hash) => self.file(path, Ok((facts.stat, hash))),
            None => {
                self.unread.push(path);
                Ok(())
            }
        }
    }

    fn file(
        &mut self,
        path: RelPath,
        read: Result<(LedgerStat, ContentHash), Unread>,
    ) -> Result<(), ScanError> {
        let (stat, hash) = match read {
            Ok(read) => read,
            Err(Unread::Gone) => return Ok(()),
            Err(Unread::TooLarge) => return Err(ScanError::TooLarge { limit: self.limits.bytes }),
            Err(Unread::NotPlain(what)) => return self.refuse(ScanError::NotPlain { path, what }),
            Err(Unread::Changing) => return self.refuse(ScanError::Changing { path }),
            Err(Unread::Io(source)) => return self.refuse(ScanError::Unreadable { path, source }),
        };
        self.bytes += stat.size;
        let LedgerStat { size, mtime_ns, ctime_ns, mode, inode } = stat;
        self.found.files.insert(path, LedgerFile { size, mtime_ns, ctime_ns, mode, inode, hash });
        Ok(())
    }

    /// The ledger's hash, where it can be trusted.
    fn vouched(&self, path: &RelPath, stat: &LedgerStat) -> Option<ContentHash> {
        // A change time of whole seconds betrays a file system that keeps no finer ones, and
        // the coarsest keep two: a younger file may have changed since without showing it.
        let coarse = stat.ctime_ns % SECOND_NS == 0;
        if coarse && stat.ctime_ns.saturating_add(2 * SECOND_NS) >= self.ledger.scanned_ns {
            return None;
        }
        self.ledger.known_hash(path, stat)
    }

    /// Ends the scan, or, when salvaging, notes what is left out.
    fn refuse(&mut self, error: ScanError) -> Result<(), ScanError> {
        if !self.salvage {
            return Err(error);
        }
        let name = match &error {
            ScanError::NotPlain { path, .. }
            | ScanError::Unreadable { path, .. }
            | ScanError::Changing { path } => path.to_string(),
            ScanError::BadName { name, .. } => name.clone(),
            _ => return Err(error),
        };
        self.found.left_out.push(LeftOut { name, why: error.to_string() });
        Ok(())
    }
}

impl Found {
    /// The folders with nothing in them. One that holds only litter counts when the ledger has
    /// it as empty; otherwise it is litter itself.
    pub(super) fn empty_dirs(&self, ledger: &Ledger) -> BTreeSet<RelPath> {
        let mut holding = BTreeSet::new();
        for path in self.files.keys() {
            hold(&mut holding, path);
        }
        let mut empty = BTreeSet::new();
        // Inner folders come before the ones that hold them.
        for (path, nothing) in self.folders.iter().rev() {
            if !holding.contains(path) && (*nothing || ledger.empty_dirs.contains(path)) {
                hold(&mut holding, path);
                empty.insert(path.clone());
            }
        }
        empty
    }
}

/// Marks the folders that a file or folder lies in.
fn hold(holding: &mut BTreeSet<RelPath>, path: &RelPath) {
    let mut parent = path.parent();
    while let Some(path) = parent {
        parent = path.parent();
        if !holding.insert(path) {
            return;
        }
    }
}

fn path_of(parent: Option<&RelPath>, name: &CStr) -> Result<RelPath, BadName> {
    let name = name.to_str().map_err(|_| BadName::NotUtf8)?;
    Ok(match parent {
        None => RelPath::new(name)?,
        Some(parent) => parent.join(name)?,
    })
}
