//! What a store refused, and what would have to change.

use std::fmt;

/// A refusal: the store's own words for the log and the message, and the cause for the hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused, by which store and with which of its words.
    pub text: String,
    /// What stands behind it.
    pub cause: Cause,
}

/// Why a store refuses, as far as its answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The credentials are good, and lack a right.
    Right {
        /// The right.
        right: Right,
        /// The object's key, or the prefix of a listing.
        name: String,
    },
    /// The store does not know the access key id.
    UnknownKeyId,
    /// The secret does not belong to the access key id.
    WrongSecret,
    /// The credentials were good once.
    Expired,
    /// The account behind the credentials may not use the store.
    Account,
    /// The bucket is in another region; the store may say in which.
    Region(Option<String>),
    /// The store is a folder, and this user may not do that in it, or its disk is mounted read-only.
    Folder,
    /// The answer does not tell.
    Unknown,
}

/// A right at a store, by the name that policies give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read an object.
    GetObject,
    /// Write an object.
    PutObject,
    /// List names. Without it a store answers a read of a missing object with a refusal.
    ListBucket,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GetObject => "s3:GetObject",
            Self::PutObject => "s3:PutObject",
            Self::ListBucket => "s3:ListBucket",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self { text, cause: Cause::Unknown }
    }
}
