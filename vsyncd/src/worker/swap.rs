//! Putting an opened version in the folder's place, with what was there kept.

use std::sync::Arc;

use vsync_core::format::audit::{Action, Meta, Row};
use vsync_core::sync::event::Swapped;
use vsync_core::sync::{Problem, RemotePointer};
use vsync_core::vault::diff::Diff;
use vsync_core::vault::ledger::{Ledger, SyncOp};
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::vault::tree::Tree;
use vsync_core::version::Version;

use super::effects::{Effects, OpenedVersion};
use super::progress::Stage;
use crate::clock;
use crate::disk::atomic::Unsettled;
use crate::disk::backup;
use crate::disk::displaced::{Kept, late_writes, remove_tree};
use crate::disk::exchange::{Displaced, ExchangeError, exchange, keep, put_back};
use crate::disk::folder::{FolderId, id_of};
use crate::disk::load::load;
use crate::disk::scan::Scan;
use crate::disk::stage::{Litter, Staged, stage_or_leave};
use crate::disk::state::{FolderFile, SwapIntent};
use crate::repo::trouble::{io_problem, scan_problem};
use crate::tasks;

impl Effects {
    /// Records that the scanned folder is what the pointer names.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn adopt(self: &Arc<Self>, pointer: &RemotePointer) -> Result<Swapped, Problem> {
        let this = Arc::clone(self);
        let synced = Self::agreement(pointer, SyncOp::Adopt, clock::now());
        tasks::blocking(move || {
            let scan = this.slots().scan.take();
            let scan = scan.ok_or_else(|| Problem::Internal("nothing was scanned".to_owned()))?;
            let opened = this.slots().opened.take();
            this.cache_later(opened.and_then(|opened| opened.bundle));
            this.set_ledger(scan.ledger(Some(synced.clone())))?;
            this.settle_swap();
            Ok(Swapped { synced, backup: None, diff: Diff::default() })
        })
        .await?
    }

    /// Puts the opened version in place of the scanned folder; keeps what was there in an
    /// encrypted backup first when asked.
    ///
    /// # Errors
    /// [`Problem::FolderMoved`] when the folder is not what was scanned any more: nothing was
    /// replaced. Otherwise what the file system or the key store says.
    pub async fn swap(self: &Arc<Self>, pointer: &RemotePointer, backup: bool) -> Result<Swapped, Problem> {
        let (scan, opened) = {
            let mut slots = self.slots();
            (slots.scan.take(), slots.opened.take())
        };
        let opened = opened.filter(|opened| opened.mark == pointer.mark);
        let OpenedVersion { snapshot, tree, bundle, .. } =
            opened.ok_or_else(|| Problem::Internal("nothing was opened for this swap".to_owned()))?;
        let mut kept = None;
        if let (true, Some(scan)) = (backup, &scan) {
            kept = Some(self.back_up(scan).await?);
        }
        let this = Arc::clone(self);
        let synced = Self::agreement(pointer, SyncOp::Pull, clock::now());
        tasks::blocking(move || {
            let before = scan.as_ref().map(|scan| scan.tree.clone()).unwrap_or_default();
            let row = this.author.row(Action::Pull, Some(synced.version), Meta::new());
            let there = id_of(&this.checkout.folder);
            let agreed = pointer_ledger(&synced);
            let replaced = this.replace(scan.as_deref(), &snapshot, &tree, (agreed, &row));
            let ledger = replaced.inspect_err(|_| {
                if let (Some(name), Ok(Some(there))) = (&kept, there) {
                    this.drop_backup(name, there);
                }
            })?;
            this.listen();
            // Before the ledger: from then on nobody would write it any more.
            let row = this.remote.audit.keep_soon(&row);
            this.conclude_swap(ledger, row);
            this.cache_later(bundle);
            Ok(Swapped { synced, backup: kept, diff: Diff::between(&before, &tree) })
        })
        .await?
    }

    /// Removes a backup of a folder that was not replaced after all: a disk that fails for long must
    /// not be filled with one for each try.
    fn drop_backup(&self, name: &str, there: FolderId) {
        if matches!(id_of(&self.checkout.folder), Ok(Some(id)) if id == there)
            && let Err(error) = backup::discard(&self.rules.backups, name)
        {
            tracing::warn!(%error, "cannot remove a backup that was not needed");
        }
    }

    async fn back_up(self: &Arc<Self>, scan: &Arc<Scan>) -> Result<String, Problem> {
        let key = self.remote.key().await?;
        let (this, scan) = (Arc::clone(self), Arc::clone(scan));
        tasks::blocking(move || {
            let bytes = scan.tree.bytes();
            this.progress.report(Stage::Backup, 0, Some(bytes));
            let snapshot = match load(&this.checkout.folder, &scan) {
                Ok(snapshot) => snapshot,
                Err(crate::disk::scan::ScanError::Changing { .. }) => return Err(Problem::FolderMoved),
                Err(error) => return Err(scan_problem(&error)),
            };
            let published = scan.tree == this.ledger().tree();
            let name = this.store_backup(&key, &snapshot, published)?;
            this.progress.report(Stage::Backup, bytes, Some(bytes));
            Ok(name)
        })
        .await?
    }

    /// Stages, journals, names, exchanges and checks what was displaced. What it returns is the new
    /// folder's ledger; the old folder is kept beside it under its deadline.
    fn replace(
        &self,
        scan: Option<&Scan>,
        snapshot: &Snapshot,
        tree: &Tree,
        (agreed, row): (Ledger, &Row),
    ) -> Result<Ledger, Problem> {
        let folder = &self.checkout.folder;
        super::place::check(&self.checkout)?;
        let bytes = tree.bytes();
        self.progress.report(Stage::Write, 0, Some(bytes));
        let stamp = Version::at(clock::now());
        let env = &self.checkout.pair.env;
        let litter = scan.is_some().then_some(folder.as_path());
        let replaced = scan.map(|scan| scan.ledger(None)).unwrap_or_default();
        let journal = |staged: &Staged| self.journal_swap(staged, &agreed, &replaced, row);
        // What an earlier swap or push left to be written down comes first: its journal goes now.
        self.settle_state()?;
        let leave = |litter| self.leave(litter);
        let (content, modes) = ((snapshot, tree), (&self.rules.modes, litter));
        let staged = stage_or_leave(folder, env, stamp, content, modes, journal, leave).map_err(|error| {
            self.settle_swap();
            io_problem("cannot write the new folder", &error)
        })?;
        if let Err(problem) = self.exchange_checked(&staged, &replaced) {
            self.discard(&staged);
            return Err(problem);
        }
        let ledger = staged.ledger(agreed.synced);
        self.progress.report(Stage::Write, bytes, Some(bytes));
        Ok(ledger)
    }

    /// Writes down a swap before the staged folder takes its name: from then on a start knows
    /// what the folders beside the vault folder are.
    fn journal_swap(
        &self,
        staged: &Staged,
        agreed: &Ledger,
        replaced: &Ledger,
        row: &Row,
    ) -> std::io::Result<Option<Unsettled>> {
        let version = agreed.synced.as_ref().map(|synced| synced.version);
        let intent = SwapIntent {
            staged: staged.path.clone(),
            staged_id: staged.id,
            replaces: id_of(&self.checkout.folder)?,
            replaced: replaced.clone(),
            version: version.ok_or_else(|| std::io::Error::other("a swap without a version"))?,
            ledger: staged.ledger(agreed.synced.clone()),
            before: self.ledger().synced.clone(),
            row: Some(row.clone()),
        };
        self.state.save_unsettled(FolderFile::Swap, &intent).map(Some)
    }

    fn exchange_checked(&self, staged: &Staged, replaced: &Ledger) -> Result<(), Problem> {
        let folder = &self.checkout.folder;
        super::place::check(&self.checkout)?;
        let exchanged = exchange(staged, folder).map_err(exchange_problem)?;
        self.set_atomic(exchanged.atomic);
        let Some(displaced) = exchanged.displaced else { return Ok(()) };
        // The last moment at which an edit can have slipped in is over: look.
        let seen = late_writes(&displaced.path, replaced, &self.rules.limits, clock::now());
        if !matches!(seen, Ok(None)) {
            match put_back(staged, &displaced, folder) {
                Ok(()) => return Err(Problem::FolderMoved),
                // The new folder is in place and stays. What slipped into the old one goes into
                // a backup before that is removed, as any late write does.
                Err(error) => {
                    tracing::warn!(%error, "an edit came in at the last moment; it will be backed up");
                }
            }
        }
        self.keep_displaced(&displaced, replaced);
        Ok(())
    }

    /// Removes a staged folder that did not get into place. What has its name may be another
    /// folder by now; that one is not ours to remove, and the journal stays for the next start.
    fn discard(&self, staged: &Staged) {
        match id_of(&staged.path) {
            Ok(Some(id)) if id == staged.id => {
                if remove_tree(&staged.path).is_err() {
                    self.leave(Litter { path: staged.path.clone(), id });
                }
                self.settle_swap();
            }
            Ok(None) => self.settle_swap(),
            Ok(Some(_)) | Err(_) => tracing::warn!("a swap was cut short; the next start heals it"),
        }
    }

    /// Gives the displaced folder its deadline. It is complete and harmless under its staged
    /// name too, so a failure is only reported.
    fn keep_displaced(&self, displaced: &Displaced, replaced: &Ledger) {
        let now = clock::now();
        let deadline = now.checked_add(self.rules.keep_replaced).unwrap_or(now);
        let path = match keep(&displaced.path, &self.checkout.pair.env, Version::at(deadline)) {
            Ok(path) => path,
            Err(error) => {
                tracing::warn!(%error, "cannot rename the replaced folder");
                displaced.path.clone()
            }
        };
        let kept = Kept { path, id: displaced.id, deadline, expected: replaced.clone(), held: false };
        self.kept().push(kept);
        self.leave_kept();
    }

    fn settle_swap(&self) {
        if let Err(error) = self.state.clear(FolderFile::Swap) {
            tracing::warn!(%error, "cannot clear the swap journal; the next start does");
        }
    }
}

/// A ledger that carries only the agreement.
fn pointer_ledger(synced: &vsync_core::vault::ledger::SyncPoint) -> Ledger {
    Ledger { synced: Some(synced.clone()), ..Ledger::default() }
}

fn exchange_problem(error: ExchangeError) -> Problem {
    match error {
        ExchangeError::Io(error) => io_problem("cannot exchange the folders", &error),
        other => Problem::FolderNotUsable(other.to_string()),
    }
}
