//! One machine of the model: a home of its own, a clock of its own, and the daemon's real parts
//! in a runtime of its own whose time stands still while nobody lets it pass.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use vsync_core::format::envconfig::{EnvConfig, S3};
use vsync_core::format::envelope::Key;
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::secret::Secret;
use vsync_core::sync::{Command, OnEdit, Outcome, Policy, Problem};

use super::bucket::{Client, PREFIX};
use super::content::{self, Content};
use crate::clock::simulated::{self, WallClock};
use crate::config::paths::Paths;
use crate::config::settings::{KeyStoreKind, Settings};
use crate::disk::sibling;
use crate::keychain::{FileKeys, KeyStore as _, new_key};
use crate::repo::audit::AuditLog;
use crate::repo::keys::Keys;
use crate::repo::remote::Remote;
use crate::store::s3::S3Pool;
use crate::watch::watcher::Watcher;
use crate::worker::checkout::Checkout;
use crate::worker::driver::{Handle, Request, View};
use crate::worker::setup::Setup;

/// Where the vault lies in the repository.
const FOLDER: &str = "vault/dev";
const SALT: &str = "salt";
/// How long an answer may take, in the machine's time.
const PATIENCE: Duration = Duration::from_secs(1800);

/// The key of the model's vault, derived once.
#[derive(Debug, Clone)]
pub(super) struct VaultKey {
    keys: Arc<Keys>,
    pub(super) key: Arc<Key>,
}

/// What a verb came to.
pub(super) type Answer = Result<Outcome, Problem>;

/// A machine.
#[derive(Debug)]
pub(super) struct Host {
    number: usize,
    home: TempDir,
    clock: Arc<WallClock>,
    key: VaultKey,
    bucket: Client,
    /// The running daemon.
    daemon: Option<Daemon>,
}

#[derive(Debug)]
struct Daemon {
    runtime: Runtime,
    handle: Handle,
    driven: JoinHandle<()>,
    watcher: Arc<Watcher>,
    policy: Policy,
    verbs: Vec<JoinHandle<Answer>>,
}

/// The vault of the model.
pub(super) fn pair() -> Pair {
    Pair::new(Repo::new("acme_web").unwrap(), Env::new("dev").unwrap())
}

impl VaultKey {
    /// A new key.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = FileKeys::new(folder.path().to_owned());
        files.set(&pair(), &new_key().unwrap()).unwrap();
        let keys = Arc::new(Keys::new(Arc::new(files)));
        let runtime = Builder::new_current_thread().build().unwrap();
        let key = runtime.block_on(keys.derived(&pair(), SALT, None)).unwrap();
        Self { keys, key }
    }
}

/// A folder for homes, in memory where the system has one: nothing here is about lost power.
fn home() -> TempDir {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("vs-");
    if memory.is_dir()
        && let Ok(home) = builder.tempdir_in(memory)
    {
        return home;
    }
    builder.tempdir().unwrap()
}

impl Host {
    /// A machine that is set up for the vault; its daemon does not run yet.
    pub(super) fn new(number: usize, key: VaultKey, bucket: Client, wall: Timestamp) -> Self {
        let clock = Arc::new(WallClock::new(wall));
        let host = Self { number, home: home(), clock, key, bucket, daemon: None };
        std::fs::create_dir_all(host.root().join(".git")).unwrap();
        std::fs::create_dir_all(host.folder().parent().unwrap()).unwrap();
        let setup = Setup::new(host.paths(), Settings::default());
        setup.pairs.save(&pair(), &Self::config()).unwrap();
        host
    }

    fn config() -> EnvConfig {
        let s3 = S3 {
            endpoint: "file:///none".to_owned(),
            region: "local".to_owned(),
            bucket: "local".to_owned(),
            access_key_id: "none".to_owned(),
            secret_access_key: Secret::new("none".to_owned()),
            use_ssl: None,
            extra: Default::default(),
        };
        EnvConfig::new(s3, SALT.to_owned(), PREFIX.to_owned())
    }

    fn paths(&self) -> Paths {
        let home = self.home.path().as_os_str().to_owned();
        Paths::from_env(|name| (name == "HOME").then(|| home.clone())).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("repo")
    }

    /// The vault folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.root().join(FOLDER)
    }

    /// The folder of its backups.
    pub(super) fn backups(&self) -> PathBuf {
        self.paths().backups()
    }

    /// The replaced and staged folders beside the vault folder.
    pub(super) fn siblings(&self) -> Vec<PathBuf> {
        let found = sibling::siblings(self.folder().parent().unwrap(), &pair().env).unwrap();
        found.into_iter().map(|sibling| sibling.path).collect()
    }

    /// What is in the vault folder.
    pub(super) fn content(&self) -> Option<Content> {
        content::on_disk(&self.folder())
    }

    /// Starts the daemon, if it does not run.
    pub(super) fn start(&mut self) {
        if self.daemon.is_some() {
            return;
        }
        let clock = Arc::clone(&self.clock);
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_start(move || drop(simulated::give(Some(Arc::clone(&clock)))))
            .build()
            .unwrap();
        let watcher = Arc::new(Watcher::deaf());
        let settings =
            Settings { backups: crate::config::settings::Backups { keep: 2 }, ..Settings::default() };
        let mut setup = Setup::new(self.paths(), settings);
        setup.watcher = Arc::clone(&watcher);
        let (root, folder) = (self.root(), self.folder());
        let checkout = Arc::new(Checkout { pair: pair(), root, folder, origin: None });
        let remote = Arc::new(self.remote(&setup));
        let policy = setup.policy(&pair());
        let seed = self.number as u64;
        let clock = Arc::clone(&self.clock);
        let started = self.within(&runtime, async move {
            clock.go();
            setup.worker(checkout, remote, |_| None, seed).await
        });
        let (driver, handle) = started.unwrap_or_else(|problem| panic!("machine {}: {problem}", self.number));
        let driven = runtime.spawn(driver.run());
        self.daemon = Some(Daemon { runtime, handle, driven, watcher, policy, verbs: Vec::new() });
    }

    fn remote(&self, setup: &Setup) -> Remote {
        let keys = (KeyStoreKind::File, Arc::clone(&self.key.keys));
        let loaded = setup.pairs.load(&pair()).unwrap().unwrap();
        let (pairs, pool) = (setup.pairs.clone(), S3Pool::default());
        let remote = Remote::new(pair(), &loaded.value, keys, pairs, (&setup.state, &pool), setup.limits());
        let mut remote = remote.unwrap();
        remote.place.store = Arc::new(self.bucket.clone());
        remote.audit = AuditLog::new(remote.place.clone(), setup.state.audit_spool(&pair()), true);
        remote
    }

    /// Runs something in the daemon's runtime, and what is due besides.
    fn within<T>(&self, runtime: &Runtime, work: impl Future<Output = T>) -> T {
        let before = simulated::give(Some(Arc::clone(&self.clock)));
        let done = runtime.block_on(work);
        simulated::give(before);
        done
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.daemon.as_ref().map(|daemon| self.within(&daemon.runtime, work))
    }

    /// Lets time pass. Afterwards nothing works on the disk: time stands still while something
    /// does.
    pub(super) fn pass(&self, time: Duration) {
        if self.run(async { tokio::time::sleep(time).await }).is_none() {
            self.jump(SignedDuration::try_from(time).unwrap());
        }
    }

    /// Lets the daemon go on for a moment, and leaves it in the middle of what it does.
    pub(super) fn nudge(&self, turns: u32) {
        let go = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        self.run(go);
    }

    /// Ends the daemon when nothing is half done, as a signal does.
    pub(super) fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        daemon.handle.stop();
        let ended = self.within(&daemon.runtime, async {
            let ended = tokio::time::timeout(PATIENCE, &mut daemon.driven).await;
            self.clock.stop();
            ended
        });
        assert!(matches!(ended, Ok(Ok(()))), "machine {} does not stop: {ended:?}", self.number);
    }

    /// Ends the daemon where it is: no task goes on, whatever it was about to do.
    pub(super) fn kill(&mut self) {
        let Some(daemon) = self.daemon.take() else { return };
        self.within(&daemon.runtime, async { self.clock.stop() });
        // What a thread does on the disk right now is one step, and ends.
        drop(daemon);
    }

    /// Asks for a verb and does not wait.
    pub(super) fn ask(&mut self, command: Command) {
        if let Some(daemon) = &mut self.daemon {
            let handle = daemon.handle.clone();
            let work = async move { handle.command(command, Request::default()).await };
            daemon.verbs.push(daemon.runtime.spawn(work));
        }
    }

    /// The clients leave.
    pub(super) fn leave(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.verbs.drain(..).for_each(|verb| verb.abort());
        }
    }

    /// Whether somebody waits for an answer.
    pub(super) fn is_asked(&self) -> bool {
        self.daemon.as_ref().is_some_and(|daemon| daemon.verbs.iter().any(|verb| !verb.is_finished()))
    }

    /// Waits for every answer, and gives the last.
    pub(super) fn answer(&mut self) -> Option<Answer> {
        let verbs = std::mem::take(&mut self.daemon.as_mut()?.verbs);
        let mut last = None;
        for verb in verbs {
            let answer = self.run(async { tokio::time::timeout(PATIENCE, verb).await })?;
            last = Some(answer.expect("every verb is answered").expect("no verb fails unexpectedly"));
        }
        last
    }

    /// Does a verb to its end.
    pub(super) fn verb(&mut self, command: Command) -> Answer {
        self.start();
        self.ask(command);
        self.answer().expect("a running daemon answers")
    }

    /// What it shows.
    pub(super) fn view(&self) -> Option<View> {
        self.daemon.as_ref().map(|daemon| daemon.handle.view())
    }

    /// Whether the daemon has ended without being asked to.
    pub(super) fn failed(&self) -> bool {
        self.daemon.as_ref().is_some_and(|daemon| daemon.driven.is_finished())
    }

    /// The machine woke up.
    pub(super) fn wake(&self) {
        self.daemon.iter().for_each(|daemon| daemon.handle.poll_now());
    }

    /// What to do about edits.
    pub(super) fn on_edit(&self, on_edit: OnEdit) {
        self.daemon.iter().for_each(|daemon| daemon.handle.set_policy(Policy { on_edit, ..daemon.policy }));
    }

    /// The watcher hears of an edit.
    pub(super) fn tell(&self) {
        self.daemon.iter().for_each(|daemon| daemon.watcher.tell(&self.folder()));
    }

    /// What its clock shows.
    pub(super) fn wall(&self) -> Timestamp {
        let _inside = self.daemon.as_ref().map(|daemon| daemon.runtime.enter());
        self.clock.show()
    }

    /// Its clock is set.
    pub(super) fn jump(&self, by: SignedDuration) {
        self.clock.jump(by);
    }

    /// Its clock is set to this.
    pub(super) fn set_clock(&self, right: Timestamp) {
        self.jump(right.duration_since(self.wall()));
    }

    /// What only this machine remembers of the folder is lost.
    pub(super) fn forget(&self) {
        let folders = self.paths().state.join("folders");
        if folders.exists() {
            std::fs::remove_dir_all(folders).unwrap();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}
