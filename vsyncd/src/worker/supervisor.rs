//! All workers: started, restarted, stopped as the registered checkouts and the settings say.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use vsync_core::id::Pair;
use vsync_core::sync::Problem;
use vsync_core::sync::backoff::Jitter;

use super::checkout::Checkout;
use super::driver::{Driver, Handle};
use super::entry::{Entry, Slot};
use super::setup::Setup;
use crate::clock;
use crate::repo::remote::Remote;
use crate::tasks::{self, Tasks};

/// A worker that ran this long before it failed is started again without delay.
const STABLE: Duration = Duration::from_secs(60);
/// How far two clocks may drift apart between two heartbeats before the machine has slept.
const SLEPT: Duration = Duration::from_secs(20);
/// How long a change waits for work in flight: as long as a large upload may take.
const END_PATIENCE: Duration = Duration::from_secs(120);
/// How long a start waits for folders on slow disks.
const LOAD_PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked whether the machine slept or changed its network.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Identity of a checkout: its vault and its root.
pub type Key = (Pair, PathBuf);

/// Runs a worker for every registered checkout.
#[derive(Debug)]
pub struct Supervisor {
    setup: Setup,
    tasks: Tasks,
    entries: Mutex<BTreeMap<Key, Arc<Entry>>>,
    changes: broadcast::Sender<Key>,
    reconciling: tokio::sync::Mutex<()>,
    registering: tokio::sync::Mutex<()>,
    remotes: Mutex<HashMap<Pair, Weak<Remote>>>,
    paused: Mutex<HashSet<Pair>>,
    /// The last reconciling failed: the heartbeat tries again.
    owed: AtomicBool,
}

/// While this lives, no worker of the vault is started.
#[derive(Debug)]
pub struct Paused {
    supervisor: Arc<Supervisor>,
    pair: Pair,
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.supervisor.paused().remove(&self.pair);
    }
}

impl Supervisor {
    /// No workers yet.
    pub fn new(setup: Setup, tasks: Tasks) -> Arc<Self> {
        Arc::new(Self {
            setup,
            tasks,
            entries: Mutex::default(),
            changes: broadcast::channel(256).0,
            reconciling: tokio::sync::Mutex::default(),
            registering: tokio::sync::Mutex::default(),
            remotes: Mutex::default(),
            paused: Mutex::default(),
            owed: AtomicBool::new(false),
        })
    }

    /// What workers are made from.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Follows which checkouts show something new.
    pub fn changes(&self) -> broadcast::Receiver<Key> {
        self.changes.subscribe()
    }

    /// Ends when the daemon does.
    pub fn stopping(&self) -> CancellationToken {
        self.tasks.stopping()
    }

    /// Every registered checkout.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.lock().values().cloned().collect()
    }

    /// The checkout of a vault with this root.
    pub fn entry(&self, key: &Key) -> Option<Arc<Entry>> {
        self.lock().get(key).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what is registered and not running, stops what runs and is not registered, and
    /// gives the rest its present settings.
    ///
    /// # Errors
    /// When the list of checkouts cannot be read; what runs goes on, and the heartbeat tries again.
    pub async fn reconcile(self: &Arc<Self>) -> Result<(), Problem> {
        // A list that was read must be applied before a later one is.
        let _turn = self.reconciling.lock().await;
        let wanted = self.setup.checkouts().await;
        // Workers that a change has ended must not stay away because a disk failed for a moment.
        self.owed.store(wanted.is_err(), Ordering::Relaxed);
        let wanted: HashMap<Key, Checkout> = wanted?
            .into_iter()
            .map(|checkout| ((checkout.pair.clone(), checkout.root.clone()), checkout))
            .collect();
        let mut entries = self.lock();
        let mut leaving = HashMap::new();
        entries.retain(|key, entry| {
            let stays = !entry.stop.is_cancelled()
                && wanted.get(key).is_some_and(|checkout| *checkout == *entry.checkout);
            if !stays {
                entry.stop.cancel();
                leaving.insert(key.clone(), Arc::clone(entry));
                let _ = self.changes.send(key.clone());
            }
            stays
        });
        let paused = self.paused().clone();
        for (key, checkout) in wanted.into_iter().filter(|(key, _)| !paused.contains(&key.0)) {
            match entries.get(&key) {
                Some(entry) => {
                    if let Slot::Running(handle) = entry.slot() {
                        handle.set_policy(self.setup.policy(&key.0));
                    }
                    entry.again.notify_one();
                }
                None => {
                    let before = leaving.remove(&key);
                    let entry = self.start(key.clone(), checkout, before);
                    entries.insert(key, entry);
                }
            }
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, key: Key, checkout: Checkout, before: Option<Arc<Entry>>) -> Arc<Entry> {
        let entry = Arc::new(Entry::new(checkout));
        let (this, running) = (Arc::clone(self), Arc::clone(&entry));
        self.tasks.spawn("worker", async move {
            // Two workers on one folder would fight: a predecessor ends first.
            if let Some(before) = before {
                before.ended.cancelled().await;
            }
            let _ended = running.ended.clone().drop_guard();
            this.keep(key, &running).await;
            running.slot.send_replace(Slot::Broken(Problem::ShuttingDown, clock::now()));
        });
        entry
    }

    /// Keeps one worker running until its checkout is forgotten or the daemon stops.
    async fn keep(&self, key: Key, entry: &Entry) {
        let stopping = self.tasks.stopping();
        let mut jitter = Jitter::new(seed());
        let mut failures = 0;
        loop {
            let begun = clock::monotonic();
            let loaded = tokio::select! {
                loaded = self.load(&entry.checkout) => loaded,
                // A disk that hangs must not hold up whoever forgets the checkout.
                () = entry.stop.cancelled() => break,
                () = stopping.cancelled() => break,
            };
            let problem = match loaded {
                Ok((driver, handle)) => {
                    let problem = self.run(&key, entry, driver, handle).await;
                    match problem {
                        Some(problem) => problem,
                        None => break,
                    }
                }
                Err(problem) => problem,
            };
            tracing::warn!(pair = %key.0, root = %key.1.display(), %problem, "this checkout cannot be kept now");
            entry.slot.send_replace(Slot::Broken(problem, clock::now()));
            let _ = self.changes.send(key.clone());
            failures = if begun.elapsed() > STABLE { 1 } else { failures + 1 };
            let wait = jitter.after_failure(Duration::from_secs(1), failures);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = entry.again.notified() => {}
                () = entry.stop.cancelled() => break,
                () = stopping.cancelled() => break,
            }
        }
        let (watcher, folder) = (Arc::clone(&self.setup.watcher), entry.checkout.folder.clone());
        if tasks::blocking(move || watcher.unwatch(&folder)).await.is_err() {
            tracing::warn!(pair = %key.0, "a folder may still be watched");
        }
    }

    /// Runs a loaded worker; `None` when it ended because it was asked to.
    async fn run(&self, key: &Key, entry: &Entry, driver: Driver, handle: Handle) -> Option<Problem> {
        let stopping = self.tasks.stopping();
        let mut views = handle.views();
        entry.slot.send_replace(Slot::Running(handle.clone()));
        let _ = self.changes.send(key.clone());
        let mut driven = std::pin::pin!(tasks::caught(driver.run()));
        let (mut asked, mut watching) = (false, true);
        loop {
            tokio::select! {
                ended = &mut driven => {
                    return match ended {
                        Ok(()) if asked => None,
                        _ => Some(Problem::Internal("the worker ended unexpectedly".to_owned())),
                    };
                }
                changed = views.changed(), if watching => {
                    watching = changed.is_ok();
                    let _ = self.changes.send(key.clone());
                }
                () = entry.stop.cancelled(), if !asked => {
                    asked = true;
                    handle.stop();
                }
                () = stopping.cancelled(), if !asked => {
                    asked = true;
                    handle.stop();
                }
            }
        }
    }

    async fn load(&self, checkout: &Arc<Checkout>) -> Result<(Driver, Handle), Problem> {
        let remote = self.remote_of(&checkout.pair).await?;
        let newest = |pair: &Pair| self.newest_here(pair);
        self.setup.worker(Arc::clone(checkout), remote, newest, seed()).await
    }

    /// The newest version that another running checkout of a vault agrees with.
    fn newest_here(&self, pair: &Pair) -> Option<vsync_core::version::Version> {
        let entries = self.entries();
        let synced = entries.iter().filter(|entry| entry.checkout.pair == *pair).filter_map(|entry| {
            let Slot::Running(handle) = entry.slot() else { return None };
            Some(handle.effects().ledger().synced.as_ref()?.version)
        });
        synced.max()
    }

    /// The remote side of a vault, one for all its checkouts.
    async fn remote_of(&self, pair: &Pair) -> Result<Arc<Remote>, Problem> {
        if let Some(known) = self.remotes().get(pair).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let (setup, wanted) = (self.setup.clone(), pair.clone());
        let made = Arc::new(tasks::blocking_in_turn(move || setup.remote(&wanted)).await??);
        let mut remotes = self.remotes();
        if let Some(known) = remotes.get(pair).and_then(Weak::upgrade) {
            return Ok(known);
        }
        remotes.insert(pair.clone(), Arc::downgrade(&made));
        Ok(made)
    }

    fn remotes(&self) -> std::sync::MutexGuard<'_, HashMap<Pair, Weak<Remote>>> {
        self.remotes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts workers anew: their settings changed.
    ///
    /// # Errors
    /// As [`Supervisor::reconcile`].
    pub async fn restart(self: &Arc<Self>, affected: impl Fn(&Pair) -> bool) -> Result<(), Problem> {
        for entry in self.entries().iter().filter(|entry| affected(&entry.checkout.pair)) {
            entry.stop.cancel();
            self.remotes().remove(&entry.checkout.pair);
        }
        self.reconcile().await
    }

    /// Ends the workers of a vault, so that its key and configuration can be changed. None is
    /// started before what this returns is dropped, then by the next [`Supervisor::reconcile`].
    ///
    /// # Errors
    /// [`Problem::Io`] when a worker does not end; it goes on then.
    pub async fn pause(self: &Arc<Self>, pair: &Pair) -> Result<Paused, Problem> {
        let paused = Paused { supervisor: Arc::clone(self), pair: pair.clone() };
        self.paused().insert(pair.clone());
        let mut entries = self.entries();
        entries.retain(|entry| entry.checkout.pair == *pair);
        for entry in &entries {
            entry.stop.cancel();
        }
        let all = async {
            for entry in &entries {
                entry.ended.cancelled().await;
            }
        };
        if tokio::time::timeout(END_PATIENCE, all).await.is_err() {
            return Err(Problem::Io(format!("the present work on {pair} does not end; is a disk hanging?")));
        }
        self.remotes().remove(pair);
        Ok(paused)
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, HashSet<Pair>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change of what is registered: one at a time, and to its end, also when the client
    /// that asked for it leaves meanwhile.
    ///
    /// # Errors
    /// [`Problem::Internal`] when the change failed unexpectedly.
    pub async fn registering<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let this = Arc::clone(self);
        let change = async move {
            let _turn = this.registering.lock().await;
            change.await
        };
        self.finishing("change", change).await
    }

    /// Does something to its end, also when nobody waits for its answer any more.
    ///
    /// # Errors
    /// [`Problem::Internal`] when it failed unexpectedly.
    pub async fn finishing<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.tasks.spawn(name, async move {
            // Nobody may be waiting for the answer any more.
            let _ = answer.send(work.await);
        });
        answered.await.map_err(|_| Problem::Internal(format!("the {name} failed unexpectedly")))
    }

    /// Waits until every worker is loaded or known not to load, but not for a hanging disk.
    pub async fn loaded(&self) {
        let all = async {
            for entry in self.entries() {
                let mut slot = entry.slot.subscribe();
                let _ = slot.wait_for(|slot| !matches!(slot, Slot::Starting)).await;
            }
        };
        if tokio::time::timeout(LOAD_PATIENCE, all).await.is_err() {
            tracing::warn!("some checkouts take long to load; they are served when they are ready");
        }
    }

    /// Has every worker look at its remote once after the machine slept or changed its network.
    pub async fn heartbeat(self: Arc<Self>) {
        let stopping = self.tasks.stopping();
        let mut before = (clock::monotonic(), clock::now(), crate::repo::author::local_ip());
        loop {
            tokio::select! {
                () = tokio::time::sleep(HEARTBEAT) => {}
                () = stopping.cancelled() => return,
            }
            if self.owed.load(Ordering::Relaxed)
                && let Err(problem) = self.reconcile().await
            {
                tracing::warn!(%problem, "the list of checkouts still cannot be read");
            }
            let now = (clock::monotonic(), clock::now(), crate::repo::author::local_ip());
            let awake = now.0.duration_since(before.0);
            let passed = now.1.duration_since(before.1).unsigned_abs();
            if passed > awake + SLEPT || awake > HEARTBEAT + SLEPT || now.2 != before.2 {
                tracing::debug!("the machine slept or its network changed; looking at every remote");
                for entry in self.entries() {
                    if let Slot::Running(handle) = entry.slot() {
                        handle.poll_now();
                    }
                }
            }
            before = now;
        }
    }
}

/// A seed for jitter.
fn seed() -> u64 {
    crate::repo::remote::random::<8>().map_or(1, u64::from_ne_bytes)
}
