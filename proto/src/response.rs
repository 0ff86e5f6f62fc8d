//! What the methods answer with. Instants are RFC 3339 in UTC; what is not known is null.

use serde::{Deserialize, Serialize};

use crate::hidden::Hidden;
use crate::status::KeyStore;

mod sync;

pub use sync::{SyncAction, SyncCounts, SyncFailure, SyncResult, SyncStep};

/// It worked, and there is nothing to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// How a push ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// A new version is out.
    Published,
    /// Nothing had changed.
    UpToDate,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushResult {
    /// How it ended.
    pub outcome: PushOutcome,
    /// The version the remote has now.
    pub version: String,
    /// Its counter.
    pub r#gen: Option<u64>,
    /// The version it replaced.
    pub replaced: Option<String>,
    /// How many files it holds.
    pub files: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// How a pull ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullOutcome {
    /// The folder was replaced.
    Pulled,
    /// The folder had the remote's version.
    UpToDate,
    /// The folder equalled the remote already; only the record of it was missing.
    Adopted,
}

/// What a pull did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullResult {
    /// How it ended.
    pub outcome: PullOutcome,
    /// The version the folder has now.
    pub version: String,
    /// Its counter.
    pub r#gen: Option<u64>,
    /// How many names came.
    pub added: u64,
    /// How many changed.
    pub modified: u64,
    /// How many went.
    pub deleted: u64,
    /// The backup that holds what was replaced.
    pub backup: Option<String>,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A name that differs from the last sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Path relative to the vault folder; an empty folder ends in `/`.
    pub path: String,
    /// Size in bytes: now, or for a deleted file what it was.
    pub size: Option<u64>,
}

/// What was edited here since the last sync. Names only, never content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffResult {
    /// Here only.
    pub added: Vec<ChangedFile>,
    /// Other content or mode.
    pub modified: Vec<ChangedFile>,
    /// Gone from here.
    pub deleted: Vec<ChangedFile>,
    /// The version the folder started from.
    pub base_version: Option<String>,
}

/// Who published a version, as far as the audit says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// Host name.
    pub host: Option<String>,
    /// User name on that host.
    pub user: Option<String>,
    /// Git's e-mail address.
    pub email: Option<String>,
    /// The note given with the push.
    pub note: Option<String>,
}

/// One published version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionEntry {
    /// Its name, the instant of its push: `YYYYMMDD-HHMMSS`.
    pub version: String,
    /// Size of the bundle in bytes.
    pub size: u64,
    /// Whether the pointer names it.
    pub current: bool,
    /// Whether the folder here holds it.
    pub here: bool,
    /// Its counter, where known.
    #[serde(default)]
    pub r#gen: Option<u64>,
    /// Who published it, where known.
    #[serde(default)]
    pub by: Option<Publisher>,
}

/// What `init` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitResult {
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// The top folder of the checkout.
    pub root: String,
    /// The vault folder, absolute.
    pub folder: String,
    /// What the pair's keys in the bucket start with.
    pub prefix: String,
    /// The store in words: endpoint and bucket, or folder.
    pub store: String,
    /// Where the key is.
    pub key_store: KeyStore,
    /// What was made, a line each.
    pub created: Vec<String>,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A profile without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// URL of the S3 endpoint.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Access key id.
    pub access_key_id: String,
    /// What keys in the bucket start with.
    pub prefix: Option<String>,
}

/// What `track` registered, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackResult {
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// The top folder of the checkout.
    pub root: String,
    /// The vault folder, absolute.
    pub folder: String,
    /// The URL of git's `origin`, without credentials.
    pub origin: Option<String>,
    /// Whether it is registered now.
    pub registered: bool,
}

/// What `forget` unregistered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetResult {
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// The vault folder, which stays as it is.
    pub folder: String,
}

/// A share file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportResult {
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// The file's bytes, standard base64.
    pub share_b64: Hidden,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What `import` took in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportResult {
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// The vault folder, absolute.
    pub folder: String,
    /// Where the key is.
    pub key_store: KeyStore,
    /// The first pull, when the store answered.
    pub pulled: Option<PullResult>,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupEntry {
    /// Its name: what `backup_restore` takes.
    pub name: String,
    /// The repository's name.
    pub repo: String,
    /// The environment's name.
    pub env: String,
    /// When it was made.
    pub at: String,
    /// Size of the file in bytes.
    pub size: u64,
}

/// What `backup_restore` unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRestoreResult {
    /// How many files.
    pub files: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// Where to, absolute.
    pub into: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, with something to know.
    Warn,
    /// Does not work.
    Fail,
}

/// One thing `doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it went.
    pub ok: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do.
    #[serde(default)]
    pub hint: Option<String>,
}

/// What `doctor` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorResult {
    /// The checks in the order they were made.
    pub checks: Vec<Check>,
}

/// What reading the settings again changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadResult {
    /// The settings that changed, a line each.
    pub changed: Vec<String>,
    /// What the person should know although it worked.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// The log filter in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevelResult {
    /// The filter.
    pub filter: String,
}

/// Where the daemon runs and keeps its things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfoResult {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// For how many seconds it has been running.
    pub uptime_s: u64,
    /// The socket it listens on.
    pub socket: String,
    /// The file it logs to, if it logs to one.
    pub log: Option<String>,
    /// The settings file, whether it exists or not.
    pub config: String,
    /// The folder it keeps its state in.
    pub state_dir: String,
}
