//! A vault folder with its contents, in memory: what a bundle is made from and opened into.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use zeroize::Zeroizing;

use super::tree::{ContentHash, Tree, TreeFile};
use crate::relpath::RelPath;

/// One file with its content.
#[derive(Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Permission bits, within [`super::tree::MODE_MASK`].
    pub mode: u32,
    /// Modification time, seconds since 1970 UTC. Travels, but is not part of equality of trees.
    pub mtime: i64,
    /// The bytes. Wiped on drop.
    pub content: Zeroizing<Vec<u8>>,
}

/// A whole vault folder in memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every file.
    pub files: BTreeMap<RelPath, SnapshotFile>,
    /// Folders with nothing in them.
    pub empty_dirs: BTreeSet<RelPath>,
}

impl Snapshot {
    /// Names, modes and hashes without the contents. Hashes every file: costs time.
    pub fn tree(&self) -> Tree {
        let files = self.files.iter().map(|(path, file)| {
            let size = file.content.len() as u64;
            (path.clone(), TreeFile { size, mode: file.mode, hash: ContentHash::of(&file.content) })
        });
        Tree { files: files.collect(), empty_dirs: self.empty_dirs.clone() }
    }
}

/// Names and sizes only; a content never reaches a debug line.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter().map(|(path, file)| (path, file.content.len()));
        f.debug_map().entries(files).finish()
    }
}
