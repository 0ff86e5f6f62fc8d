//! Where versions live: objects under keys, replaced only under a condition.
//!
//! A small trait, one conformance suite for every implementation.

pub mod folder;
pub mod memory;
pub mod meter;
pub mod s3;

#[cfg(test)]
mod conformance;
mod etag;
mod guard;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use vsync_core::sync::{Problem, Refusal};

pub use guard::{Guard, Guards};

/// User metadata of an object: lower-case names without any vendor prefix.
pub type Metadata = BTreeMap<String, String>;

/// An object's description, as HEAD gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Entity tag without quotes. Two writes of different content or metadata may share it on S3
    /// (it is the hash of the body there), so it is compared together with the metadata.
    pub etag: String,
    /// User metadata.
    pub metadata: Metadata,
    /// Size of the body in bytes.
    pub size: u64,
}

/// An object with its body. Head and body come from one response.
#[derive(Debug, Clone)]
pub struct Object {
    /// The description.
    pub head: ObjectHead,
    /// The body.
    pub body: Bytes,
}

/// Under which condition a PUT may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Only if there is no object under the key.
    Absent,
    /// Only if the object's entity tag is this one (unquoted).
    Matches(String),
}

/// What a store can answer with besides success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The condition did not hold: somebody else wrote first.
    #[error("the object was changed by somebody else")]
    Conflict,
    /// It is not known whether the write happened: cut, timed out, or a 500. Read back.
    #[error("the store's answer to a write was lost or unclear: {0}")]
    Unclear(String),
    /// No answer: refused, unresolved, timed out, or the server says it is overloaded.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// The bucket, or the folder that plays it, does not exist.
    #[error("the bucket does not exist: {0}")]
    NoBucket(String),
    /// The credentials do not allow it.
    #[error("the store refuses access: {0}")]
    Denied(Refusal),
    /// The store refuses because the clocks differ too much.
    #[error("the store refuses the request's time; this machine's clock is wrong: {0}")]
    ClockSkew(String),
    /// The object is larger than the limit the caller gave.
    #[error("the object has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Size of the object as far as known.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The store is a folder, and its disk does not take the write: nothing was written.
    #[error(transparent)]
    Disk(Problem),
    /// Anything else the store said.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Objects under keys. Keys are `/`-separated and relative to the bucket.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// The object's description, or `None` when there is none.
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError>;

    /// The object, or `None` when there is none. A body of more than `limit` bytes is
    /// [`StoreError::TooLarge`], found out before it is all in memory.
    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError>;

    /// Writes the object if the condition holds, atomically, and returns its entity tag. Never
    /// retried here: after [`StoreError::Unclear`] the caller reads back.
    async fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Condition,
    ) -> Result<String, StoreError>;

    /// The keys that start with `prefix`, sorted, with their sizes.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError>;

    /// How the store treats writes whose condition does not hold; `None` = nobody knows.
    fn guards(&self) -> Option<Guards>;

    /// Finds out how the store treats conditions, unless that is known: writes the small object
    /// `key`, which must be of no other use, and writes it again under conditions that fail.
    ///
    /// # Errors
    /// What the store says; then nothing more is known than before.
    async fn probe(&self, key: &str) -> Result<(), StoreError>;

    /// Takes note of something that cannot happen where conditions hold, so that the next
    /// [`Store::probe`] asks again.
    async fn doubt(&self) {}

    /// Whether the store keeps the promise of a conditional write, that only one of two writers
    /// wins; `None` = nobody knows.
    fn conditional(&self) -> Option<bool> {
        self.guards().map(Guards::hold)
    }

    /// How to name this store to people: endpoint and bucket, no credentials.
    fn describe(&self) -> String;
}
