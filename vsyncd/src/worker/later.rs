//! What a verb need not wait for: making durable what a journal already tells, and keeping a copy
//! of the bundle.
//!
//! A swap or a publish that is done is on record in its journal, and that is durable before
//! anything depends on it. What comes after it is done here, in this order: its audit row, the
//! exchange of the folders, the list of replaced ones, the ledger; only then does the journal go. A
//! crash in between finds the journal, and the disk never has a ledger that is ahead of the folder.

use std::sync::Arc;

use bytes::Bytes;
use vsync_core::sync::Problem;
use vsync_core::vault::ledger::Ledger;
use vsync_core::version::Version;

use super::effects::{Effects, lock};
use crate::disk::atomic::Unsettled;
use crate::disk::exchange;
use crate::disk::state::FolderFile;
use crate::repo::spool::Spooled;
use crate::tasks;

/// What is done and not yet durable.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// Audit rows that wait to be sent.
    rows: Vec<Spooled>,
    /// The vault folder was exchanged.
    exchanged: bool,
    /// The list of replaced folders has grown.
    kept: bool,
    /// Ledgers that are in their place.
    ledgers: Vec<Unsettled>,
    /// Journals that have told all they know once the above is durable.
    journals: Vec<FolderFile>,
}

impl Later {
    fn is_empty(&self) -> bool {
        let Self { rows, exchanged, kept, ledgers, journals } = self;
        !exchanged && !kept && rows.is_empty() && ledgers.is_empty() && journals.is_empty()
    }
}

impl Effects {
    /// Whether [`Effects::catch_up`] has something to do. True while another is at it: waiting for the
    /// disk is not for who asks this.
    pub fn has_later(&self) -> bool {
        lock(&self.uncached).is_some() || !self.later.try_lock().is_ok_and(|later| later.is_empty())
    }

    /// Does what was left for later. False when the disk does not take all of it now.
    pub async fn catch_up(self: &Arc<Self>) -> bool {
        let this = Arc::clone(self);
        let done = tasks::blocking(move || {
            let settled = this.settle_state();
            let bundle = lock(&this.uncached).take();
            if let Some((version, bytes)) = bundle {
                this.remote.cache(version, &bytes);
            }
            settled
        });
        match done.await {
            Ok(Ok(())) => true,
            Ok(Err(problem)) => {
                tracing::warn!(%problem, "the journal stands in for the ledger until it can be saved");
                false
            }
            Err(panicked) => {
                tracing::error!(%panicked, "making the state durable failed");
                false
            }
        }
    }

    /// Ends a swap: what has happened cannot be refused any more, so its ledger counts from now on.
    pub(super) fn conclude_swap(&self, ledger: Ledger, row: Option<Spooled>) {
        let mut later = lock(&self.later);
        later.rows.extend(row);
        later.exchanged = true;
        later.journals.push(FolderFile::Swap);
        self.note_ledger(ledger);
    }

    /// Ends a publish, likewise. Its ledger is written at once: a process that starts after this one
    /// was killed may find that others have published since, and the journal alone does not always
    /// tell it then what became of this one. Blocks.
    pub(super) fn conclude_push(&self, ledger: Ledger, row: Option<Spooled>) {
        let mut later = lock(&self.later);
        later.rows.extend(row);
        later.journals.push(FolderFile::Publish);
        later.ledgers.extend(self.write_ledger(ledger));
    }

    /// Remembers that the list of replaced folders is to be saved.
    pub(super) fn leave_kept(&self) {
        lock(&self.later).kept = true;
    }

    /// Keeps a bundle's bytes until there is time to write them down.
    pub(super) fn cache_later(&self, bundle: Option<(Version, Bytes)>) {
        if bundle.is_some() {
            *lock(&self.uncached) = bundle;
        }
    }

    /// Makes the state durable, and clears the journals of what is over. Blocks.
    ///
    /// # Errors
    /// When the ledger cannot be saved: its journal stays, which says the same, and each look tries
    /// again.
    pub(super) fn settle_state(&self) -> Result<(), Problem> {
        let mut later = lock(&self.later);
        for row in std::mem::take(&mut later.rows) {
            row.settle();
        }
        if std::mem::take(&mut later.exchanged)
            && let Err(error) = exchange::settle(&self.checkout.folder)
        {
            // It has happened, whether or not the disk can promise to remember it.
            tracing::warn!(%error, "a swap may not outlive a power cut");
        }
        if std::mem::take(&mut later.kept) {
            self.save_kept(&self.kept());
        }
        if let Err(error) = std::mem::take(&mut later.ledgers).iter().try_for_each(Unsettled::settle) {
            tracing::warn!(%error, "the ledger is written again");
            self.doubt_ledger();
        }
        self.save_ledger_now()?;
        for journal in std::mem::take(&mut later.journals) {
            if let Err(error) = self.state.clear(journal) {
                tracing::warn!(%error, "cannot clear a journal; the next look or start does");
            }
        }
        Ok(())
    }
}
