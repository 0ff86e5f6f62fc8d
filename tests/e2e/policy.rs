//! What the settings let the daemon do by itself, and what can be watched of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

fn configured(name: &str, yaml: &str) -> Machine {
    let mut machine = Machine::new(name);
    machine.settings(yaml);
    machine.start();
    machine
}

#[test]
fn edits_are_published_by_themselves_where_the_settings_say_so() {
    let place = Place::s3();
    let ann = configured("ann", "pairs:\n  acme_web/dev:\n    on_edit: push\n");
    let ben = configured("ben", "on_edit: push\n");
    team::init(&ann, &place, "dev");
    team::join(&ann, &ben, "dev");
    let (here, there) = (ann.vault("dev"), ben.vault("dev"));
    let equal = || folder::read(&here) == folder::read(&there);
    write(&here, "a.env", "A=1\n", 0o600);
    until("the edit arrives", || there.join("a.env").exists() && equal());
    write(&there, "b.env", "B=1\n", 0o600);
    until("the other's edit arrives", || here.join("b.env").exists() && equal());
    fs::remove_file(here.join("a.env")).unwrap();
    until("the deletion arrives", || !there.join("a.env").exists() && equal());

    // The loss of a whole folder is no edit.
    let kept = folder::read(&there);
    fs::remove_dir_all(&here).unwrap();
    ann.wait_status("dev", "the loss is noticed", |pair| pair["state"] != "ok");
    ann.ok(&["pull", "dev"]);
    assert_eq!(folder::read(&here), kept);
    assert_eq!(folder::read(&there), kept);
}

#[test]
fn modes_from_the_settings_win_over_the_bundle_and_are_no_edit() {
    let place = Place::folder();
    let ann = configured("ann", "on_edit: status\n");
    let ben = configured(
        "ben",
        "pairs:\n  acme_web/dev:\n    file_mode: \"0640\"\n    dir_mode: \"0750\"\n    on_edit: push\n",
    );
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    write(&ann.vault("dev"), "bin/run", "#!/bin/sh\n", 0o755);
    ann.ok(&["push", "dev"]);
    team::join(&ann, &ben, "dev");
    let mode = |below: &str| {
        let path = ben.vault("dev").join(below);
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    };
    assert_eq!([mode("."), mode("bin"), mode("a.env"), mode("bin/run")], [0o750, 0o750, 0o640, 0o640]);
    ben.wait_state("dev", "ok");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the next version is there", |pair| pair["gen"] == 2 && pair["state"] == "ok");
    assert_eq!([mode("."), mode("a.env")], [0o750, 0o640]);
    assert_eq!(ann.status("dev")["gen"], 2, "the other modes were not published");
}

#[test]
fn a_watcher_is_told_of_every_change() {
    let place = Place::folder();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    let mut watch = ben.ctl_command(&["--json", "watch", "dev"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = |what: &str, holds: &dyn Fn(&Value) -> bool| loop {
        let line = lines.next().unwrap_or_else(|| panic!("the watch ended before: {what}")).unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        let pair = if event["pair"].is_object() { &event["pair"] } else { &event };
        if holds(pair) {
            break;
        }
    };
    next("the present state", &|pair| pair["env"] == "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    next("the version", &|pair| pair["gen"] == 1 && pair["state"] == "ok");
    write(&ben.vault("dev"), "a.env", "A=2\n", 0o600);
    next("the edit", &|pair| pair["state"] == "edited");
    ben.ok(&["pull", "dev", "--force"]);
    next("the reset", &|pair| pair["state"] == "ok");
    watch.kill().unwrap();
    watch.wait().unwrap();
}
