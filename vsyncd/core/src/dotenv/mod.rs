//! The env file: lines, placeholders, file references, and which keys are pushed.

use std::collections::BTreeMap;

use crate::secret::Secret;

/// Which keys mean what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Suffixes of keys whose value names a file; the key without it is the secret's name.
    pub suffixes: Vec<String>,
    /// Names that are never pushed.
    pub excluded: Vec<String>,
}

/// An env file that was understood.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// What is to be pushed, in the file's order; each name once.
    pub entries: Vec<Entry>,
    /// What was passed over or is doubtful.
    pub warnings: Vec<Warning>,
    /// All values by key after expansion, those that are never pushed too: routing and credentials are
    /// looked up here.
    pub values: BTreeMap<String, Secret<String>>,
}

/// A line that is pushed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name in the target.
    pub name: String,
    /// The key as it stands in the file.
    pub key: String,
    /// The line, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub enum Value {
    /// The line itself.
    Inline(Secret<String>),
    /// The file at this absolute path.
    File(String),
}

/// Something to tell about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1.
    pub line: usize,
    /// The text, without the value.
    pub text: String,
}

/// A secret with its bytes at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name in the target.
    pub name: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// The bytes, whatever they are.
    pub value: Secret<Vec<u8>>,
}

/// Why a referenced file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing is there.
    NotFound,
    /// It is a folder, a FIFO or a device.
    NotAFile(&'static str),
    /// It is larger than the target takes.
    TooLarge {
        /// The target's limit in bytes.
        limit: u64,
    },
    /// The system refused.
    Other(String),
}

/// Why an env file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvError {
    /// A line is not UTF-8.
    #[error("line {line} of the env file is not valid UTF-8")]
    NotText {
        /// The line, from 1.
        line: usize,
    },
}

impl Parsed {
    /// Reads the file.
    ///
    /// # Errors
    /// [`DotenvError`].
    pub fn read(bytes: &[u8], vault_root: &str, home: &str, policy: &Policy) -> Result<Self, DotenvError> {
        let _ = (bytes, vault_root, home, policy);
        Ok(Self::default())
    }

    /// Fetches what file references point to, by `read`. All or none.
    ///
    /// # Errors
    /// One [`DotenvError`] that names every reference that could not be read, in the file's order.
    pub fn resolve(
        &self,
        read: impl FnMut(&str) -> Result<Vec<u8>, Unreadable>,
    ) -> Result<Vec<Assignment>, DotenvError> {
        let _ = read;
        Ok(Vec::new())
    }
}
