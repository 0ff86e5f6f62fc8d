//! Looking at a vault folder: what is in it, hashed only where the ledger cannot tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::FileType;
use vsync_core::relpath::{BadPath, RelPath};
use vsync_core::vault::clash::clashes;
use vsync_core::vault::ledger::{Ledger, LedgerFile, SyncPoint};
use vsync_core::vault::tree::{Tree, TreeFile};

use super::folder::{Folder, NotAFolder};

mod reading;
mod walk;

pub(crate) use reading::{Unread, open_file};

/// What is too much for a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanLimits {
    /// Entries of all kinds, litter included.
    pub entries: usize,
    /// Sum of the files' sizes in bytes.
    pub bytes: u64,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self { entries: 65_536, bytes: 1 << 30 }
    }
}

/// A vault folder as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Names, modes and hashes. Without editor litter.
    pub tree: Tree,
    /// The same files with what the next scan needs to trust their hashes.
    pub files: BTreeMap<RelPath, LedgerFile>,
    /// What a ledger of this scan has as `scanned_ns`: the start of the scan less the margin
    /// for clocks that tick coarsely.
    pub scanned_ns: i64,
    /// What [`salvage`] had to leave out. Empty after [`scan`].
    pub left_out: Vec<LeftOut>,
}

/// An entry that could not be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name below the folder, control characters escaped.
    pub name: String,
    /// Why, for people.
    pub why: String,
}

/// What else than files and folders lies in a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPlain {
    /// A symbolic link.
    Symlink,
    /// A socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A block or character device, or something unknown.
    Device,
}

/// Why a name cannot be part of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Bytes that are not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// A name that other systems would read differently.
    #[error(transparent)]
    Path(#[from] BadPath),
}

/// Why a folder could not be scanned or read.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The folder itself: missing, a symlink, not a folder.
    #[error("cannot scan the vault folder: {0}")]
    Folder(#[from] NotAFolder),
    /// A vault holds only files and folders.
    #[error("'{path}' is {what}; a vault holds plain files and folders only")]
    NotPlain {
        /// Where.
        path: RelPath,
        /// What it is.
        what: NotPlain,
    },
    /// A name that cannot travel.
    #[error("'{name}' cannot be part of a vault: {why}")]
    BadName {
        /// The name, readable as far as possible.
        name: String,
        /// Which rule it breaks.
        why: BadName,
    },
    /// Two names that some systems take for the same.
    #[error("'{a}' and '{b}' differ only in case or Unicode form; some systems keep only one of them")]
    NameClash {
        /// One.
        a: RelPath,
        /// The other.
        b: RelPath,
    },
    /// A file or folder that this user cannot read.
    #[error("cannot read '{path}': {source}")]
    Unreadable {
        /// Which.
        path: RelPath,
        /// Why.
        source: io::Error,
    },
    /// A file that changed each time it was read.
    #[error("'{path}' keeps changing while it is read; try again when it is at rest")]
    Changing {
        /// Which.
        path: RelPath,
    },
    /// More entries than allowed.
    #[error("the vault folder holds more than {limit} entries")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// More bytes than allowed.
    #[error("the vault folder holds more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// Anything else the system said.
    #[error("cannot scan the vault folder: {0}")]
    Io(#[from] io::Error),
}

impl NotPlain {
    pub(crate) fn of(kind: FileType) -> Self {
        match kind {
            FileType::Symlink => Self::Symlink,
            FileType::Socket => Self::Socket,
            FileType::Fifo => Self::Fifo,
            _ => Self::Device,
        }
    }
}

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "a symlink",
            Self::Socket => "a socket",
            Self::Fifo => "a FIFO",
            Self::Device => "a device",
        })
    }
}

impl Scan {
    /// The empty folders.
    pub fn empty_dirs(&self) -> &BTreeSet<RelPath> {
        &self.tree.empty_dirs
    }

    /// A ledger of this scan.
    pub fn ledger(&self, synced: Option<SyncPoint>) -> Ledger {
        Ledger {
            synced,
            files: self.files.clone(),
            empty_dirs: self.tree.empty_dirs.clone(),
            scanned_ns: self.scanned_ns,
        }
    }
}

/// Files younger than this at the start of a scan are hashed again by the next one.
///
/// File times come from a clock that ticks every 10 ms or faster, and lag behind by up to a
/// tick. A file that changes after it was hashed therefore gets a time later than the scan's
/// start less one tick; what is recorded as older than two ticks cannot be mistaken for it.
const MARGIN_NS: i64 = 20_000_000;

/// Scans a vault folder. Only files whose hash the ledger cannot vouch for are read. Editor
/// litter is passed over, except under names that the ledger lists.
///
/// `started` is the wall clock at the call, not later: it decides which files are too young to
/// trust.
///
/// # Errors
/// [`ScanError`]: the first thing found that a vault cannot hold.
pub fn scan(
    folder: &Path,
    ledger: &Ledger,
    limits: &ScanLimits,
    started: Timestamp,
) -> Result<Scan, ScanError> {
    run(folder, ledger, limits, started, false)
}

/// As [`scan`], to save what can be saved: what a vault cannot hold is left out and listed.
///
/// # Errors
/// [`ScanError`]: the folder itself, the limits, the system.
pub fn salvage(
    folder: &Path,
    ledger: &Ledger,
    limits: &ScanLimits,
    started: Timestamp,
) -> Result<Scan, ScanError> {
    run(folder, ledger, limits, started, true)
}

fn run(
    folder: &Path,
    ledger: &Ledger,
    limits: &ScanLimits,
    started: Timestamp,
    salvage: bool,
) -> Result<Scan, ScanError> {
    let root = Folder::open(folder)?;
    let found = walk::Walk::new(&root, ledger, limits, salvage).run()?;
    if !salvage && let Some((a, b)) = clashes(found.files.keys().chain(found.folders.keys())) {
        return Err(ScanError::NameClash { a, b });
    }
    let empty_dirs = found.empty_dirs(ledger);
    let files = found
        .files
        .iter()
        .map(|(path, file)| (path.clone(), TreeFile { size: file.size, mode: file.mode, hash: file.hash }));
    let started_ns = i64::try_from(started.as_nanosecond()).unwrap_or(0);
    Ok(Scan {
        tree: Tree { files: files.collect(), empty_dirs },
        files: found.files,
        scanned_ns: started_ns.saturating_sub(MARGIN_NS),
        left_out: found.left_out,
    })
}

#[cfg(test)]
mod tests;
