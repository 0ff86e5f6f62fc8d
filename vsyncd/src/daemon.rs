//! The composition root: what the daemon is made of, and how it starts, reloads and stops.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use vsync_core::id::Pair;
use vsync_core::sync::{Problem, State};
use vsync_proto::error::{Code, Failure};
use vsync_proto::paths::{self as proto_paths, LockRecord, ProcessEnv};
use vsync_proto::response::{DaemonInfoResult, LogLevelResult, ReloadResult};
use vsync_proto::status::DaemonStatus;

use crate::clock;
use crate::config::paths::Paths;
use crate::config::settings::{Settings, SettingsError};
use crate::disk::{atomic, leftovers};
use crate::ipc::convert;
use crate::ipc::handler::Handler;
use crate::ipc::server::Server;
use crate::logging::Logging;
use crate::repo::backup::clear_away;
use crate::signals::{self, Signal, Signals};
use crate::tasks::{Tasks, blocking};
use crate::worker::entry::Slot;
use crate::worker::setup::Setup;
use crate::worker::supervisor::Supervisor;

/// How long work in flight may take at stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// Where `CI` is set, a daemon that a client started ends after this long without any.
const CI_IDLE: Duration = Duration::from_secs(60);

/// How the daemon was asked to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Settings file; the default one may be absent.
    pub config: Option<PathBuf>,
    /// Socket.
    pub socket: Option<PathBuf>,
    /// One look at every remote, then end.
    pub once: bool,
    /// Started by a client: detached from it.
    pub background: bool,
}

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The command line is wrong: exit code 64.
    #[error("{0}")]
    Usage(String),
    /// Settings or environment: exit code 78.
    #[error("{0}")]
    Config(String),
    /// Another daemon uses the state folder.
    #[error("another vsyncd (pid {0}) uses this state folder already")]
    AlreadyRunning(u32),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// What clients may ask of the daemon itself.
#[derive(Debug)]
pub struct Control {
    started: Instant,
    socket: PathBuf,
    config: PathBuf,
    log: Option<PathBuf>,
    logging: Logging,
    stop: CancellationToken,
}

impl Control {
    /// Begins the end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Reads the settings again and puts them in force; a bad file leaves the old ones.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub async fn reload(&self, supervisor: &Arc<Supervisor>) -> Result<ReloadResult, Failure> {
        let refused =
            |text: String| Failure::new(Code::Config, text).hint("the settings from before stay in force");
        let settings = load_settings(&self.config).map_err(|error| refused(error.to_string()))?;
        let setup = supervisor.setup();
        let mut changed = Vec::new();
        let said = |problem: Problem| convert::failure(&problem, "");
        let (before, after) = (setup.settings(), settings.clone());
        let reopen = setup.set_settings(settings).map_err(|error| refused(error.to_string()))?;
        if after != *before {
            changed.push(self.config.display().to_string());
        } else if let Some(file) = after.tls.ca_file.as_ref().filter(|_| reopen) {
            changed.push(file.display().to_string());
        }
        if changed.is_empty() {
            supervisor.reconcile().await.map_err(said)?;
        } else {
            let all = reopen
                || (&before.limits, &before.keep_replaced, &before.backups, &before.key_store)
                    != (&after.limits, &after.keep_replaced, &after.backups, &after.key_store);
            // Times and policies are changed in a running worker; modes and limits need a new one.
            let modes = |settings: &Settings, pair: &Pair| {
                let policy = settings.policy(pair);
                (policy.file_mode, policy.dir_mode, policy.owner, policy.group)
            };
            let affected = |pair: &Pair| all || modes(&before, pair) != modes(&after, pair);
            supervisor.restart(affected).await.map_err(said)?;
        }
        Ok(ReloadResult { changed, warnings: Vec::new() })
    }

    /// Changes what is logged.
    ///
    /// # Errors
    /// When the filter cannot be read.
    pub fn log_level(&self, filter: &str) -> Result<LogLevelResult, Failure> {
        let set = self.logging.set_filter(filter);
        set.map_err(|error| {
            Failure::new(Code::Usage, error.to_string())
                .hint("for example: debug, or info,vsyncd::store=trace")
        })?;
        Ok(LogLevelResult { filter: filter.to_owned() })
    }

    /// What status says of the daemon.
    pub fn status(&self, setup: &Setup) -> DaemonStatus {
        DaemonStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: self.uptime(),
            state_dir: Some(setup.state.root().display().to_string()),
            log: self.log.as_ref().map(|log| log.display().to_string()),
        }
    }

    /// Everything about the daemon itself.
    pub fn info(&self, setup: &Setup) -> DaemonInfoResult {
        DaemonInfoResult {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: self.uptime(),
            socket: self.socket.display().to_string(),
            log: self.log.as_ref().map(|log| log.display().to_string()),
            config: self.config.display().to_string(),
            state_dir: setup.state.root().display().to_string(),
        }
    }

    fn uptime(&self) -> u64 {
        clock::monotonic().duration_since(self.started).as_secs()
    }
}

/// Reads the settings file and what the environment overrides.
///
/// # Errors
/// What is wrong with either.
pub fn load_settings(path: &Path) -> Result<Settings, SettingsError> {
    Settings::load(path)?.with_env(|name| std::env::var_os(name))
}

/// The folders and files that a start needs.
pub struct Ground {
    paths: Paths,
    settings: Settings,
    config: PathBuf,
    socket: PathBuf,
    log: Option<PathBuf>,
    /// Held while the daemon runs: one daemon for one state folder.
    lock: File,
}

/// Where the log of a daemon goes that has no terminal.
///
/// # Errors
/// When there is no home folder.
pub fn background_log() -> Result<PathBuf, StartError> {
    let state = state_paths()?.state;
    atomic::create_private_dirs(&state)
        .map_err(|error| StartError::Failed(format!("cannot make the state folder: {error}")))?;
    Ok(proto_paths::log_file(&state))
}

fn state_paths() -> Result<Paths, StartError> {
    Paths::from_env(|name| std::env::var_os(name)).map_err(|error| StartError::Config(error.to_string()))
}

impl Ground {
    /// Finds the folders, reads the settings and takes the lock. Nothing is served yet.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn prepare(options: &Options) -> Result<Self, StartError> {
        let paths = state_paths()?;
        let config = options.config.clone().unwrap_or_else(|| paths.settings());
        if options.config.is_some() && !config.exists() {
            return Err(StartError::Config(format!("there is no settings file {}", config.display())));
        }
        let settings = load_settings(&config).map_err(|error| StartError::Config(error.to_string()))?;
        let socket = proto_paths::listen_socket(options.socket.as_deref(), &ProcessEnv)
            .map_err(|failure| StartError::Config(failure.to_string()))?;
        let failed =
            |what: &str, error: std::io::Error| StartError::Failed(format!("cannot {what}: {error}"));
        atomic::create_private_dirs(&paths.state).map_err(|error| failed("make the state folder", error))?;
        let lock = take_lock(&proto_paths::lock_file(&paths.state), &socket)?;
        let removed = leftovers::sweep(&paths.state) + leftovers::sweep(&paths.config);
        if removed > 0 {
            tracing::info!(removed, "removed temporary files of processes that died");
        }
        if let Some(folder) = socket.parent() {
            atomic::create_private_dirs(folder).map_err(|error| failed("make the socket's folder", error))?;
            private_enough(folder)?;
        }
        let log = options.background.then(|| proto_paths::log_file(&paths.state));
        Ok(Self { paths, settings, config, socket, log, lock })
    }
}

/// The folder protects the socket where its mode cannot.
fn private_enough(folder: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::MetadataExt as _;
    let about = folder
        .metadata()
        .map_err(|error| StartError::Failed(format!("cannot look at {}: {error}", folder.display())))?;
    let own = rustix::process::geteuid().as_raw();
    let sticky = about.mode() & 0o1000 != 0;
    // Many systems give each user a group of their own and make folders writable for it.
    let strange_group = about.gid() != rustix::process::getegid().as_raw();
    let open = about.mode() & 0o002 != 0 || about.mode() & 0o020 != 0 && strange_group;
    if about.uid() != own && about.uid() != 0 || open && !sticky {
        let text =
            format!("{} can be written by other users; the socket needs a private folder", folder.display());
        return Err(StartError::Config(text));
    }
    Ok(())
}

/// One daemon for one state folder. The file says where its socket is.
fn take_lock(path: &Path, socket: &Path) -> Result<File, StartError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed =
        |error: std::io::Error| StartError::Failed(format!("cannot use {}: {error}", path.display()));
    let mut options = File::options();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let record = std::fs::read(path).ok();
            let record = record.and_then(|bytes| serde_json::from_slice::<LockRecord>(&bytes).ok());
            return Err(StartError::AlreadyRunning(record.map_or(0, |record| record.pid)));
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    let record = LockRecord { pid: std::process::id(), socket: socket.to_owned() };
    let json = serde_json::to_vec(&record).map_err(|error| StartError::Failed(error.to_string()))?;
    // Over the old record, then cut: what is given back first may not be had again on a full disk.
    file.rewind().and_then(|()| file.write_all(&json)).map_err(failed)?;
    file.set_len(json.len() as u64).and_then(|()| file.sync_data()).map_err(failed)?;
    Ok(file)
}

/// Runs until it is told to stop.
///
/// # Errors
/// Why it could not begin.
pub async fn run(options: Options, ground: Ground, logging: Logging) -> Result<(), StartError> {
    // From here on a signal waits for its turn instead of ending the process half-way.
    let signals = Signals::new();
    let tasks = Tasks::default();
    let setup = Setup::new(ground.paths, ground.settings);
    let supervisor = Supervisor::new(setup, tasks.clone());
    // Listed before anybody can ask for another one, and cleared away beside everything else: the disk
    // that such a folder was to be on may hang.
    let cut_short = supervisor.setup().state.restores().unwrap_or_default();
    tasks.spawn("restores", async move {
        if blocking(move || clear_away(cut_short)).await.is_err() {
            tracing::error!("clearing away what restores left failed unexpectedly");
        }
    });
    let started = supervisor.reconcile().await;
    started.map_err(|problem| StartError::Failed(problem.to_string()))?;
    supervisor.loaded().await;
    if options.once {
        let mut signals = signals;
        let stopped = async { while signals.next().await != Signal::Stop {} };
        tokio::select! {
            () = look_once(&supervisor) => {}
            () = stopped => {}
        }
        return finish(&tasks, ground.lock).await;
    }
    let control = Arc::new(Control {
        started: clock::monotonic(),
        socket: ground.socket.clone(),
        config: ground.config,
        log: ground.log,
        logging,
        stop: CancellationToken::new(),
    });
    let handler = Arc::new(Handler::new(Arc::clone(&supervisor), Arc::clone(&control)));
    let server = Server::bind(&ground.socket).map_err(|error| {
        StartError::Failed(format!("cannot listen on {}: {error}", ground.socket.display()))
    })?;
    let server = Arc::new(server);
    let serving = (Arc::clone(&server), tasks.clone());
    tasks.spawn("socket", async move { serving.0.serve(handler, &serving.1).await });
    tasks.spawn("heartbeat", Arc::clone(&supervisor).heartbeat());
    tracing::info!(socket = %ground.socket.display(), pid = std::process::id(), "ready");
    signals::ready();
    let idle_end = options.background && std::env::var_os("CI").is_some();
    until_stop(&control, &supervisor, &server, (signals, idle_end)).await;
    signals::stopping();
    drop(server);
    finish(&tasks, ground.lock).await
}

async fn until_stop(
    control: &Control,
    supervisor: &Arc<Supervisor>,
    server: &Server,
    (mut signals, idle_end): (Signals, bool),
) {
    let mut last_busy = clock::monotonic();
    let mut tick = tokio::time::interval(Duration::from_secs(2));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stamp = settings_stamp(&control.config);
    loop {
        tokio::select! {
            () = control.stop.cancelled() => return,
            signal = signals.next() => match signal {
                Signal::Stop => return,
                Signal::Reload => reload(control, supervisor).await,
            },
            _ = tick.tick() => {
                let present = settings_stamp(&control.config);
                if present != stamp {
                    stamp = present;
                    reload(control, supervisor).await;
                }
                if !server.is_idle() {
                    last_busy = clock::monotonic();
                } else if idle_end && last_busy.elapsed() > CI_IDLE {
                    tracing::info!("nobody needs this daemon any more");
                    return;
                }
                if !control.socket.exists() {
                    tracing::warn!(socket = %control.socket.display(), "the socket vanished");
                    if let Err(error) = server.rebind() {
                        tracing::error!(%error, "cannot listen again");
                    }
                }
            }
        }
    }
}

/// Tells one state of the settings file from another.
fn settings_stamp(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let about = path.metadata().ok()?;
    Some((about.modified().ok()?, about.len()))
}

async fn reload(control: &Control, supervisor: &Arc<Supervisor>) {
    match control.reload(supervisor).await {
        Ok(result) => tracing::info!(changed = ?result.changed, "settings read again"),
        Err(failure) => tracing::error!(%failure, "the settings were not read; the old ones stay"),
    }
}

/// `--once`: every checkout looks at both sides once and does what it would do anyway.
async fn look_once(supervisor: &Arc<Supervisor>) {
    for entry in supervisor.entries() {
        let Slot::Running(handle) = entry.slot() else { continue };
        let mut views = handle.views();
        let settled = views.wait_for(|view| {
            let report = &view.report;
            let looked = report.remote.is_some() && report.local.is_some() || report.problem.is_some();
            looked && !report.busy && (report.state != State::Behind || report.problem.is_some())
        });
        if tokio::time::timeout(Duration::from_secs(120), settled).await.is_err() {
            tracing::warn!(pair = %entry.checkout.pair, "this checkout did not settle in time");
        }
    }
}

async fn finish(tasks: &Tasks, lock: File) -> Result<(), StartError> {
    tasks.stop();
    if tokio::time::timeout(STOP_PATIENCE, tasks.ended()).await.is_err() {
        tracing::warn!("work in flight did not end in time; the next start heals it");
    }
    drop(lock);
    Ok(())
}
