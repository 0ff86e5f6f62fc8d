//! What a checkout's folder looked like when it last agreed with the bucket.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tree::{ContentHash, Tree, TreeFile};
use crate::relpath::RelPath;
use crate::version::Version;

/// The ledger of one checkout: the version its folder agrees with, and for every file what a
/// scan needs to tell without reading it whether it was edited.
///
/// Kept as JSON in the state folder. Losing it loses no content: a folder without a ledger is
/// compared with the remote instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The version the folder agrees with; `None` before the first push or pull.
    pub synced: Option<SyncPoint>,
    /// Every file at that moment.
    pub files: BTreeMap<RelPath, LedgerFile>,
    /// Folders that were empty at that moment.
    #[serde(default)]
    pub empty_dirs: BTreeSet<RelPath>,
    /// When the scan that filled `files` began, nanoseconds since 1970. A file whose mtime is
    /// not older than this is hashed again: it may have changed within the same clock tick.
    pub scanned_ns: i64,
}

/// One agreement between a folder and the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPoint {
    /// The version.
    pub version: Version,
    /// Its generation, where the pointer told one.
    pub generation: Option<u64>,
    /// The pointer object's ETag, unquoted.
    pub etag: String,
    /// The pointer's push id, where it had one. It tells two pushes of the same second apart.
    #[serde(default)]
    pub push_id: Option<String>,
    /// How they came to agree.
    pub op: SyncOp,
    /// When.
    pub at: Timestamp,
}

/// How a folder and the bucket came to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncOp {
    /// The folder's content was published.
    Push,
    /// The bucket's content was put into the folder.
    Pull,
    /// They were found equal.
    Adopt,
}

/// One file as the file system showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerFile {
    /// Size in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Status change time, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Permission bits.
    pub mode: u32,
    /// Inode number.
    pub inode: u64,
    /// Hash of the content.
    pub hash: ContentHash,
}

impl Ledger {
    /// The tree that was agreed on.
    pub fn tree(&self) -> Tree {
        let files = self.files.iter().map(|(path, file)| {
            (path.clone(), TreeFile { size: file.size, mode: file.mode, hash: file.hash })
        });
        Tree { files: files.collect(), empty_dirs: self.empty_dirs.clone() }
    }

    /// The hash this ledger knows for a file whose metadata is as given, or `None` when the file
    /// has to be read: it is new, anything about it differs, or it is too young to trust.
    pub fn known_hash(&self, path: &RelPath, seen: &LedgerStat) -> Option<ContentHash> {
        let file = self.files.get(path)?;
        let same = (file.size, file.mtime_ns, file.ctime_ns, file.mode, file.inode)
            == (seen.size, seen.mtime_ns, seen.ctime_ns, seen.mode, seen.inode);
        (same && file.mtime_ns < self.scanned_ns && file.ctime_ns < self.scanned_ns).then_some(file.hash)
    }
}

/// A file's metadata, without its content's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerStat {
    /// Size in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Status change time, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Permission bits.
    pub mode: u32,
    /// Inode number.
    pub inode: u64,
}
