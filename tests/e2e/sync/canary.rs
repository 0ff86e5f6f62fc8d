//! While a run is under way, its secrets are on no command line, in no environment that did not have them,
//! and in no file.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use vsync_tests::folder::write;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::http::{Fault, Matcher};
use vsync_tests::machine::{Machine, Ran, binary};
use vsync_tests::wait::until;

const VALUE: &str = "canary-51d0e7-quince";
/// All that the daemon and what it speaks HTTP with can log.
const EVERYTHING: &str = "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace";

/// A machine whose daemon is started by the first verb, as a person's is, from a shell that has the token.
/// With `CI` set it ends by itself, whatever becomes of the test.
struct Shell(Machine);

impl Shell {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(&binary("vsyncctl"));
        command.env("GH_TOKEN", TOKEN).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.run(&["--no-start", "daemon", "stop"]);
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Looks at every process: none has a secret on its command line, none the value in its environment, and
/// of this machine's only the client has the token there.
fn look_at_processes(home: &Path, client: u32) {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let (line, environment) = (read("cmdline"), read("environ"));
        let shown = String::from_utf8_lossy(&line).replace('\0', " ");
        for secret in [VALUE, TOKEN] {
            assert!(!holds(&line, secret.as_bytes()), "on the command line of {pid}: {shown}");
        }
        assert!(!holds(&environment, VALUE.as_bytes()), "in the environment of {pid}: {shown}");
        let ours = holds(&environment, home.as_os_str().as_encoded_bytes());
        let has = holds(&environment, TOKEN.as_bytes());
        assert!(!ours || !has || pid == client, "the token is in the environment of {pid}: {shown}");
    }
}

fn look_at_files(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            look_at_files(&path);
        } else if path.is_file() {
            let content = fs::read(&path).unwrap();
            let clean = [VALUE, TOKEN].iter().all(|secret| !holds(&content, secret.as_bytes()));
            assert!(clean, "a secret is in {}", path.display());
        }
    }
}

#[test]
fn no_process_and_no_file_has_what_is_sent() {
    let hub = GitHubServer::start("acme/web");
    hub.add_environment("dev");
    let shell = Shell(Machine::new("ann").with("RUST_LOG", EVERYTHING).with("CI", "1"));
    let store = format!("file://{}", shell.0.path("store").display());
    let made = shell.run(&["init", "dev", "--store", &store]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let vault = shell.0.vault("dev");
    write(&vault, ".env.dev", format!("A={VALUE}\nB_FILE=keys/b\nC={VALUE}-c\n"), 0o600);
    write(&vault, "keys/b", format!("{VALUE}\n"), 0o600);
    let slow = Fault::Delay(Duration::from_millis(500));
    hub.http().fail_next(usize::MAX, Matcher::method("PUT"), slow);
    let url = hub.url();
    let sync = ["sync", "dev", "gh", "--gh-repo", "acme/web", "--base-url", &url, "-v"];
    let mut client = shell.command(&sync).spawn().unwrap();
    let mut looks = 0;
    let mut ended = None;
    until("the run ends", || {
        let sending = hub.http().requests("PUT", "") > 0;
        look_at_processes(shell.0.path("").as_path(), client.id());
        ended = client.try_wait().unwrap();
        looks += usize::from(sending && ended.is_none());
        ended.is_some()
    });
    assert!(ended.is_some_and(|status| status.success()) && looks > 0, "{ended:?} {looks}");
    assert_eq!(hub.secret(Some("dev"), "B"), Some(format!("{VALUE}\n").into_bytes()));
    let log = fs::read_to_string(shell.0.path("state/vsync/vsyncd.log")).unwrap();
    assert!(log.contains("hyper"), "the log is as talkative as can be");
    for folder in ["state", "config", "cache", "run"] {
        look_at_files(&shell.0.path(folder));
    }
}
