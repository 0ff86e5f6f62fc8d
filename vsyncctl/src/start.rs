//! Finding the daemon, and starting it when there is none.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vsync_proto::client::{Client, ConnectError};
use vsync_proto::paths::{self, ProcessEnv};
use vsync_proto::request::Caller;
use vsync_proto::{Code, Failure};

use crate::cli::Global;

/// How this program introduces itself.
const NAME: &str = concat!("vsyncctl ", env!("CARGO_PKG_VERSION"));
/// How long a new daemon may take to answer.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a daemon may take to stop: it gives swaps and publishes in flight twenty seconds.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// After a new daemon ended, how long another one, started at the same moment, may still answer.
const RIVAL_LIMIT: Duration = Duration::from_secs(2);
/// Of the variables that go with each request, those that a process of this user needs for itself.
const KEPT: [&str; 5] = ["HOME", "PATH", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
/// How often to look again.
const TICK: Duration = Duration::from_millis(10);

/// Connects; starts a daemon if there is none and `--no-start` does not forbid it.
pub(crate) fn connect(global: &Global) -> Result<Client, Failure> {
    match find(global)? {
        Ok(client) => Ok(client),
        Err(error) if error.nobody_there && !global.no_start => start(global),
        Err(ConnectError { nobody_there: true, failure }) => {
            Err(failure.hint("start one: vsyncctl daemon start"))
        }
        Err(error) => Err(error.failure),
    }
}

/// Connects to a daemon that runs; `None` when there is none.
pub(crate) fn connect_running(global: &Global) -> Result<Option<Client>, Failure> {
    match find(global)? {
        Ok(client) => Ok(Some(client)),
        Err(error) if error.nobody_there => Ok(None),
        Err(error) => Err(error.failure),
    }
}

/// Tries the socket that was asked for or recorded, then the default one: the record outlives a
/// daemon that was killed.
fn find(global: &Global) -> Result<Result<Client, ConnectError>, Failure> {
    let record = read_record();
    let flag = global.socket.as_deref();
    let first = paths::connect_socket(flag, &ProcessEnv, record.as_deref())?;
    let outcome = Client::connect(&first, NAME);
    if record.is_some() && matches!(&outcome, Err(error) if error.nobody_there) {
        let second = paths::connect_socket(flag, &ProcessEnv, None)?;
        if second != first {
            return Ok(Client::connect(&second, NAME));
        }
    }
    Ok(outcome)
}

fn read_record() -> Option<Vec<u8>> {
    let lock = paths::lock_file(&paths::state_dir(&ProcessEnv).ok()?);
    std::fs::read(lock).ok()
}

/// Starts a daemon and waits until it answers.
fn start(global: &Global) -> Result<Client, Failure> {
    let explicit = paths::explicit_socket(global.socket.as_deref(), &ProcessEnv).is_some();
    let mut child = if !explicit && start_unit()? { None } else { Some(spawn(global)?) };
    let deadline = Instant::now() + START_LIMIT;
    let mut ended: Option<(Instant, String)> = None;
    loop {
        match find(global)? {
            Ok(client) => return Ok(client),
            Err(error) if !error.nobody_there => return Err(error.failure),
            Err(_) => {}
        }
        let now = Instant::now();
        if ended.is_none() {
            ended = child.as_mut().and_then(failed_exit).map(|how| (now, how));
        }
        let given_up = ended.as_ref().is_some_and(|(at, _)| now - *at > RIVAL_LIMIT);
        if given_up || now > deadline {
            return Err(no_answer(global, ended.map(|(_, how)| how)));
        }
        std::thread::sleep(TICK);
    }
}

/// How the process ended, if it failed. A daemon that detached itself leaves with success.
fn failed_exit(child: &mut Child) -> Option<String> {
    let status = child.try_wait().ok()??;
    (!status.success()).then(|| format!("vsyncd ended with {status}"))
}

fn no_answer(global: &Global, ended: Option<String>) -> Failure {
    let socket = paths::connect_socket(global.socket.as_deref(), &ProcessEnv, None).ok();
    let mut failure = Failure::new(Code::DaemonUnreachable, "a daemon was started but does not answer");
    failure.causes.extend(ended);
    failure.causes.extend(socket.map(|socket| format!("socket {}", socket.display())));
    match paths::state_dir(&ProcessEnv) {
        Ok(dir) => failure.hint(format!("its log may say why: {}", paths::log_file(&dir).display())),
        Err(_) => failure,
    }
}

/// Starts the user's installed service, if there is one.
#[cfg(not(target_os = "macos"))]
fn start_unit() -> Result<bool, Failure> {
    const UNIT: &str = "vsyncd.service";
    if !succeeds(Command::new("systemctl").args(["--user", "cat", UNIT])) {
        return Ok(false);
    }
    if succeeds(Command::new("systemctl").args(["--user", "start", UNIT])) {
        return Ok(true);
    }
    Err(Failure::new(Code::DaemonUnreachable, format!("the user service {UNIT} does not start"))
        .hint(format!("systemctl --user status {UNIT}")))
}

/// Starts the user's installed agent, if there is one.
#[cfg(target_os = "macos")]
fn start_unit() -> Result<bool, Failure> {
    let target = format!("gui/{}/tools.vsync.vsyncd", rustix::process::geteuid().as_raw());
    if !succeeds(Command::new("launchctl").args(["print", &target])) {
        return Ok(false);
    }
    if succeeds(Command::new("launchctl").args(["kickstart", &target])) {
        return Ok(true);
    }
    Err(Failure::new(Code::DaemonUnreachable, format!("the agent {target} does not start"))
        .hint(format!("launchctl print {target}")))
}

fn succeeds(command: &mut Command) -> bool {
    silent(command).status().is_ok_and(|status| status.success())
}

/// Without what goes with each request: a credential in the environment of the daemon would outlive the
/// shell that had it.
fn silent(command: &mut Command) -> &mut Command {
    let travels = |name: &str| Caller::passes(name) && !KEPT.contains(&name);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| travels(name)) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// Runs `vsyncd --background`, which detaches itself and opens its own log.
fn spawn(global: &Global) -> Result<Child, Failure> {
    let program = program();
    let mut command = Command::new(&program);
    command.arg("--background");
    if let Some(socket) = paths::explicit_socket(global.socket.as_deref(), &ProcessEnv) {
        // The daemon moves to another folder, where a relative path would be another one.
        command.arg("--socket").arg(std::path::absolute(&socket).unwrap_or(socket));
    }
    silent(&mut command).spawn().map_err(|error| {
        Failure::new(Code::DaemonUnreachable, "no daemon is running, and none can be started")
            .cause(format!("{}: {error}", program.display()))
            .hint("put vsyncd beside vsyncctl or on the PATH")
    })
}

/// The daemon's program beside this one, else the one the PATH has.
fn program() -> PathBuf {
    let name = format!("vsyncd{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent).map(|folder| folder.join(&name));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

/// Waits until the daemon of that process id is gone: nothing answers, and its lock is free or
/// somebody else's.
pub(crate) fn wait_until_gone(global: &Global, pid: u32) -> Result<(), Failure> {
    let deadline = Instant::now() + STOP_LIMIT;
    while is_there(global, pid)? {
        if Instant::now() > deadline {
            return Err(Failure::new(Code::Internal, format!("the daemon (pid {pid}) does not stop"))
                .hint("its log says what it waits for"));
        }
        std::thread::sleep(TICK);
    }
    Ok(())
}

fn is_there(global: &Global, pid: u32) -> Result<bool, Failure> {
    match find(global)? {
        Ok(client) if client.hello().pid == pid => return Ok(true),
        // Leaving: it accepts nobody any more, or hangs up.
        Err(error) if !error.nobody_there => return Ok(true),
        Ok(_) | Err(_) => {}
    }
    Ok(lock_held_by(pid))
}

fn lock_held_by(pid: u32) -> bool {
    let record = read_record().and_then(|bytes| serde_json::from_slice::<paths::LockRecord>(&bytes).ok());
    if record.is_none_or(|record| record.pid != pid) {
        return false;
    }
    let Ok(dir) = paths::state_dir(&ProcessEnv) else { return false };
    let lock = std::fs::File::open(paths::lock_file(&dir));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}
