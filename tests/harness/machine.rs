//! A throw-away machine: a home of its own, a checkout, a daemon and a keyboard for it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::ordinary::Ordinary;
use crate::wait::until;

/// What a finished command said.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Where the binaries under test are: beside the test's own, or in `VSYNC_BIN_DIR`.
///
/// # Panics
/// When they were not built.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("VSYNC_BIN_DIR").map(PathBuf::from).unwrap_or_else(|| {
        let own = std::env::current_exe().expect("the path of this test");
        let folder = own.parent().expect("the test lies in a folder");
        if folder.ends_with("deps") {
            folder.parent().unwrap_or(folder).to_owned()
        } else {
            folder.to_owned()
        }
    });
    // The commands run in folders of their own.
    let path = std::path::absolute(folder.join(name)).expect("a folder of binaries");
    assert!(path.exists(), "{} is not built: cargo build -p vsyncd -p vsyncctl", path.display());
    path
}

/// One machine. Its daemon is killed and its folders go when it is dropped.
#[derive(Debug)]
pub struct Machine {
    name: String,
    home: TempDir,
    vars: BTreeMap<String, String>,
    daemon: Option<Child>,
    /// Whom its programs run as, where that is not whoever runs the test.
    user: Option<Ordinary>,
}

/// How much the daemons log, where a machine says nothing else.
const LOG: &str = "VSYNC_TEST_LOG";
/// With this variable set to 1 the folders of machines stay, for somebody who looks through them.
const KEEP: &str = "VSYNC_KEEP_MACHINES";

impl Machine {
    /// A machine with a checkout of the repository `acme/web`, whose daemon polls every 200 ms
    /// and keeps keys in files. Nothing runs yet.
    ///
    /// # Panics
    /// When the folders cannot be made.
    pub fn new(name: &str) -> Self {
        let mut home = tempfile::Builder::new().prefix("vs-").tempdir().expect("a throw-away home");
        home.disable_cleanup(std::env::var(KEEP).is_ok_and(|keep| keep == "1"));
        let machine = Self { name: name.to_owned(), home, vars: BTreeMap::new(), daemon: None, user: None };
        for folder in ["run", "repo/.git"] {
            fs::create_dir_all(machine.path(folder)).expect("a folder of the machine");
        }
        fs::set_permissions(machine.path("run"), fs::Permissions::from_mode(0o700))
            .expect("a private folder");
        machine.set_origin("git@git.example:acme/web.git");
        machine
            .with("VSYNC_POLL_INTERVAL", "200ms")
            .with("VSYNC_KEY_STORE", "file")
            .with("RUST_LOG", std::env::var(LOG).as_deref().unwrap_or("vsyncd=debug"))
    }

    /// Has the machine's programs run as an ordinary user also when root runs the test: root may do what
    /// others may not. What the test itself writes afterwards is [handed over](Self::hand_over).
    #[must_use]
    pub fn unprivileged(mut self) -> Self {
        self.user = Ordinary::settle(self.home.path());
        self
    }

    /// Gives everything in the machine's home to its user.
    pub fn hand_over(&self) {
        if let Some(user) = &self.user {
            user.give(self.home.path());
        }
    }

    /// The program of that name, as the machine's user can run it.
    fn program(&self, name: &str) -> PathBuf {
        self.user.as_ref().map_or_else(|| binary(name), |user| user.program(self.home.path(), name))
    }

    /// Sets a variable of the machine's processes.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable from the machine's processes.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self
    }

    /// Writes the machine's `vsyncd.yaml`.
    ///
    /// # Panics
    /// When it cannot.
    pub fn settings(&self, yaml: &str) {
        let folder = self.path("config/vsync");
        fs::create_dir_all(&folder).expect("the configuration folder");
        let file = folder.join("vsyncd.yaml");
        fs::write(&file, yaml).expect("the settings");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("private settings");
    }

    /// Gives the checkout another origin.
    ///
    /// # Panics
    /// When it cannot.
    pub fn set_origin(&self, url: &str) {
        let text = format!("[remote \"origin\"]\n\turl = {url}\n");
        fs::write(self.path("repo/.git/config"), text).expect("git's configuration");
    }

    /// A path below the machine's home.
    pub fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    /// The checkout.
    pub fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// The vault folder of an environment in the checkout.
    pub fn vault(&self, env: &str) -> PathBuf {
        self.path("repo/infra/vault").join(env)
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.path("run/vsync/vsyncd.sock")
    }

    /// A command with the machine's environment and nothing else, in the checkout.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("USER", &self.name)
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .envs(&self.vars)
            .current_dir(self.repo())
            .stdin(Stdio::null());
        if let Some(user) = &self.user {
            user.run(&mut command);
        }
        command
    }

    /// `vsyncctl` with these arguments; it never starts a daemon by itself.
    pub fn ctl_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.program("vsyncctl"));
        command.arg("--no-start").args(arguments);
        command
    }

    /// Runs `vsyncctl`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn ctl(&self, arguments: &[&str]) -> Ran {
        self.ctl_command(arguments).output().expect("vsyncctl starts").into()
    }

    /// Runs `vsyncctl` and returns what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.ctl(arguments);
        assert_eq!(ran.code, 0, "{}: vsyncctl {arguments:?}\n{}{}", self.name, ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Runs `vsyncctl --json` and returns its answer with the exit code.
    ///
    /// # Panics
    /// When the answer is no JSON.
    pub fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let all: Vec<&str> = std::iter::once("--json").chain(arguments.iter().copied()).collect();
        let ran = self.ctl(&all);
        let value = serde_json::from_str(&ran.stdout);
        let value = value.unwrap_or_else(|error| {
            panic!("{}: vsyncctl {all:?} printed no JSON ({error}):\n{}{}", self.name, ran.stdout, ran.stderr)
        });
        (ran.code, value)
    }

    /// What `status` says of an environment; null when it is not there.
    pub fn status(&self, env: &str) -> Value {
        self.json(&["status", env]).1["pairs"][0].clone()
    }

    /// Waits until `status` of an environment satisfies the condition; returns it.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_status(&self, env: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        until(&format!("{}: {what}", self.name), || {
            last = self.status(env);
            holds(&last)
        });
        last
    }

    /// Waits until an environment is in a state.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn wait_state(&self, env: &str, state: &str) -> Value {
        self.wait_status(env, &format!("{env} becomes {state}"), |pair| pair["state"] == state)
    }

    /// Starts the daemon in the foreground and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self) {
        self.spawn(&[]);
        until(&format!("{}: the daemon answers", self.name), || {
            let ended = self.ended();
            assert!(ended.is_none(), "{}: vsyncd ended with {ended:?}\n{}", self.name, self.log());
            self.ctl(&["daemon", "status"]).code == 0
        });
    }

    /// Starts the daemon, under another program where one is given with its arguments, and waits
    /// for nothing. That program has to become the daemon, as `strace -D` does.
    ///
    /// # Panics
    /// When a daemon runs already, or the program cannot be started.
    pub fn spawn(&mut self, under: &[&str]) {
        assert!(self.daemon.is_none(), "{}: the daemon runs already", self.name);
        let log = fs::File::options().create(true).append(true).open(self.path("vsyncd.log")).expect("a log");
        let daemon = self.program("vsyncd");
        let mut command = match under {
            [] => self.command(&daemon),
            [program, arguments @ ..] => {
                let mut command = self.command(Path::new(program));
                command.args(arguments).arg(&daemon);
                command
            }
        };
        self.daemon = Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("vsyncd starts"));
    }

    /// How the daemon ended; `None` while it runs, or when it was stopped from here.
    ///
    /// # Panics
    /// When its state cannot be asked.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.daemon.as_mut().and_then(|daemon| daemon.try_wait().expect("the daemon's state"))
    }

    /// The daemon's process id.
    ///
    /// # Panics
    /// When none runs.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("a running daemon").id()
    }

    /// Kills the daemon with SIGKILL, as a crash or a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }

    /// Asks the daemon to stop with SIGTERM and waits; returns its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) -> i32 {
        let Some(mut daemon) = self.daemon.take() else { return 0 };
        let pid = rustix::process::Pid::from_child(&daemon);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .expect("the daemon can be signalled");
        let mut code = None;
        until(&format!("{}: the daemon stops", self.name), || {
            code = daemon.try_wait().expect("the daemon's state");
            code.is_some()
        });
        code.and_then(|status| status.code()).unwrap_or(-1)
    }

    /// What the daemon logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("vsyncd.log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            eprintln!("--- log of {} ---\n{}", self.name, tail.join("\n"));
        }
    }
}
