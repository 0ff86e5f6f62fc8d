//! Hearing of edits, and knowing when they are not heard of.

use std::sync::Arc;

use tokio::sync::Notify;

use super::effects::{Effects, lock};
use crate::watch::watcher::Watching;

impl Effects {
    /// Begins to listen to edits of the vault folder. Blocks.
    pub(super) fn listen_with(&self, listener: Arc<Notify>) {
        let now = self.watcher.watch(&self.checkout.folder, listener);
        self.heard(now);
    }

    /// Listens to the folder that is in place now, and tries again where the system refused. Blocks.
    pub(super) fn listen(&self) {
        let now = self.watcher.ensure(&self.checkout.folder);
        self.heard(now);
    }

    /// Whether edits are heard of.
    pub fn watching(&self) -> Watching {
        lock(&self.watching).clone()
    }

    fn heard(&self, now: Watching) {
        let mut before = lock(&self.watching);
        if let Watching::Refused(why) = &now
            && !matches!(*before, Watching::Refused(_))
        {
            tracing::warn!(pair = %self.checkout.pair, why, "the vault folder cannot be watched; looks remain");
        }
        *before = now;
    }
}
