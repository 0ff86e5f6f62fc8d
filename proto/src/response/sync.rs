//! What `sync` answers with.

use serde::{Deserialize, Serialize};

/// What is done with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncAction {
    /// It is new there.
    Create,
    /// It gets another value.
    Update,
    /// It is there as it is here.
    Unchanged,
    /// It is taken away.
    Remove,
    /// An earlier run sent it, the env file no longer has it, and it stays: nobody asked to remove it, or
    /// somebody else has changed it there since.
    Stale,
    /// The target's rules forbid its name or value.
    Refused,
}

/// One secret of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStep {
    /// Its name in the target.
    pub name: String,
    /// What is done with it.
    pub action: SyncAction,
    /// Why it is refused; of any other: what to know about it, such as a file outside the vault folder.
    pub why: Option<String>,
    /// Whether somebody else has changed it there since the last run.
    pub foreign: bool,
}

/// How many secrets met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncCounts {
    /// New there; in a dry run: would be.
    pub created: u64,
    /// With another value there; in a dry run: would be.
    pub updated: u64,
    /// As they were.
    pub unchanged: u64,
    /// Taken away; in a dry run: would be.
    pub removed: u64,
    /// Left although the env file no longer has them.
    pub stale: u64,
    /// Forbidden by the target's rules; only a dry run gets this far with any.
    pub refused: u64,
    /// Tried and not done.
    pub failed: u64,
}

/// A secret that was tried and not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncFailure {
    /// Its name.
    pub name: String,
    /// Why.
    pub message: String,
}

/// What a `sync` did, or would do. With `counts.failed` above zero it is a partial success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncResult {
    /// The place, for people.
    pub target: String,
    /// Which keys name files and which stay here, for people.
    pub policy: String,
    /// Where the credential came from; never the credential.
    pub credential: String,
    /// Whether nothing was sent because nothing was to be.
    pub dry_run: bool,
    /// Whether the folder is not what was last pushed.
    pub folder_differs: bool,
    /// What was to be done with each secret: in the env file's order, then what is taken away or stays
    /// although nobody wants it, then what is refused.
    pub steps: Vec<SyncStep>,
    /// What became of them.
    pub counts: SyncCounts,
    /// Those that were tried and not done.
    pub failures: Vec<SyncFailure>,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}
