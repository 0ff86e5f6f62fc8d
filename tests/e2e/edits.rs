//! Edits are never overwritten: they hold a version back until a person decides, and what is
//! replaced is in a backup.

use std::fs;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

/// Two machines that share one published version.
fn pair_of_machines(place: &Place) -> (Machine, Machine) {
    let mut team = team::of(place, &["ann", "ben"]);
    let (ben, ann) = (team.pop().unwrap(), team.pop().unwrap());
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    write(&ann.vault("dev"), "b.env", "B=1\n", 0o640);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the first version is there", |pair| pair["gen"] == 1);
    (ann, ben)
}

fn publish(machine: &Machine, name: &str, content: &str) {
    write(&machine.vault("dev"), name, content, 0o600);
    machine.ok(&["push", "dev"]);
}

fn equal(one: &Machine, other: &Machine) -> bool {
    folder::read(&one.vault("dev")) == folder::read(&other.vault("dev"))
}

#[test]
fn a_version_waits_for_a_decision_about_edits() {
    let place = Place::folder();
    let (ann, ben) = pair_of_machines(&place);
    write(&ben.vault("dev"), "a.env", "A=mine\n", 0o600);
    write(&ben.vault("dev"), "new/file", "new\n", 0o755);
    let mine = folder::read(&ben.vault("dev"));
    publish(&ann, "b.env", "B=2\n");

    let held = ben.wait_state("dev", "diverged");
    assert_eq!(held["reason"], "diverged");
    assert_eq!(held["gen"], 1);
    assert_eq!(held["remote"]["gen"], 2);
    assert_eq!(held["local"]["modified"], serde_json::json!(["a.env"]));
    assert_eq!(held["local"]["added"], serde_json::json!(["new/file"]));
    assert!(held["hint"].as_str().unwrap().contains("--backup"), "{held}");

    let refused = ben.ctl(&["pull", "dev"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("--backup") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(ben.json(&["pull", "dev"]).1["error"]["code"], "diverged");
    assert_eq!(folder::read(&ben.vault("dev")), mine);

    let (code, pulled) = ben.json(&["pull", "dev", "--backup"]);
    assert_eq!(code, 0, "{pulled}");
    assert!(equal(&ann, &ben));
    let name = pulled["backup"].as_str().unwrap();
    let saved = ben.path("saved");
    ben.ok(&["backup", "restore", "dev", name, &saved.display().to_string()]);
    assert_eq!(folder::read(&saved), mine);
    assert_eq!(ben.wait_state("dev", "ok")["gen"], 2);
}

#[test]
fn a_reset_keeps_what_it_replaces() {
    let place = Place::s3();
    let (ann, ben) = pair_of_machines(&place);
    write(&ben.vault("dev"), "a.env", "A=mine\n", 0o600);
    let mine = folder::read(&ben.vault("dev"));
    ben.wait_state("dev", "edited");

    let refused = ben.ctl(&["pull", "dev"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("--backup") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(ben.json(&["pull", "dev"]).1["error"]["code"], "edited");
    ben.ok(&["pull", "dev", "--backup"]);
    assert_eq!(folder::read(&ben.vault("dev")), mine, "the remote has not moved: nothing to take");

    let (code, reset) = ben.json(&["pull", "dev", "--force"]);
    assert_eq!(code, 0, "{reset}");
    assert!(equal(&ann, &ben));
    let saved = ben.path("saved");
    let name = reset["backup"].as_str().unwrap();
    ben.ok(&["restore-backup", "dev", name, &saved.display().to_string()]);
    assert_eq!(folder::read(&saved), mine);
    assert_eq!(ben.wait_state("dev", "ok")["gen"], 1);
}

#[test]
fn an_undone_edit_lets_the_version_come() {
    let place = Place::folder();
    let (ann, ben) = pair_of_machines(&place);
    write(&ben.vault("dev"), "a.env", "A=mine\n", 0o600);
    publish(&ann, "b.env", "B=2\n");
    ben.wait_state("dev", "diverged");
    write(&ben.vault("dev"), "a.env", "A=1\n", 0o600);
    until("the version comes by itself", || equal(&ann, &ben));
    assert_eq!(ben.wait_state("dev", "ok")["gen"], 2);

    // The same edit on both sides is no conflict.
    write(&ben.vault("dev"), "b.env", "B=3\n", 0o600);
    publish(&ann, "b.env", "B=3\n");
    assert_eq!(ben.wait_status("dev", "it is adopted", |pair| pair["gen"] == 3)["last_sync"]["op"], "adopt");
}

#[test]
fn a_push_that_is_behind_is_refused_and_says_who_was_first() {
    let place = Place::s3();
    let (ann, ben) = pair_of_machines(&place);
    let first = ben.status("dev")["version"].as_str().unwrap().to_owned();
    write(&ben.vault("dev"), "a.env", "A=mine\n", 0o600);
    publish(&ann, "b.env", "B=2\n");
    let second = ann.status("dev")["version"].as_str().unwrap().to_owned();

    let refused = ben.ctl(&["push", "dev"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    for part in [&first, &second, "ann on "] {
        assert!(refused.stderr.contains(part), "{part} is missing: {}", refused.stderr);
    }
    assert_eq!(ben.json(&["push", "dev"]).1["error"]["code"], "remote_ahead");

    let mine = folder::read(&ben.vault("dev"));
    let (code, pushed) = ben.json(&["push", "dev", "--force"]);
    assert_eq!((code, &pushed["replaced"]), (0, &second.into()), "{pushed}");
    until("the other machine follows", || equal(&ann, &ben));
    assert_eq!(folder::read(&ann.vault("dev")), mine);
    assert_eq!(ann.wait_state("dev", "ok")["gen"], 3);
}

#[test]
fn a_deleted_vault_folder_is_brought_back_by_a_pull_and_never_published() {
    let place = Place::folder();
    let (ann, ben) = pair_of_machines(&place);
    fs::remove_dir_all(ben.vault("dev")).unwrap();
    // In between it is a folder with a file less.
    ben.wait_status("dev", "the loss is noticed", |pair| {
        pair["hint"].as_str().is_some_and(|hint| hint.contains("vsyncctl pull dev"))
    });
    for flags in [&["push", "dev"][..], &["push", "dev", "--force"]] {
        let refused = ben.ctl(flags);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.contains("vsyncctl pull dev"), "{}", refused.stderr);
    }
    ben.ok(&["pull", "dev"]);
    assert!(equal(&ann, &ben));
    ben.wait_state("dev", "ok");
    assert_eq!(ann.status("dev")["gen"], 1, "nothing was published");

    // A version that comes meanwhile brings it back as well.
    fs::remove_dir_all(ben.vault("dev")).unwrap();
    publish(&ann, "b.env", "B=2\n");
    ben.wait_status("dev", "the new version is there", |pair| pair["gen"] == 2);
    assert!(equal(&ann, &ben));
}
