//! What the state files hold.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vsync_core::format::audit::Row;
use vsync_core::id::{Env, Repo};
use vsync_core::vault::ledger::{Ledger, SyncPoint};
use vsync_core::version::Version;

use crate::disk::folder::FolderId;

/// A checkout that the daemon may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The repository.
    pub repo: Repo,
    /// The environment.
    pub env: Env,
    /// The checkout's top folder, absolute.
    pub root: PathBuf,
    /// The vault folder, absolute or relative to `root`.
    pub vault_folder: PathBuf,
    /// The repository's `origin` when it was registered, without credentials.
    #[serde(default)]
    pub origin: Option<String>,
    /// Since when.
    pub added_at: Timestamp,
}

/// A publish that is about to replace the pointer. A pointer that carries this push id is this
/// publish, whatever became of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishIntent {
    /// The new version.
    pub version: Version,
    /// Its generation; `None` where the layout has none.
    pub generation: Option<u64>,
    /// ETag of the pointer that it replaces; `None` for the first one.
    pub replaced_etag: Option<String>,
    /// The random id in the new pointer's metadata.
    pub push_id: String,
    /// ETag of the bundle.
    pub bundle_etag: Option<String>,
    /// The ledger that holds once the pointer is written.
    pub ledger: Ledger,
    /// What was agreed on when this was written. A ledger that agrees on something else by now
    /// is newer, and stays.
    #[serde(default)]
    pub before: Option<SyncPoint>,
    /// Its audit row, if it gets one.
    #[serde(default)]
    pub row: Option<Row>,
}

/// A swap that is about to exchange two folders. Written when the staged folder is whole, before
/// the exchange; removed when the new ledger is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapIntent {
    /// Where the staged folder lies.
    pub staged: PathBuf,
    /// Which folder that is: the vault folder is this one if and only if the exchange happened.
    pub staged_id: FolderId,
    /// The folder that it replaces; `None` when there is none yet.
    pub replaces: Option<FolderId>,
    /// What the replaced folder held, for the look at it before it is removed.
    pub replaced: Ledger,
    /// The version that the staged folder holds.
    pub version: Version,
    /// The ledger that holds once the exchange has happened.
    pub ledger: Ledger,
    /// What was agreed on when this was written. A ledger that agrees on something else by now
    /// is newer, and stays.
    #[serde(default)]
    pub before: Option<SyncPoint>,
    /// Its audit row.
    #[serde(default)]
    pub row: Option<Row>,
}

/// A backup that is being written into a new folder. Written before anything of it is on the disk,
/// removed when all of it is, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreIntent {
    /// The folder that it will be.
    pub into: PathBuf,
    /// The environment that its staged folder is named for.
    pub env: Env,
    /// The staged folder's stamp.
    pub stamp: Version,
    /// Which folder that is, once it is whole.
    pub staged_id: Option<FolderId>,
}

/// Something that happened without anybody watching and that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// A word from the documented list.
    pub code: String,
    /// For people. No secret.
    pub text: String,
    /// The backup that it is about.
    #[serde(default)]
    pub backup: Option<String>,
}
