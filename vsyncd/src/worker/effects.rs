//! What a worker's effects do, and what they work with.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use vsync_core::format::audit::{Action, Meta};
use vsync_core::sync::event::Opened;
use vsync_core::sync::{Local, OpId, Problem, RemoteMark, RemotePointer};
use vsync_core::vault::diff::Diff;
use vsync_core::vault::ledger::{Ledger, SyncOp, SyncPoint};
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::vault::tree::Tree;
use vsync_core::version::Version;

use super::checkout::Checkout;
use super::progress::{Progress, Stage};
use crate::clock;
use crate::disk::displaced::Kept;
use crate::disk::folder::NotAFolder;
use crate::disk::scan::{self, Scan, ScanError, ScanLimits};
use crate::disk::stage::Modes;
use crate::disk::state::{FolderFile, FolderState, Loaded, Notice, PublishIntent};
use crate::repo::author::Author;
use crate::repo::remote::{PointerRead, Remote};
use crate::repo::trouble::{io_problem, scan_problem};
use crate::store::meter::{Meter, metered};
use crate::tasks;
use crate::watch::watcher::Watcher;

/// How long a worker that ends waits for looks that were given up.
const IDLE_PATIENCE: Duration = Duration::from_secs(30);
/// How many notices are kept.
const NOTICES_MAX: usize = 20;

/// What the settings say to a worker's effects.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How much a folder may hold.
    pub limits: ScanLimits,
    /// Modes and owners of what is written.
    pub modes: Modes,
    /// How long a replaced folder stays.
    pub keep_replaced: Duration,
    /// Where backups go.
    pub backups: PathBuf,
    /// How many published backups are kept.
    pub backups_keep: usize,
}

/// What one job's effects hand to the next. Blocking work goes on after its effect was given up;
/// what it brings then is older than what a newer effect has put here, and is dropped.
#[derive(Debug, Default)]
pub(super) struct Slots {
    newest: u64,
    pub(super) scan: Option<Arc<Scan>>,
    pub(super) pointer: Option<PointerRead>,
    pub(super) opened: Option<(RemoteMark, Snapshot, Tree)>,
}

/// Everything one worker works with. The ledger in memory is the one on disk.
#[derive(Debug)]
pub struct Effects {
    /// The checkout.
    pub checkout: Arc<Checkout>,
    /// The vault in the bucket.
    pub remote: Arc<Remote>,
    /// Where progress is told.
    pub progress: Progress,
    /// What the settings say.
    pub rules: Rules,
    pub(super) state: FolderState,
    pub(super) author: Author,
    pub(super) watcher: Arc<Watcher>,
    pub(super) slots: Mutex<Slots>,
    ledger: Mutex<Arc<Ledger>>,
    kept: Mutex<Vec<Kept>>,
    notices: Mutex<Arc<Vec<Notice>>>,
    atomic: Mutex<Option<bool>>,
    scanning: Mutex<()>,
    work: TaskTracker,
}

impl Slots {
    /// Lets an effect put something here, unless a newer one already did.
    fn put(&mut self, op: OpId, put: impl FnOnce(&mut Self)) {
        if op.0 >= self.newest {
            self.newest = op.0;
            put(self);
        }
    }
}

/// What is loaded and healed before a worker starts.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) ledger: Ledger,
    pub(super) kept: Vec<Kept>,
    pub(super) notices: Vec<Notice>,
}

impl Effects {
    /// Loads what is known of the checkout and heals its folder. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub fn load(
        checkout: Arc<Checkout>,
        remote: Arc<Remote>,
        state: FolderState,
        rules: Rules,
        watcher: Arc<Watcher>,
        author: Author,
    ) -> Result<Self, Problem> {
        let memory = super::kept::heal(&checkout, &state, &rules)?;
        Ok(Self {
            checkout,
            remote,
            progress: Progress::default(),
            rules,
            state,
            author,
            watcher,
            slots: Mutex::default(),
            ledger: Mutex::new(Arc::new(memory.ledger)),
            kept: Mutex::new(memory.kept),
            notices: Mutex::new(Arc::new(memory.notices)),
            atomic: Mutex::default(),
            scanning: Mutex::default(),
            work: TaskTracker::new(),
        })
    }

    /// The ledger as it stands.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&lock(&self.ledger))
    }

    /// Replaces the ledger, on disk first. Blocks.
    pub(super) fn set_ledger(&self, ledger: Ledger) -> Result<(), Problem> {
        self.save_ledger(&mut lock(&self.ledger), ledger)
    }

    /// Replaces the ledger if it is still the one that was looked at. Blocks.
    fn refresh_ledger(&self, seen: &Arc<Ledger>, ledger: Ledger) -> Result<(), Problem> {
        let mut held = lock(&self.ledger);
        if Arc::ptr_eq(&held, seen) { self.save_ledger(&mut held, ledger) } else { Ok(()) }
    }

    fn save_ledger(&self, held: &mut Arc<Ledger>, ledger: Ledger) -> Result<(), Problem> {
        let saved = self.state.save(FolderFile::Ledger, &ledger);
        saved.map_err(|error| io_problem("cannot save the ledger", &error))?;
        *held = Arc::new(ledger);
        Ok(())
    }

    /// What a person should know, newest last.
    pub fn notices(&self) -> Arc<Vec<Notice>> {
        Arc::clone(&lock(&self.notices))
    }

    /// Adds a notice; also logged. Blocks.
    pub(super) fn notice(&self, code: &str, text: String, backup: Option<String>) {
        tracing::warn!(pair = %self.checkout.pair, code, "{text}");
        let mut notices = lock(&self.notices);
        let mut list = (**notices).clone();
        list.push(Notice { at: clock::now(), code: code.to_owned(), text, backup });
        list.drain(..list.len().saturating_sub(NOTICES_MAX));
        if let Err(error) = self.state.save(FolderFile::Notices, &list) {
            tracing::warn!(%error, "cannot save the notices");
        }
        *notices = Arc::new(list);
    }

    /// Whether the last swap was one step.
    pub fn atomic(&self) -> Option<bool> {
        *lock(&self.atomic)
    }

    pub(super) fn set_atomic(&self, atomic: bool) {
        *lock(&self.atomic) = Some(atomic);
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        lock(&self.kept)
    }

    /// The kept scan and its successors, for the effects of one job.
    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        lock(&self.slots)
    }

    /// Looks at the pointer.
    ///
    /// # Errors
    /// What the store says.
    pub async fn head(&self) -> Result<Option<RemoteMark>, Problem> {
        // Where nothing was ever here, it may be a vault of the older client.
        let undecided = self.ledger().synced.is_none();
        let mark = self.remote.head(undecided).await?;
        // No job runs now, so nothing that one left is needed any more.
        self.slots().opened = None;
        Ok(mark)
    }

    /// Compares the folder with the ledger.
    ///
    /// # Errors
    /// What a vault cannot hold, or the file system says.
    pub async fn scan(self: &Arc<Self>, op: OpId, keep: bool) -> Result<Local, Problem> {
        let this = Arc::clone(self);
        let work = self.work.token();
        let asked = Arc::new(());
        let waits = Arc::downgrade(&asked);
        let found = tasks::blocking(move || {
            let _work = work;
            // One at a time: looks that were given up must not pile up behind a slow disk.
            let _turn = lock(&this.scanning);
            if waits.strong_count() == 0 {
                return Err(Problem::Cancelled);
            }
            this.scan_now(op, keep)
        })
        .await?;
        drop(asked);
        found
    }

    /// Waits until blocking work that was given up has ended: it may still write the state.
    pub(super) async fn idle(&self) {
        self.work.close();
        if tokio::time::timeout(IDLE_PATIENCE, self.work.wait()).await.is_err() {
            tracing::warn!(pair = %self.checkout.pair, "a look at the folder does not end");
        }
    }

    fn scan_now(&self, op: OpId, keep: bool) -> Result<Local, Problem> {
        let ledger = self.ledger();
        let known = ledger.tree();
        let started = clock::now();
        self.progress.report(Stage::Scan, 0, Some(ledger.files.len() as u64));
        let found = match scan::scan(&self.checkout.folder, &ledger, &self.rules.limits, started) {
            Ok(found) => found,
            Err(ScanError::Folder(NotAFolder::Missing)) if self.checkout.root.is_dir() => {
                if keep {
                    self.slots().put(op, |slots| slots.scan = None);
                }
                let diff = Diff::between(&known, &Tree::default());
                return Ok(Local { diff, tree: Arc::default(), missing: true });
            }
            Err(error) => return Err(scan_problem(&error)),
        };
        self.progress.report(Stage::Scan, found.files.len() as u64, Some(found.files.len() as u64));
        let diff = Diff::between(&known, &found.tree);
        let local = Local { diff, tree: Arc::new(found.tree.clone()), missing: false };
        if keep {
            self.slots().put(op, |slots| slots.scan = Some(Arc::new(found)));
        } else if local.diff.is_empty() && ledger.files != found.files && ledger.synced.is_some() {
            // Touched or just written, with the same content: remember, so as not to read it
            // again. A ledger that changed meanwhile knows better.
            self.refresh_ledger(&ledger, found.ledger(ledger.synced.clone()))?;
        }
        Ok(local)
    }

    /// Reads the pointer, settles a publish whose outcome was not known by it, and tells the
    /// agreement that the ledger holds then.
    ///
    /// # Errors
    /// What the store says, or the pointer itself.
    pub async fn read(self: &Arc<Self>) -> Result<(Option<RemotePointer>, Option<SyncPoint>), Problem> {
        let undecided = self.ledger().synced.is_none();
        let read = self.remote.pointer(undecided).await?;
        let this = Arc::clone(self);
        let seen = read.clone();
        let work = self.work.token();
        tasks::blocking(move || {
            let _work = work;
            this.settle(seen.as_ref())
        })
        .await??;
        let pointer = read.as_ref().map(|read| read.remote.clone());
        self.slots().pointer = read;
        Ok((pointer, self.ledger().synced.clone()))
    }

    fn settle(&self, read: Option<&PointerRead>) -> Result<(), Problem> {
        let failed = |error| io_problem("cannot read the publish journal", &error);
        let intent: Option<PublishIntent> = match self.state.load(FolderFile::Publish).map_err(failed)? {
            Loaded::Found(intent) => Some(intent),
            Loaded::Missing => None,
            Loaded::Corrupt { moved_to, why } => {
                tracing::warn!(moved_to = %moved_to.display(), why, "the publish journal was damaged");
                None
            }
        };
        let (Some(intent), Some(read)) = (intent, read) else { return Ok(()) };
        let mark = &read.remote.mark;
        let counted = mark.push_id.as_ref() == Some(&intent.push_id);
        let followed = read.pointer.prev == Some(intent.version);
        let still_old = Some(&mark.etag) == intent.replaced_etag.as_ref();
        if still_old && !counted {
            return Ok(());
        }
        // A journal that could not be cleared must not take a later agreement back.
        let known = self.ledger().synced.clone();
        if (counted || followed) && (known.is_none() || known == intent.before) {
            let (version, generation) = (intent.version, intent.generation);
            let synced = SyncPoint {
                version: intent.version,
                generation: intent.generation,
                // Of a pointer that was replaced since, only its push id is known.
                etag: if counted { mark.etag.clone() } else { String::new() },
                push_id: Some(intent.push_id),
                op: SyncOp::Push,
                at: clock::now(),
            };
            self.set_ledger(Ledger { synced: Some(synced), ..intent.ledger })?;
            self.remote.record_push(version, generation);
            // Its row was never written: the process died, or nobody knew that it happened.
            self.remote.audit.keep(&self.author.row(Action::Push, Some(version), Meta::new()));
        }
        let cleared = self.state.clear(FolderFile::Publish);
        cleared.map_err(|error| io_problem("cannot clear the publish journal", &error))
    }

    /// Fetches and opens what the pointer names, and compares it with the kept scan.
    ///
    /// # Errors
    /// Why it cannot be had, or must not be used.
    pub async fn open(self: &Arc<Self>, op: OpId, pointer: &RemotePointer) -> Result<Opened, Problem> {
        let read = self.pointer_read(pointer)?;
        let synced = self.ledger().synced.clone();
        let proven = synced.is_some();
        self.progress.report(Stage::Download, 0, None);
        let progress = self.progress.clone();
        let meter: Meter = Arc::new(move |done, total| progress.report(Stage::Download, done, total));
        let snapshot = metered(meter, self.remote.open(&read, proven)).await?;
        let this = Arc::clone(self);
        let mark = pointer.mark.clone();
        let work = self.work.token();
        tasks::blocking(move || {
            let _work = work;
            let tree = snapshot.tree();
            let equal = this.slots().scan.as_ref().is_some_and(|scan| scan.tree == tree);
            let cached = synced.is_some_and(|synced| this.remote.has_cached(synced.version));
            this.slots().put(op, |slots| slots.opened = Some((mark, snapshot, tree)));
            Opened { equal, cached }
        })
        .await
        .map_err(Problem::from)
    }

    /// Asks whether a version's bundle is in the bucket.
    ///
    /// # Errors
    /// What the store says.
    pub async fn probe(&self, version: Version) -> Result<bool, Problem> {
        let place = &self.remote.place;
        Ok(place.store.head(&place.bundle(version)).await?.is_some())
    }

    pub(super) fn pointer_read(&self, pointer: &RemotePointer) -> Result<PointerRead, Problem> {
        let slots = self.slots();
        let read = slots.pointer.as_ref().filter(|read| read.remote == *pointer);
        read.cloned().ok_or_else(|| Problem::Internal("the pointer was not read in this job".to_owned()))
    }

    /// What a pointer's agreement looks like from now on.
    pub(super) fn agreement(pointer: &RemotePointer, op: SyncOp, at: Timestamp) -> SyncPoint {
        SyncPoint {
            version: pointer.version,
            generation: pointer.mark.generation,
            etag: pointer.mark.etag.clone(),
            push_id: pointer.mark.push_id.clone(),
            op,
            at,
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
