//! One machine: a home, a checkout and a daemon of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Outcome, script};

/// How long a step may take to show on the other machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often to look.
const LOOK: Duration = Duration::from_millis(50);

/// Somebody with a machine. The daemon is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Person {
    name: &'static str,
    home: PathBuf,
    vars: Vec<(String, String)>,
}

impl Person {
    /// Lays out the machine below `ground`: `<name>/repo` is a checkout without a commit.
    pub(crate) fn new(name: &'static str, ground: &Path, programs: &Path) -> Outcome<Self> {
        let home = ground.join(name);
        let path = std::env::var("PATH").unwrap_or_default();
        let at = |below: &str| home.join(below).display().to_string();
        let vars = [
            ("PATH", format!("{}:{path}", programs.display())),
            ("HOME", home.display().to_string()),
            ("USER", name.to_owned()),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_STATE_HOME", at("state")),
            ("XDG_CACHE_HOME", at("cache")),
            ("XDG_RUNTIME_DIR", at("run")),
            ("VSYNC_SOCKET", at("run/vsyncd.sock")),
            ("VSYNC_POLL_INTERVAL", "1s".to_owned()),
            ("STORE", ground.join("store").display().to_string()),
            ("DESK", ground.join("desk").display().to_string()),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let failed = |error: std::io::Error| format!("{}: {error}", home.display());
        for folder in ["run", "repo/.git/objects", "repo/.git/refs/heads"] {
            fs::create_dir_all(home.join(folder)).map_err(failed)?;
        }
        fs::set_permissions(home.join("run"), fs::Permissions::from_mode(0o700)).map_err(failed)?;
        fs::write(home.join("repo/.git/HEAD"), "ref: refs/heads/main\n").map_err(failed)?;
        let git = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@git.example:acme/web.git\n";
        fs::write(home.join("repo/.git/config"), git).map_err(failed)?;
        Ok(Self { name, home, vars })
    }

    /// Prints a command line, runs it in the checkout and insists on how it ends.
    pub(crate) fn run(&self, line: &str, code: i32) -> Outcome<()> {
        script::command(self.name, line);
        let status = self.shell(line).status().map_err(|error| format!("no shell: {error}"))?;
        if code != 0 {
            script::say(&format!("exit code {}", status.code().unwrap_or(-1)));
        }
        match status.code() {
            Some(ended) if ended == code => Ok(()),
            _ => Err(format!("'{line}' ended with {status}, not with exit code {code}")),
        }
    }

    /// What a command line prints.
    pub(crate) fn answer(&self, line: &str) -> Outcome<String> {
        let output = self.shell(line).stderr(Stdio::null()).output();
        let output = output.map_err(|error| format!("no shell: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Waits until a command line prints this.
    pub(crate) fn wait(&self, line: &str, wanted: &str) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let seen = self.answer(line)?;
            if seen == wanted {
                let waited = begun.elapsed().as_secs_f64();
                script::say(&format!("seen on {}'s machine after {waited:.1} s", self.name));
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("waited in vain for '{line}' to print '{wanted}', not '{seen}'"));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until `status` shows the environment `dev` in this way.
    pub(crate) fn wait_status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Outcome<()> {
        let begun = Instant::now();
        loop {
            let json = self.answer("vsyncctl --json status dev")?;
            let status: Value = serde_json::from_str(&json).unwrap_or_default();
            if holds(&status["pairs"][0]) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("waited in vain for {} to show '{what}': {json}", self.name));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// A shell function of this person's name, which runs a command on this machine.
    pub(crate) fn function(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let vars: Vec<String> =
            self.vars.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        let repo = quoted(&self.home.join("repo").display().to_string());
        format!("{}() {{ (cd {repo} && env {} \"$@\"); }}\n", self.name, vars.join(" "))
    }

    /// Stops the daemon, if one runs.
    pub(crate) fn stop(&self) {
        let _ = self
            .shell("vsyncctl --no-start daemon stop")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }

    /// The line in a shell with this machine's environment and nothing else. With `CI` a daemon
    /// ends by itself when nobody asks it for a minute: also after the demo was interrupted.
    fn shell(&self, line: &str) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", line]).env_clear().env("CI", "true").envs(self.vars.iter().map(|(k, v)| (k, v)));
        for name in ["TERM", "NO_COLOR", "COLUMNS"] {
            shell.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        shell.current_dir(self.home.join("repo")).stdin(Stdio::null());
        shell
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.stop();
    }
}
