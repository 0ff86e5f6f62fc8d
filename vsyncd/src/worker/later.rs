//! What a verb need not wait for: making durable what a journal already tells, and keeping a copy
//! of the bundle.
//!
//! A swap or a publish that is done is on record in its journal, and that is durable before
//! anything depends on it. Ledger and list of replaced folders are written after it and become
//! durable here; only then does the journal go. A crash in between finds the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use vsync_core::version::Version;

use super::effects::{Effects, lock};
use crate::disk::atomic::{self, Unsettled};
use crate::disk::state::FolderFile;
use crate::tasks;

/// What is done and not yet durable.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// State files that are in their place.
    files: Vec<Unsettled>,
    /// Folders whose entries changed.
    folders: Vec<PathBuf>,
    /// Journals that have told all they know once the above is durable.
    journals: Vec<FolderFile>,
}

impl Later {
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty() && self.journals.is_empty()
    }
}

impl Effects {
    /// Whether [`Effects::catch_up`] has something to do.
    pub fn has_later(&self) -> bool {
        lock(&self.uncached).is_some() || !lock(&self.later).is_empty()
    }

    /// Does what was left for later.
    pub async fn catch_up(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let done = tasks::blocking(move || {
            this.settle_state();
            let bundle = lock(&this.uncached).take();
            if let Some((version, bytes)) = bundle {
                this.remote.cache(version, &bytes);
            }
        });
        if done.await.is_err() {
            tracing::error!("making the state durable failed unexpectedly");
        }
    }

    /// Writes a journal, after what an earlier one still has to tell was made durable. Blocks.
    pub(super) fn journal(&self, file: FolderFile, intent: &impl Serialize) -> std::io::Result<Unsettled> {
        let mut later = lock(&self.later);
        self.settle_all(&mut later);
        self.state.save_unsettled(file, intent)
    }

    /// Leaves a state file for later.
    pub(super) fn leave_file(&self, file: Unsettled) {
        lock(&self.later).files.push(file);
    }

    /// Leaves for later what a job has changed last, and the journal that told of it.
    pub(super) fn leave_job(&self, ledger: Unsettled, folder: Option<&Path>, journal: FolderFile) {
        let mut later = lock(&self.later);
        later.files.push(ledger);
        later.folders.extend(folder.map(Path::to_owned));
        later.journals.push(journal);
    }

    /// Keeps a bundle's bytes until there is time to write them down.
    pub(super) fn cache_later(&self, bundle: Option<(Version, Bytes)>) {
        if bundle.is_some() {
            *lock(&self.uncached) = bundle;
        }
    }

    /// Makes the state durable. Blocks.
    pub(super) fn settle_state(&self) {
        self.settle_all(&mut lock(&self.later));
    }

    fn settle_all(&self, later: &mut Later) {
        let Later { files, folders, journals } = std::mem::take(later);
        let synced = files.iter().try_for_each(Unsettled::settle);
        let synced = synced.and_then(|()| folders.iter().try_for_each(|folder| atomic::sync_folder(folder)));
        if let Err(error) = synced {
            tracing::warn!(%error, "the state may not outlive a power cut; its journal stays");
            return;
        }
        for journal in journals {
            if let Err(error) = self.state.clear(journal) {
                tracing::warn!(%error, "cannot clear a journal; the next look or start does");
            }
        }
    }
}
