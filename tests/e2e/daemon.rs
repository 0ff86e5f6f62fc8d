//! The daemon's own life: settings, signals, starts and stops.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran, binary};
use vsync_tests::s3::{Fault, Matcher};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A machine whose settings file, not its environment, says how often to poll.
fn configured(name: &str, yaml: &str) -> Machine {
    let mut machine = Machine::new(name).without("VSYNC_POLL_INTERVAL");
    machine.settings(yaml);
    machine.start();
    machine
}

#[test]
fn changed_settings_are_picked_up_and_bad_ones_are_not() {
    let place = Place::s3();
    let (server, ann) = (place.server(), configured("ann", "poll:\n  interval: 1h\n"));
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let next_poll = || ann.status("dev")["next_poll_s"].as_u64().unwrap();
    until("the next poll is far away", || next_poll() > 1000);

    ann.settings("poll:\n  interval: 100ms\n");
    let before = server.requests("HEAD", "manifest");
    until("it polls often", || server.requests("HEAD", "manifest") > before + 5);
    ann.settings("poll:\n  intervall: 1h\n");
    until("the bad file is reported", || ann.log().contains("the settings were not read"));
    let before = server.requests("HEAD", "manifest");
    until("it polls as before", || server.requests("HEAD", "manifest") > before + 5);
    let (code, answer) = ann.json(&["daemon", "reload"]);
    assert_eq!((code, &answer["error"]["code"]), (1, &"config".into()), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("intervall"), "{answer}");

    ann.settings("poll:\n  interval: 2h\n");
    signal(ann.pid(), Signal::HUP);
    until("the new settings hold", || ann.status("dev")["next_poll_s"].as_u64().is_some_and(|s| s > 3600));
    assert_eq!(ann.status("dev")["gen"], 1);
}

#[test]
fn a_file_of_authorities_is_read_again_at_a_reload() {
    let place = Place::s3();
    let ann = configured("ann", "");
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let file = ann.path("ca.pem");
    ann.settings(&format!("tls:\n  ca_file: {}\n", file.display()));
    let (code, answer) = ann.json(&["daemon", "reload"]);
    assert_eq!((code, &answer["error"]["code"]), (1, &"config".into()), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("ca.pem"), "{answer}");
    ann.ok(&["pull", "dev"]);

    let mut authorities = include_bytes!("../fixtures/tls/ca.pem").to_vec();
    std::fs::write(&file, &authorities).unwrap();
    ann.ok(&["daemon", "reload"]);
    ann.wait_state("dev", "ok");
    ann.ok(&["pull", "dev"]);
    let (code, answer) = ann.json(&["daemon", "reload"]);
    assert_eq!((code, answer["changed"].as_array().map(Vec::len)), (0, Some(0)), "{answer}");
    authorities.extend_from_within(..);
    std::fs::write(&file, &authorities).unwrap();
    let (code, answer) = ann.json(&["daemon", "reload"]);
    assert_eq!((code, &answer["changed"][0]), (0, &file.display().to_string().into()), "{answer}");
    ann.wait_state("dev", "ok");
    ann.ok(&["pull", "dev"]);
}

#[test]
fn a_stop_waits_for_a_push_under_way() {
    let place = Place::s3();
    let mut team = team::of(&place, &["ann", "ben"]);
    let ann = &mut team[0];
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    let before = place.server().requests("PUT", "manifest");
    place.server().fail_next(1, Matcher::method("PUT").key("manifest"), Fault::Delay(Duration::from_secs(2)));
    let push =
        ann.ctl_command(&["push", "dev"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the pointer is being written", || place.server().requests("PUT", "manifest") > before);
    assert_eq!(ann.stop(), 0);
    let pushed: Ran = push.wait_with_output().unwrap().into();
    assert_eq!(pushed.code, 0, "{pushed:?}");
    assert!(pushed.stdout.contains("published"), "{pushed:?}");
    let ben = &team[1];
    ben.wait_status("dev", "the version arrives", |pair| pair["gen"] == 1);
    let ann = &mut team[0];
    assert!(!ann.socket().exists(), "the socket's file is gone");
    assert_eq!(ann.ctl(&["status"]).code, 3);
    ann.start();
    assert_eq!(ann.wait_state("dev", "ok")["gen"], 1);
}

#[test]
fn once_looks_once_and_ends() {
    let place = Place::folder();
    let mut team = team::of(&place, &["ann", "ben"]);
    assert_eq!(team[1].stop(), 0);
    let (ann, ben) = (&team[0], &team[1]);
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let once = || Ran::from(ben.command(&binary("vsyncd")).arg("--once").output().unwrap());
    let ran = once();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
    assert!(!ben.socket().exists());
    write(&ben.vault("dev"), "a.env", "A=mine\n", 0o600);
    assert_eq!(once().code, 0);
    assert_eq!(fs::read_to_string(ben.vault("dev").join("a.env")).unwrap(), "A=mine\n");
}

/// Runs `vsyncctl` as a person does: it may start a daemon.
#[cfg(target_os = "linux")]
fn ctl(machine: &Machine, arguments: &[&str]) -> Ran {
    machine.command(&binary("vsyncctl")).args(arguments).output().unwrap().into()
}

#[test]
#[cfg(target_os = "linux")]
fn the_client_starts_a_daemon_of_its_own_session() {
    let ann = Machine::new("ann");
    assert_eq!(ctl(&ann, &["--no-start", "status"]).code, 3);
    assert_eq!(ctl(&ann, &["status"]).code, 0);
    let info: serde_json::Value =
        serde_json::from_str(&ctl(&ann, &["--json", "daemon", "status"]).stdout).unwrap();
    let pid = info["pid"].as_u64().unwrap();
    let about = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session: u64 = about.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().parse().unwrap();
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let own: u64 = own.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert_ne!(session, own, "it would end with this terminal");
    let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
    if let Ok(cwd) = cwd {
        assert_eq!(cwd, std::path::Path::new("/"));
    }
    let log = info["log"].as_str().unwrap();
    assert!(fs::read_to_string(log).unwrap().contains("ready"));
    assert_eq!(ctl(&ann, &["daemon", "start"]).code, 0, "it runs already");
    let again = ctl(&ann, &["--json", "daemon", "status"]);
    assert!(again.stdout.contains(&format!("\"pid\":{pid}")), "{again:?}");
    assert_eq!(ctl(&ann, &["daemon", "stop"]).code, 0);
    assert!(!std::path::Path::new(&format!("/proc/{pid}/exe")).exists() || !ann.socket().exists());
    assert_eq!(ctl(&ann, &["--no-start", "status"]).code, 3);
    assert_eq!(ctl(&ann, &["daemon", "stop"]).code, 0, "there is nothing to stop");
}

#[test]
fn a_second_daemon_is_refused() {
    let mut ann = Machine::new("ann");
    ann.start();
    let second: Ran = ann.command(&binary("vsyncd")).output().unwrap().into();
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains(&ann.pid().to_string()), "it names the other: {second:?}");
    // Neither does another socket make two of them.
    let socket = ann.path("run/other.sock").display().to_string();
    let third: Ran = ann.command(&binary("vsyncd")).args(["--socket", &socket]).output().unwrap().into();
    assert_eq!(third.code, 1, "{third:?}");
    assert_eq!(ann.ctl(&["status"]).code, 0);
    // A stale socket file is replaced.
    ann.kill();
    assert!(ann.socket().exists());
    ann.start();
}

#[test]
fn a_socket_that_vanished_is_bound_again() {
    let mut ann = Machine::new("ann");
    ann.start();
    fs::remove_file(ann.socket()).unwrap();
    until("the daemon answers again", || ann.ctl(&["status"]).code == 0);
    fs::remove_dir_all(ann.path("run/vsync")).unwrap();
    until("the daemon answers again", || ann.ctl(&["status"]).code == 0);
}

#[test]
fn wrong_starts_have_exit_codes_of_their_own() {
    let ann = Machine::new("ann");
    let run =
        |arguments: &[&str]| Ran::from(ann.command(&binary("vsyncd")).args(arguments).output().unwrap());
    assert_eq!(run(&["--nonsense"]).code, 64);
    ann.settings("nonsense: 1\n");
    let bad = run(&[]);
    assert_eq!(bad.code, 78, "{bad:?}");
    assert!(bad.stderr.contains("nonsense"), "{bad:?}");
    let none = ann.path("none.yaml").display().to_string();
    assert_eq!(run(&["--config", &none]).code, 78);
}

#[test]
fn status_has_the_documented_shape() {
    let place = Place::folder();
    let team = team::of(&place, &["ann"]);
    let ann = &team[0];
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let (code, report) = ann.json(&["status", "dev"]);
    assert_eq!(code, 0);
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap_or_else(|| panic!("{report}")).keys().cloned().collect()
    };
    let set = |names: &str| -> BTreeSet<String> { names.split_whitespace().map(str::to_owned).collect() };
    assert_eq!(keys(&report), set("daemon pairs rules runtime"));
    assert_eq!(keys(&report["daemon"]), set("version pid uptime_s state_dir log"));
    let pair = &report["pairs"][0];
    let documented = "repo env root layout gen version state reason hint local remote last_sync \
                      conditional_writes atomic key_store";
    assert_eq!(keys(pair), set(&format!("{documented} folder since notices next_poll_s detail watched")));
    assert_eq!(keys(&pair["local"]), set("added modified deleted"));
    assert_eq!(keys(&pair["remote"]), set("gen version checked_at age_s"));
    assert_eq!(keys(&pair["last_sync"]), set("op at"));
    assert_eq!((&pair["layout"], &pair["state"]), (&"documented".into(), &"ok".into()));
    assert_eq!(pair["conditional_writes"], true, "the folder store keeps its promise");
    assert_eq!(pair["watched"], true);
}
