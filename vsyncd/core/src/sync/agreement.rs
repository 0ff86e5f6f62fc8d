//! What an agreement says about pointers.

use super::event::{RemoteMark, RemotePointer};
use crate::vault::ledger::SyncPoint;

impl SyncPoint {
    /// What the pointer looks like while this agreement holds.
    pub fn mark(&self) -> RemoteMark {
        RemoteMark { etag: self.etag.clone(), generation: self.generation, push_id: self.push_id.clone() }
    }

    /// True when the pointer was written as if this agreement had never been: it has this one's
    /// generation or the next, but another push wrote it and it replaced another version.
    /// Pointers without metadata claim nothing.
    pub fn is_skipped_by(&self, pointer: &RemotePointer) -> bool {
        let (Some(ours), Some(theirs)) = (self.generation, pointer.mark.generation) else { return false };
        let other = pointer.mark.push_id.is_some() && pointer.mark.push_id != self.push_id;
        // Two first pushes replace nothing.
        let skips = pointer.prev.map_or(ours == 1 && theirs == 1, |prev| prev != self.version);
        other && skips && (theirs == ours || theirs == ours + 1)
    }
}
