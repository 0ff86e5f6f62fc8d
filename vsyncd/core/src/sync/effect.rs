//! What a worker wants done.

use super::event::{CommandId, Local, OpId, RemoteMark, RemotePointer};
use super::problem::Problem;
use crate::vault::diff::Diff;
use crate::version::Version;

/// What to publish, and over what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishPlan {
    /// The pointer it replaces; `None` when there must be none.
    pub replaces: Option<RemoteMark>,
    /// What that pointer named, where it could be read.
    pub prev: Option<Version>,
    /// The version to begin with; it moves on by seconds while the name is taken.
    pub version: Version,
    /// Its generation.
    pub generation: u64,
}

/// One thing to do. All but [`Effect::Reply`] and [`Effect::Abort`] end in one event with the
/// same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask for the pointer's description.
    Head(OpId),
    /// Compare the folder with the ledger. With `keep`, the scan is kept for the swap or the
    /// publish that follows.
    Scan {
        /// Number.
        op: OpId,
        /// Part of a job.
        keep: bool,
    },
    /// Read the pointer, and settle a journaled publish by it.
    Read(OpId),
    /// Fetch the bundle that the pointer names, open it and compare it with the kept scan.
    Open {
        /// Number.
        op: OpId,
        /// The pointer.
        pointer: RemotePointer,
    },
    /// Put the opened version in place of the scanned folder; first the backup when asked.
    Swap {
        /// Number.
        op: OpId,
        /// The pointer.
        pointer: RemotePointer,
        /// Keep what is there in a backup first.
        backup: bool,
    },
    /// Record that the scanned folder is what the pointer names.
    Adopt {
        /// Number.
        op: OpId,
        /// The pointer.
        pointer: RemotePointer,
    },
    /// Ask whether the bundle of this version is in the bucket; no need to read it.
    Probe {
        /// Number.
        op: OpId,
        /// The version.
        version: Version,
    },
    /// Publish the scanned folder.
    Publish {
        /// Number.
        op: OpId,
        /// The verb that caused it; it knows the note. `None` for a push of the worker's own.
        command: Option<CommandId>,
        /// What and over what.
        plan: PublishPlan,
    },
    /// Write an audit row.
    Audit {
        /// Number.
        op: OpId,
        /// The verb that caused it; it knows the note. `None` for a background pull.
        command: Option<CommandId>,
        /// True for a push, false for a pull.
        push: bool,
        /// The version pushed or pulled.
        version: Version,
    },
    /// Give up a reading effect.
    Abort(OpId),
    /// Answer a client.
    Reply(CommandId, Result<Outcome, Problem>),
}

impl Effect {
    /// True for effects that change the folder or the bucket.
    pub const fn writes(&self) -> bool {
        matches!(self, Self::Swap { .. } | Self::Adopt { .. } | Self::Publish { .. })
    }
}

/// How a verb ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A push published a version.
    Pushed {
        /// The version.
        version: Version,
        /// Its generation.
        generation: Option<u64>,
        /// The version it replaced.
        replaced: Option<Version>,
        /// Number of files.
        files: usize,
        /// Their size in bytes.
        bytes: u64,
        /// What the person should know.
        warnings: Vec<String>,
    },
    /// A pull changed the folder, or recorded that it is the remote version already.
    Pulled {
        /// The version.
        version: Version,
        /// Its generation.
        generation: Option<u64>,
        /// What changed.
        diff: Diff,
        /// The backup of what was replaced.
        backup: Option<String>,
    },
    /// Folder and remote agree already.
    UpToDate {
        /// The version.
        version: Version,
        /// Its generation.
        generation: Option<u64>,
        /// Local edits that a pull left alone.
        edits: usize,
    },
    /// The folder, looked at now.
    Diff(Local),
}
