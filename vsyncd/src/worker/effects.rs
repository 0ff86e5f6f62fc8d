//! What a worker's effects do, and what they work with.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use vsync_core::sync::{Local, OpId, Problem, RemoteMark};
use vsync_core::vault::diff::Diff;
use vsync_core::vault::ledger::{Ledger, LedgerFile};
use vsync_core::vault::litter::is_litter;
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::vault::tree::Tree;
use vsync_core::version::Version;

use super::checkout::Checkout;
use super::later::Later;
use super::progress::{Progress, Stage};
use crate::clock;
use crate::disk::displaced::Kept;
use crate::disk::folder::NotAFolder;
use crate::disk::scan::{self, Scan, ScanError, ScanLimits};
use crate::disk::stage::{Litter, Modes};
use crate::disk::state::{FolderFile, FolderState, Notice};
use crate::repo::author::Author;
use crate::repo::remote::{PointerRead, Remote};
use crate::repo::trouble::scan_problem;
use crate::tasks;
use crate::watch::watcher::{Watcher, Watching};

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
    pub(super) opened: Option<OpenedVersion>,
}

/// A version that was fetched and opened.
#[derive(Debug)]
pub(super) struct OpenedVersion {
    pub(super) mark: RemoteMark,
    pub(super) snapshot: Snapshot,
    pub(super) tree: Tree,
    /// Its bundle, where that is not in the cache.
    pub(super) bundle: Option<(Version, Bytes)>,
}

/// Everything one worker works with. The ledger in memory counts; the disk may have an older one and a journal.
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
    pub(super) ledger: Mutex<Arc<Ledger>>,
    /// The ledger on disk is older; a journal beside it tells a start what this one says.
    pub(super) unsaved: AtomicBool,
    /// What could not be removed, and when to try again.
    pub(super) litter: Mutex<Vec<(Litter, Timestamp)>>,
    kept: Mutex<Vec<Kept>>,
    notices: Mutex<Arc<Vec<Notice>>>,
    atomic: Mutex<Option<bool>>,
    scanning: Mutex<()>,
    /// The folder as last looked at, with what it takes to trust it.
    seen: Mutex<Option<Arc<Ledger>>>,
    pub(super) watching: Mutex<Watching>,
    /// What was done and is not durable yet.
    pub(super) later: Mutex<Later>,
    /// A bundle that opened and is not in the cache yet.
    pub(super) uncached: Mutex<Option<(Version, Bytes)>>,
    /// Blocking work that may go on after its effect was given up.
    pub(super) work: TaskTracker,
}

impl Slots {
    /// Lets an effect put something here, unless a newer one already did.
    pub(super) fn put(&mut self, op: OpId, put: impl FnOnce(&mut Self)) {
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
        super::place::check(&checkout)?;
        let memory = super::kept::heal(&checkout, &state, &rules, &remote.audit)?;
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
            unsaved: AtomicBool::new(false),
            litter: Mutex::default(),
            kept: Mutex::new(memory.kept),
            notices: Mutex::new(Arc::new(memory.notices)),
            atomic: Mutex::default(),
            scanning: Mutex::default(),
            seen: Mutex::default(),
            watching: Mutex::new(Watching::Absent),
            later: Mutex::default(),
            uncached: Mutex::default(),
            work: TaskTracker::new(),
        })
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

    /// Compares the folder with the ledger.
    ///
    /// # Errors
    /// What a vault cannot hold, or the file system says.
    pub async fn scan(self: &Arc<Self>, op: OpId, keep: bool) -> Result<Local, Problem> {
        let this = Arc::clone(self);
        let work = self.work.token();
        let asked = Arc::new(());
        let waits = Arc::downgrade(&asked);
        let found = tasks::blocking_in_turn(move || {
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

    /// What a look may trust without reading: what the last look saw, and the ledger. Edits that
    /// wait to be published are not read again at every look.
    fn memory(&self, ledger: &Arc<Ledger>) -> Arc<Ledger> {
        let Some(seen) = lock(&self.seen).clone() else { return Arc::clone(ledger) };
        let mut memory = Arc::unwrap_or_clone(seen);
        // Which litter counts as a file, and which folder as empty, only the ledger says.
        memory.empty_dirs.clone_from(&ledger.empty_dirs);
        memory.files.retain(|path, _| ledger.files.contains_key(path) || !is_litter(path.as_str()));
        // What only the ledger knows is trusted no more than the ledger trusts it.
        let old = |file: &LedgerFile| file.mtime_ns < ledger.scanned_ns && file.ctime_ns < ledger.scanned_ns;
        for (path, file) in ledger.files.iter().filter(|(path, file)| old(file) || is_litter(path.as_str())) {
            memory.files.entry(path.clone()).or_insert(*file);
        }
        Arc::new(memory)
    }

    fn scan_now(&self, op: OpId, keep: bool) -> Result<Local, Problem> {
        super::place::check(&self.checkout)?;
        self.settle_state()?;
        // Before the look: an edit that comes after it is heard of.
        self.listen();
        let ledger = self.ledger();
        let known = ledger.tree();
        let started = clock::now();
        self.progress.report(Stage::Scan, 0, Some(ledger.files.len() as u64));
        let memory = self.memory(&ledger);
        let found = match scan::scan(&self.checkout.folder, &memory, &self.rules.limits, started) {
            Ok(found) => found,
            Err(ScanError::Folder(NotAFolder::Missing)) if self.checkout.root.is_dir() => {
                if keep {
                    self.slots().put(op, |slots| slots.scan = None);
                }
                let diff = Diff::between(&known, &Tree::default());
                return Ok(Local { diff, tree: Arc::default(), missing: true });
            }
            Err(error) => {
                if matches!(error, ScanError::Unreadable { .. }) {
                    self.watcher.distrust(&self.checkout.folder);
                }
                return Err(scan_problem(&error));
            }
        };
        // What was seen counts only if it was not seen through a link that came in between.
        super::place::check(&self.checkout)?;
        self.progress.report(Stage::Scan, found.files.len() as u64, Some(found.files.len() as u64));
        *lock(&self.seen) = Some(Arc::new(found.ledger(None)));
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
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
