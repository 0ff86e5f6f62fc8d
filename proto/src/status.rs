//! What `status` answers and status events carry.
//!
//! All instants are RFC 3339 in UTC with a final `Z`; what is not known is null.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Code;

/// The daemon and everything it looks after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The daemon itself.
    pub daemon: DaemonStatus,
    /// One entry per checkout of a pair; those of the caller's checkout first.
    pub pairs: Vec<PairStatus>,
    /// Sync rules; empty as long as there are none.
    pub rules: Vec<Value>,
    /// Pairs served from a runtime token; empty as long as there are none.
    pub runtime: Vec<Value>,
}

/// The daemon itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// For how many seconds it has been running.
    pub uptime_s: u64,
    /// The folder it keeps its state in.
    pub state_dir: Option<String>,
    /// The file it logs to, if it logs to one.
    pub log: Option<String>,
}

/// In how far a folder and the remote are in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Folder and remote are the same.
    Ok,
    /// The folder has edits that were not published.
    Edited,
    /// The folder was edited and the remote moved too; nothing is overwritten.
    Diverged,
    /// The remote is newer and will be applied.
    Behind,
    /// The remote offers something that is not applied; the reason says why.
    Held,
    /// The store cannot be reached; the last good content stays.
    Offline,
    /// Something else keeps the pair from working; the reason says what.
    Error,
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] =
        [Self::Ok, Self::Edited, Self::Diverged, Self::Behind, Self::Held, Self::Offline, Self::Error];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Edited => "edited",
            Self::Diverged => "diverged",
            Self::Behind => "behind",
            Self::Held => "held",
            Self::Offline => "offline",
            Self::Error => "error",
        }
    }
}

/// How the objects of a pair are laid out in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// As this product documents it.
    Documented,
    /// As the older client writes it.
    Classic,
}

/// Where a pair's key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStore {
    /// The system's keychain.
    Keychain,
    /// A private file in the state folder.
    File,
}

/// Names that differ from what was last synced, relative to the vault folder, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalChanges {
    /// Here only.
    pub added: Vec<String>,
    /// Other content or mode.
    pub modified: Vec<String>,
    /// Gone from here.
    pub deleted: Vec<String>,
}

impl LocalChanges {
    /// How many names differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.modified.len() + self.deleted.len()
    }

    /// True when nothing differs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the last look at the store showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteStatus {
    /// The pointer's counter.
    pub r#gen: Option<u64>,
    /// The version the pointer names.
    pub version: Option<String>,
    /// When the store last answered.
    pub checked_at: Option<String>,
    /// How many seconds ago that was.
    pub age_s: Option<u64>,
}

/// The last time folder and remote became the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSync {
    /// What did it: `push`, `pull` or `adopt`.
    pub op: String,
    /// When.
    pub at: String,
}

/// Something that happened and that the person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it happened.
    pub at: String,
    /// What happened.
    pub text: String,
    /// The backup that holds what was saved then.
    pub backup: Option<String>,
}

/// One checkout of one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairStatus {
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// The top folder of the checkout, absolute.
    pub root: String,
    /// The vault folder, absolute.
    pub folder: String,
    /// The bucket's layout, once known.
    pub layout: Option<Layout>,
    /// The counter of the version the folder holds.
    pub r#gen: Option<u64>,
    /// The version the folder holds, or started from.
    pub version: Option<String>,
    /// In how far folder and remote are in step.
    pub state: State,
    /// Since when the state holds.
    pub since: Option<String>,
    /// Why the state is not `ok`.
    pub reason: Option<Code>,
    /// Which command helps.
    pub hint: Option<String>,
    /// What was edited here.
    pub local: LocalChanges,
    /// What the store has.
    pub remote: RemoteStatus,
    /// The last sync.
    pub last_sync: Option<LastSync>,
    /// Whether the store keeps its promise that only one of two writers wins.
    pub conditional_writes: Option<bool>,
    /// Whether the folder is replaced in one step.
    pub atomic: Option<bool>,
    /// Where the key is.
    pub key_store: Option<KeyStore>,
    /// What happened since the last sync that the person should know, newest last.
    #[serde(default)]
    pub notices: Vec<Notice>,
    /// In how many seconds the store is asked again.
    pub next_poll_s: Option<u64>,
    /// What exactly stands behind `reason`, for people; null where the word says it all.
    #[serde(default)]
    pub detail: Option<String>,
    /// Whether edits are heard of at once; false where the system refuses to watch the folder, so that only
    /// looks at it find them. Null while there is no folder.
    #[serde(default)]
    pub watched: Option<bool>,
}
