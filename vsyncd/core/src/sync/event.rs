//! What a worker is told.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::problem::Problem;
use crate::vault::diff::Diff;
use crate::vault::ledger::SyncPoint;
use crate::vault::tree::Tree;
use crate::version::Version;

/// The time of an event, on both clocks: waits are measured on the one that never jumps, dates
/// come from the other.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub wall: Timestamp,
}

/// The number of an effect, never used twice by one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// The number of a verb that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// A verb of the client, as the worker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Publish the folder.
    Push {
        /// Also when the remote moved, and whatever the pointer is dated.
        force: bool,
    },
    /// Bring the remote version here.
    Pull {
        /// What to do with local edits.
        mode: PullMode,
        /// Also apply a version older than one that was here.
        allow_rollback: bool,
    },
    /// Look at the folder now.
    Diff,
}

/// What a pull may do to local edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullMode {
    /// Nothing: refuse.
    Plain,
    /// Replace them, kept in a backup, when the remote moved.
    Backup,
    /// Replace them, kept in a backup, and read again even when the remote did not move.
    Force,
}

/// What tells one state of the pointer from another without reading its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMark {
    /// The pointer object's ETag, unquoted.
    pub etag: String,
    /// Its generation, where it tells one.
    pub generation: Option<u64>,
    /// Its push id, where it has one.
    pub push_id: Option<String>,
}

/// The pointer, read: body and metadata of one response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePointer {
    /// What it names.
    pub version: Version,
    /// Its identity.
    pub mark: RemoteMark,
    /// The version it replaced, where it tells.
    pub prev: Option<Version>,
}

/// The folder as a scan found it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Local {
    /// What differs from the last agreement (everything, when there was none).
    pub diff: Diff,
    /// What is there.
    pub tree: Arc<Tree>,
    /// The folder itself is not there.
    pub missing: bool,
}

/// The remote version, opened and compared with the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The folder holds exactly this already.
    pub equal: bool,
    /// The version that the folder agrees with is at hand as a cached bundle, so that a clean
    /// folder needs no other backup.
    pub cached: bool,
}

/// A swap that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swapped {
    /// The new agreement.
    pub synced: SyncPoint,
    /// The backup of what was replaced, where one was needed.
    pub backup: Option<String>,
    /// What changed in the folder.
    pub diff: Diff,
}

/// A publish that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The new agreement.
    pub synced: SyncPoint,
    /// Number of files.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
}

/// One thing that happened, or one outcome of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The time that [`super::Worker::poll_timeout`] named has come.
    Timer,
    /// The machine woke up or the network changed: look at the remote at once.
    PollNow,
    /// Something in the folder may have changed.
    FolderChanged,
    /// A client asks.
    Command(CommandId, Command),
    /// The client that asked has left.
    Cancel(CommandId),
    /// Outcome of [`super::Effect::Head`].
    Headed(OpId, Result<Option<RemoteMark>, Problem>),
    /// Outcome of [`super::Effect::Scan`].
    Scanned(OpId, Result<Local, Problem>),
    /// Outcome of [`super::Effect::Read`]: the pointer, and the agreement that the ledger holds
    /// now. It is news when a journaled publish turned out to have happened.
    Read(OpId, Result<(Option<RemotePointer>, Option<SyncPoint>), Problem>),
    /// Outcome of [`super::Effect::Open`].
    Opened(OpId, Result<Opened, Problem>),
    /// Outcome of [`super::Effect::Swap`] and of [`super::Effect::Adopt`].
    Swapped(OpId, Result<Swapped, Problem>),
    /// Outcome of [`super::Effect::Probe`]: false when the store says that it is not there.
    Probed(OpId, Result<bool, Problem>),
    /// Outcome of [`super::Effect::Publish`].
    Published(OpId, Result<Published, Problem>),
    /// The first try at the audit row is over, however it went.
    Audited(OpId),
    /// Stop as soon as nothing is half done.
    Stop,
}
