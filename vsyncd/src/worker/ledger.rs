//! The ledger of a worker: in memory what it counts on, on disk what a start will find.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vsync_core::sync::Problem;
use vsync_core::vault::ledger::Ledger;

use super::effects::{Effects, lock};
use crate::disk::atomic::Unsettled;
use crate::disk::state::FolderFile;
use crate::repo::trouble::io_problem;

impl Effects {
    /// The ledger as it stands.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&lock(&self.ledger))
    }

    /// Replaces the ledger, on disk first. Blocks.
    pub(super) fn set_ledger(&self, ledger: Ledger) -> Result<(), Problem> {
        self.save_ledger(&mut lock(&self.ledger), ledger)
    }

    /// Replaces the ledger if it is still the one that was looked at. Blocks.
    pub(super) fn refresh_ledger(&self, seen: &Arc<Ledger>, ledger: Ledger) -> Result<(), Problem> {
        // The disk must not hear of a swap from a ledger before the swap itself is durable.
        self.settle_state()?;
        let mut held = lock(&self.ledger);
        if Arc::ptr_eq(&held, seen) { self.save_ledger(&mut held, ledger) } else { Ok(()) }
    }

    fn save_ledger(&self, held: &mut Arc<Ledger>, ledger: Ledger) -> Result<(), Problem> {
        let saved = self.state.save(FolderFile::Ledger, &ledger);
        saved.map_err(|error| io_problem("cannot save the ledger", &error))?;
        *held = Arc::new(ledger);
        self.unsaved.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Takes note of a ledger that the disk does not have yet; a journal tells it.
    pub(super) fn note_ledger(&self, ledger: Ledger) {
        *lock(&self.ledger) = Arc::new(ledger);
        self.doubt_ledger();
    }

    /// Takes note of a ledger and writes it, durable once it is settled. Where the disk does not take
    /// it now, a journal tells it. Blocks.
    pub(super) fn write_ledger(&self, ledger: Ledger) -> Option<Unsettled> {
        let mut held = lock(&self.ledger);
        let written = self.state.save_unsettled(FolderFile::Ledger, &ledger);
        *held = Arc::new(ledger);
        let written = written.inspect_err(|error| {
            tracing::warn!(%error, "the journal stands in for the ledger until it can be saved");
            self.doubt_ledger();
        });
        written.ok()
    }

    /// What the disk has of the ledger may be older, or may be lost with the power.
    pub(super) fn doubt_ledger(&self) {
        self.unsaved.store(true, Ordering::Relaxed);
    }

    /// Saves a ledger that the disk does not have. The journal that stood in for it is known to be
    /// older from then on. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn save_ledger_now(&self) -> Result<(), Problem> {
        if !self.unsaved.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut held = lock(&self.ledger);
        let ledger = (**held).clone();
        self.save_ledger(&mut held, ledger)
    }
}
