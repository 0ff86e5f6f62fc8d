//! What a vault folder holds, as a value: names, modes and content hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::relpath::RelPath;

/// The mode bits that travel: read, write and execute for owner, group and others.
pub const MODE_MASK: u32 = 0o777;

/// SHA-256 of a file's content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

/// What makes a file the same file: its mode and its content. The modification time is not part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeFile {
    /// Size in bytes.
    pub size: u64,
    /// Permission bits, within [`MODE_MASK`].
    pub mode: u32,
    /// Hash of the content.
    pub hash: ContentHash,
}

/// The content of a vault folder. Two folders with equal trees are equal byte for byte, file
/// modes included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Every file.
    pub files: BTreeMap<RelPath, TreeFile>,
    /// Folders with nothing in them. Others follow from the files' names.
    pub empty_dirs: BTreeSet<RelPath>,
}

impl Tree {
    /// True when there is neither a file nor a folder.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.empty_dirs.is_empty()
    }

    /// Sum of the files' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }
}

impl ContentHash {
    /// Hashes a content that is in memory.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bad = || serde::de::Error::custom("not a SHA-256 in hex");
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(hash))
    }
}
