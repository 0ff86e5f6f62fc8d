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
    /// A ledger of what a tree says, agreeing with nothing and vouching for no file on disk.
    pub fn of(tree: &Tree) -> Self {
        let files = tree.files.iter().map(|(path, file)| {
            let (size, mode, hash) = (file.size, file.mode, file.hash);
            (path.clone(), LedgerFile { size, mtime_ns: 0, ctime_ns: 0, mode, inode: 0, hash })
        });
        Self { files: files.collect(), empty_dirs: tree.empty_dirs.clone(), ..Self::default() }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    const SCANNED: i64 = 1_000;

    fn path() -> RelPath {
        RelPath::new(".env").unwrap()
    }

    fn ledger() -> Ledger {
        let hash = ContentHash::of(b"A=1");
        let file = LedgerFile { size: 3, mtime_ns: 900, ctime_ns: 950, mode: 0o600, inode: 7, hash };
        let synced = SyncPoint {
            version: "20260523-114201".parse().unwrap(),
            generation: None,
            push_id: None,
            etag: "d41d8".into(),
            op: SyncOp::Adopt,
            at: "2026-05-23T11:42:01Z".parse().unwrap(),
        };
        Ledger {
            synced: Some(synced),
            files: BTreeMap::from([(path(), file)]),
            empty_dirs: BTreeSet::from([RelPath::new("none").unwrap()]),
            scanned_ns: SCANNED,
        }
    }

    const SEEN: LedgerStat = LedgerStat { size: 3, mtime_ns: 900, ctime_ns: 950, mode: 0o600, inode: 7 };

    #[test]
    fn an_untouched_file_is_not_read_again() {
        assert_eq!(ledger().known_hash(&path(), &SEEN), Some(ContentHash::of(b"A=1")));
        assert_eq!(ledger().known_hash(&RelPath::new("new").unwrap(), &SEEN), None);
    }

    #[test]
    fn any_difference_means_reading_it() {
        for seen in [
            LedgerStat { size: 4, ..SEEN },
            LedgerStat { mtime_ns: 901, ..SEEN },
            LedgerStat { ctime_ns: 951, ..SEEN },
            LedgerStat { mode: 0o644, ..SEEN },
            LedgerStat { inode: 8, ..SEEN },
        ] {
            assert_eq!(ledger().known_hash(&path(), &seen), None, "{seen:?}");
        }
    }

    #[test]
    fn a_file_as_young_as_the_scan_is_not_trusted() {
        for (mtime_ns, ctime_ns, trusted) in [
            (SCANNED - 1, SCANNED - 1, true),
            (SCANNED, SCANNED - 1, false),
            (SCANNED - 1, SCANNED, false),
            (SCANNED + 1, SCANNED + 1, false),
        ] {
            let mut ledger = ledger();
            for file in ledger.files.values_mut() {
                (file.mtime_ns, file.ctime_ns) = (mtime_ns, ctime_ns);
            }
            let seen = LedgerStat { mtime_ns, ctime_ns, ..SEEN };
            assert_eq!(ledger.known_hash(&path(), &seen).is_some(), trusted, "{mtime_ns} {ctime_ns}");
        }
    }

    #[test]
    fn its_tree_is_what_was_agreed_on() {
        let tree = ledger().tree();
        let file = TreeFile { size: 3, mode: 0o600, hash: ContentHash::of(b"A=1") };
        assert_eq!(tree.files, BTreeMap::from([(path(), file)]));
        assert_eq!(tree.empty_dirs, ledger().empty_dirs);
    }

    #[test]
    fn it_survives_its_file() {
        let text = serde_json::to_string(&ledger()).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger());
        let outside = text.replace(".env", "../.env");
        assert!(serde_json::from_str::<Ledger>(&outside).is_err());
        assert_eq!(
            serde_json::from_str::<Ledger>(r#"{"synced":null,"files":{},"scanned_ns":0}"#).unwrap(),
            Ledger::default()
        );
    }
}
