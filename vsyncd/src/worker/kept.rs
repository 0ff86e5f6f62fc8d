//! Replaced folders: kept for a while, looked at once more, saved if somebody wrote into them.

use std::sync::Arc;

use jiff::Timestamp;
use vsync_core::format::bundle::archive;
use vsync_core::format::envelope::{self, Key};
use vsync_core::sync::Problem;
use vsync_core::vault::ledger::Ledger;
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;

use super::checkout::Checkout;
use super::effects::{Effects, Memory, Rules, lock};
use crate::clock;
use crate::disk::busy::busy;
use crate::disk::displaced::{Kept, LateWrites, late_writes, remove_tree};
use crate::disk::exchange;
use crate::disk::heal::{self, Outcome};
use crate::disk::stage::Litter;
use crate::disk::state::{FolderFile, FolderState, Loaded, SwapIntent};
use crate::disk::{backup, scan::ScanError};
use crate::repo::audit::AuditLog;
use crate::repo::remote::random;
use crate::repo::trouble::{io_problem, scan_problem};
use crate::tasks;

/// How long a replaced folder that holds what cannot be saved is left before the next look.
const HOLD: std::time::Duration = std::time::Duration::from_secs(3600);

/// How long a folder that a process stands in is left before the next look.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);
/// How long a half-made folder that cannot be removed is left before the next try.
const LITTER: std::time::Duration = std::time::Duration::from_secs(10);
/// How long a replaced folder that cannot be read or saved is left before the next try.
const RETRY: std::time::Duration = std::time::Duration::from_secs(60);

impl Effects {
    /// Whether replaced folders wait for their end, or half-made ones for their removal.
    pub fn has_kept(&self) -> bool {
        !self.kept().is_empty() || !lock(&self.litter).is_empty()
    }

    /// Remembers what could not be removed now.
    pub(super) fn leave(&self, litter: Litter) {
        tracing::warn!(path = %litter.path.display(), "cannot remove a half-made folder now; it is tried again");
        lock(&self.litter).push((litter, clock::now()));
    }

    /// Tries again to remove it. Blocks.
    fn clear_litter(&self) {
        let now = clock::now();
        // Removed outside the lock: a disk that hangs must not hold up who leaves more.
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *lock(&self.litter)).into_iter().partition(|(_, again)| *again <= now);
        let again = now.checked_add(LITTER).unwrap_or(now);
        let left = due.into_iter().filter(|(litter, _)| !litter.remove());
        let left: Vec<_> = left.map(|(litter, _)| (litter, again)).chain(later).collect();
        lock(&self.litter).extend(left);
    }

    /// Removes the replaced folders whose time has come and that nobody uses any more. What was
    /// written into one after it was replaced goes into a backup first, and is reported.
    pub async fn sweep_kept(self: &Arc<Self>) {
        let due = self.due(clock::now());
        self.sweep(due).await;
    }

    /// The replaced folders whose time has come. None is due later than its time from now on: the
    /// clock may have been set back since.
    fn due(&self, now: Timestamp) -> Vec<Kept> {
        let mut list = self.kept();
        for kept in list.iter_mut() {
            let wait = if kept.held { HOLD } else { self.rules.keep_replaced.max(RETRY) };
            kept.deadline = kept.deadline.min(now.checked_add(wait).unwrap_or(now));
        }
        list.iter().filter(|kept| kept.deadline <= now).cloned().collect()
    }

    /// The same for all of them, whatever their deadline: the worker has ended for good.
    pub async fn sweep_all(self: &Arc<Self>) {
        let all = self.kept().clone();
        self.sweep(all).await;
    }

    async fn sweep(self: &Arc<Self>, due: Vec<Kept>) {
        if !lock(&self.litter).is_empty() {
            let this = Arc::clone(self);
            if tasks::blocking(move || this.clear_litter()).await.is_err() {
                tracing::error!("removing a half-made folder failed unexpectedly");
            }
        }
        for kept in due {
            let key = self.remote.key().await;
            let this = Arc::clone(self);
            let outcome = tasks::blocking(move || {
                let gone = this.end(&kept, key);
                this.after(&kept, gone);
            });
            if outcome.await.is_err() {
                tracing::error!("looking at a replaced folder failed unexpectedly");
            }
        }
    }

    /// True when the folder is gone.
    fn end(&self, kept: &Kept, key: Result<Arc<Key>, Problem>) -> Result<bool, Problem> {
        // What replaced it comes first; a ledger that cannot be saved has been told of already.
        let _ = self.settle_state();
        if busy(&kept.path) {
            self.postpone(kept, BUSY);
            return Ok(false);
        }
        match late_writes(&kept.path, &kept.expected, &self.rules.limits, clock::now()) {
            Ok(None) => {}
            Ok(Some(late)) => {
                if !(late.diff.added.is_empty() && late.diff.modified.is_empty()) {
                    let name = self.store_backup(&*key?, &late.snapshot, false)?;
                    let count = late.diff.added.len() + late.diff.modified.len();
                    let text =
                        format!("{count} file(s) written into a replaced folder are in the backup {name}");
                    self.notice("late_write", text, Some(name));
                    // It is saved now, whatever keeps the folder from going.
                    self.change_kept(kept, |kept| kept.expected = Ledger::of(&late.snapshot.tree()));
                }
                if !late.left_out.is_empty() {
                    let names: Vec<_> = late.left_out.iter().map(|left| left.name.as_str()).collect();
                    self.hold_kept(kept, &late, &names.join(", "));
                    return Ok(false);
                }
            }
            Err(ScanError::Folder(crate::disk::folder::NotAFolder::Missing)) => return Ok(true),
            Err(error) => return Err(scan_problem(&error)),
        }
        remove_tree(&kept.path).map_err(|error| io_problem("cannot remove a replaced folder", &error))?;
        Ok(true)
    }

    /// Leaves a replaced folder that holds what no backup can, until somebody has seen to it.
    /// What it holds besides is saved and need not be saved again.
    fn hold_kept(&self, kept: &Kept, late: &LateWrites, names: &str) {
        let mut first = false;
        self.change_kept(kept, |kept| {
            first = !kept.held;
            kept.held = true;
            kept.expected = Ledger::of(&late.snapshot.tree());
        });
        self.postpone(kept, HOLD);
        if first {
            let path = kept.path.display();
            let text =
                format!("{path} stays: it holds what a backup cannot ({names}); remove it when you are done");
            self.notice("late_write", text, None);
        }
    }

    /// Looks at a replaced folder again only after a while. Not recorded: a start looks at once.
    fn postpone(&self, kept: &Kept, wait: std::time::Duration) {
        let now = clock::now();
        for other in self.kept().iter_mut().filter(|other| other.is(kept.id, &kept.path)) {
            other.deadline = now.checked_add(wait).unwrap_or(now);
        }
    }

    /// Changes what is recorded of a replaced folder.
    fn change_kept(&self, kept: &Kept, change: impl FnOnce(&mut Kept)) {
        let mut list = self.kept();
        if let Some(found) = list.iter_mut().find(|other| other.is(kept.id, &kept.path)) {
            change(found);
        }
        self.save_kept(&list);
    }

    fn after(&self, kept: &Kept, gone: Result<bool, Problem>) {
        match gone {
            Ok(true) => {
                let mut list = self.kept();
                list.retain(|other| !other.is(kept.id, &kept.path));
                self.save_kept(&list);
            }
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(path = %kept.path.display(), %problem, "a replaced folder stays for now");
                self.postpone(kept, RETRY);
            }
        }
    }

    pub(super) fn save_kept(&self, list: &[Kept]) {
        if let Err(error) = self.state.save(FolderFile::Kept, &list) {
            tracing::warn!(%error, "cannot record the replaced folders");
        }
    }

    /// Encrypts a folder and stores it among the backups; returns its name. Blocks.
    pub(super) fn store_backup(
        &self,
        key: &Key,
        snapshot: &Snapshot,
        published: bool,
    ) -> Result<String, Problem> {
        let zip = archive(snapshot).map_err(|error| Problem::Io(format!("cannot make a backup: {error}")))?;
        let sealed = envelope::encrypt(key, random::<12>()?, zip)
            .map_err(|error| Problem::Io(format!("cannot make a backup: {error}")))?;
        let (dir, pair) = (&self.rules.backups, &self.checkout.pair);
        let now = Version::at(clock::now());
        let name = backup::store(dir, pair, now, &sealed, published)
            .map_err(|error| io_problem("cannot store a backup", &error))?;
        if let Err(error) = backup::prune(dir, pair, self.rules.backups_keep) {
            tracing::warn!(%error, "cannot remove old backups");
        }
        Ok(name)
    }
}

/// Loads a checkout's state and brings its folder out of whatever a crash left.
pub(super) fn heal(
    checkout: &Checkout,
    state: &FolderState,
    rules: &Rules,
    audit: &AuditLog,
) -> Result<Memory, Problem> {
    let failed = |error| io_problem("cannot read the checkout's state", &error);
    let mut ledger = found(state.load(FolderFile::Ledger).map_err(failed)?);
    let mut kept: Vec<Kept> = found(state.load(FolderFile::Kept).map_err(failed)?);
    let on_record = kept.len();
    let notices = found(state.load(FolderFile::Notices).map_err(failed)?);
    let swap: Option<SwapIntent> = state.load(FolderFile::Swap).map_err(failed)?.found();
    let now = clock::now();
    let folder = &checkout.folder;
    if !folder.parent().is_some_and(std::path::Path::is_dir) {
        return Ok(Memory { ledger, kept, notices });
    }
    let journaled = swap.is_some();
    let healed = heal::heal(folder, &checkout.pair.env, swap.as_ref(), &kept, &rules.limits, now)
        .map_err(|error| io_problem("cannot heal the vault folder", &error))?;
    if let (Outcome::Swapped { displaced }, Some(swap)) = (healed.outcome, swap) {
        // A journal that could not be cleared must not take a later agreement back.
        if ledger.synced.is_none() || ledger.synced == swap.before {
            if let Some(row) = &swap.row {
                audit.keep(row);
            }
            ledger = swap.ledger;
            if let Err(error) = exchange::settle(folder) {
                tracing::warn!(%error, "a swap may not outlive a power cut");
            }
            let saved = state.save(FolderFile::Ledger, &ledger);
            saved.map_err(|error| io_problem("cannot save the ledger", &error))?;
        }
        if let (Some(path), Some(id)) = (displaced, swap.replaces)
            && !kept.iter().any(|known| known.is(id, &path))
        {
            kept.push(Kept { path, id, deadline: now, expected: swap.replaced, held: false });
        }
    }
    // No record says what these held, so all of it goes into a backup before they go.
    let strays = healed.unexplained.into_iter();
    kept.extend(strays.map(|stray| Kept {
        path: stray.path,
        id: stray.id,
        deadline: now,
        expected: Ledger::default(),
        held: false,
    }));
    // Where there is nothing to write down, a full disk is no reason not to begin.
    let failed = |error| io_problem("cannot save the state", &error);
    if kept.len() != on_record {
        state.save(FolderFile::Kept, &kept).map_err(failed)?;
    }
    if journaled {
        state.clear(FolderFile::Swap).map_err(failed)?;
    }
    Ok(Memory { ledger, kept, notices })
}

fn found<T: Default>(loaded: Loaded<T>) -> T {
    match loaded {
        Loaded::Found(value) => value,
        Loaded::Missing => T::default(),
        Loaded::Corrupt { moved_to, why } => {
            tracing::warn!(moved_to = %moved_to.display(), why, "a state file was damaged; it counts as lost");
            T::default()
        }
    }
}
