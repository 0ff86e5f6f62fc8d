//! What can stand between a folder and its remote.

use super::event::RemoteMark;
use super::refusal::Refusal;
use crate::relpath::RelPath;
use crate::version::Version;

/// Everything that can stop a pull or a push, or hold a remote version back. The text says what
/// failed and why; what to do about it is said at the edge, where the verbs are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The store did not answer.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// The bucket does not exist.
    #[error("the bucket does not exist: {0}")]
    BucketMissing(String),
    /// The store refuses the credentials or the action.
    #[error("the store refuses access: {0}")]
    Denied(Refusal),
    /// The store refuses because of this machine's clock.
    #[error("this machine's clock differs too much from the store's: {0}")]
    ClockSkew(String),
    /// Another failure of the store.
    #[error("the store failed: {0}")]
    StoreFailed(String),
    /// A bucket in the layout of the older client, which this release does not write.
    #[error("the bucket holds this vault in the older client's layout ('{0}')")]
    ClassicLayout(String),
    /// Nothing was published yet, or the pointer is gone.
    #[error("nothing is published for this vault")]
    NothingPublished,
    /// No key for this vault in the key store.
    #[error("there is no key for this vault: {0}")]
    KeyMissing(String),
    /// The key store does not answer.
    #[error("the key store cannot be used: {0}")]
    KeychainUnavailable(String),
    /// The key store waits for its password.
    #[error("{0}")]
    KeychainLocked(String),
    /// The bundle does not open, and this key never opened one of this vault.
    #[error("the bundle does not open: the key is wrong, or its bytes were changed")]
    WrongKey,
    /// The bundle does not open and the pointer claims another key.
    #[error("the pointer claims another key: the vault's key was probably rotated")]
    KeyRotated,
    /// The bundle does not open, or holds another version than the pointer says.
    #[error("possible tampering: {0}")]
    Tampered(String),
    /// The pointer names a bundle that is not there.
    #[error("the pointer names version {0}, but its bundle is missing from the bucket")]
    Torn(Version),
    /// The pointer went back to an older version than was applied here.
    #[error("the pointer names {remote}, older than {applied} that was here already")]
    RollbackSuspected {
        /// What the pointer names.
        remote: Version,
        /// The newest version that was applied here.
        applied: Version,
    },
    /// The pointer is dated more than a day ahead.
    #[error("the pointer is dated {0}, more than 24 hours in the future")]
    FutureDated(Version),
    /// The pointer's body is not a version.
    #[error("the pointer object does not hold a version timestamp")]
    BadPointer(RemoteMark),
    /// The archive inside the bundle is damaged.
    #[error("the bundle's archive is damaged: {0}")]
    CorruptArchive(String),
    /// The archive holds something that must not be written to a disk.
    #[error("the bundle's archive is refused: {0}")]
    UnsafeArchive(String),
    /// A format of a later release.
    #[error("the bundle was written by a later release: {0}")]
    UnsupportedVersion(String),
    /// More than the limits allow.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The folder holds local edits.
    #[error("the folder has local edits ({0})")]
    Edited(usize),
    /// The folder holds local edits and the remote moved.
    #[error("the folder has local edits ({edits}) and the remote moved to {remote}")]
    Diverged {
        /// How many names differ from what was last synced.
        edits: usize,
        /// What the pointer names.
        remote: Version,
    },
    /// The remote moved since the last sync here.
    #[error("the remote is at {remote}{}, this folder is at {}", by(.author.as_ref()), at(*.here))]
    RemoteAhead {
        /// What the pointer names.
        remote: Version,
        /// What this folder agrees with.
        here: Option<Version>,
        /// Who pushed it, where the audit tells.
        author: Option<String>,
    },
    /// Another push got in between.
    #[error("another push won: version {winner}{}", by(.author.as_ref()))]
    LostRace {
        /// The version that won.
        winner: Version,
        /// Who pushed it, where the audit tells.
        author: Option<String>,
    },
    /// A vault holds plain files and folders only.
    #[error("'{path}' is a {what}; a vault holds plain files and folders only")]
    NotPlain {
        /// The entry.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// Two names that some systems cannot keep apart.
    #[error("'{0}' and '{1}' differ only in case or Unicode form")]
    NameClash(RelPath, RelPath),
    /// A file kept changing while it was read.
    #[error("'{0}' kept changing while it was read")]
    FolderChanging(String),
    /// The vault folder is not there.
    #[error("the vault folder is not there")]
    FolderMissing,
    /// The vault folder cannot be used as it is.
    #[error("the vault folder cannot be used: {0}")]
    FolderNotUsable(String),
    /// No space left.
    #[error("no space left on the disk: {0}")]
    DiskFull(String),
    /// No quota left.
    #[error("no quota left on the disk: {0}")]
    QuotaFull(String),
    /// The file system takes no writes.
    #[error("{0}")]
    ReadOnly(String),
    /// The process, or the system, has as many files open as it may.
    #[error("{0}")]
    TooManyFiles(String),
    /// The disk failed.
    #[error("{0}")]
    DiskFailed(String),
    /// This user may not do it.
    #[error("{0}")]
    NotAllowed(String),
    /// Another failure of the file system.
    #[error("{0}")]
    Io(String),
    /// The configuration of this vault is not usable.
    #[error("{0}")]
    Config(String),
    /// The folder changed between the last look and the swap. Internal: leads to another look.
    #[error("the folder changed at the last moment")]
    FolderMoved,
    /// The daemon is stopping.
    #[error("the daemon is stopping or loading its settings; try again in a moment")]
    ShuttingDown,
    /// The client left before the work began.
    #[error("cancelled")]
    Cancelled,
    /// A fault of the program.
    #[error("internal error: {0}")]
    Internal(String),
}

fn by(author: Option<&String>) -> String {
    author.map(|author| format!(" (pushed by {author})")).unwrap_or_default()
}

fn at(version: Option<Version>) -> String {
    version.map_or_else(|| "no version yet".to_owned(), |version| version.to_string())
}

/// How a problem shows in a worker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The store is away: the last good content stays.
    Offline,
    /// A remote version was seen and is not applied, because it cannot be trusted or is not whole.
    Held,
    /// A person has to decide between two versions.
    Diverged,
    /// Something is not set up right.
    Error,
}

impl Problem {
    /// How this problem shows in the worker's state.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Unreachable(_) => Verdict::Offline,
            Self::Torn(_)
            | Self::RollbackSuspected { .. }
            | Self::FutureDated(_)
            | Self::BadPointer(_)
            | Self::Tampered(_)
            | Self::KeyRotated
            | Self::CorruptArchive(_)
            | Self::UnsafeArchive(_) => Verdict::Held,
            Self::Diverged { .. } | Self::Edited(_) | Self::LostRace { .. } => Verdict::Diverged,
            _ => Verdict::Error,
        }
    }
}
