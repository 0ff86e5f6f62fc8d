//! Who did what, in the bucket.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use vsync_core::format::audit::{self, ReadRow};
use vsync_tests::folder::write;
use vsync_tests::machine::Machine;
use vsync_tests::s3::{Fault, Matcher, S3Server};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

const LOG: &str = "acme_web/dev/audit.csv";

fn rows(server: &S3Server) -> Vec<ReadRow> {
    server.get_raw(LOG).map(|object| audit::read(&object.body)).unwrap_or_default()
}

/// The log as `who action` lines.
fn deeds(server: &S3Server) -> Vec<String> {
    rows(server).iter().map(|row| format!("{} {}", row.os_user, row.action)).collect()
}

fn edit(machine: &Machine, content: &str) {
    write(&machine.vault("dev"), "a.env", content, 0o600);
}

/// How many rows wait on a machine.
fn waiting(machine: &Machine) -> usize {
    files_below(&machine.path("state"), false)
}

fn files_below(folder: &Path, counts: bool) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => files_below(&path, entry.file_name() == "audit"),
            _ => usize::from(counts),
        })
        .sum()
}

#[test]
fn every_deed_has_its_row_in_order() {
    let place = Place::s3();
    let server = place.server();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    assert_eq!(deeds(server), ["ann export", "ben import"]);

    edit(ann, "A=1\n");
    ann.ok(&["push", "dev", "--note", "first, \"quoted\"", "--meta", "ticket=42"]);
    until("the pull is noted", || deeds(server).len() == 4);
    assert_eq!(deeds(server)[2..], ["ann push", "ben pull"]);
    let push = &rows(server)[2];
    let meta: serde_json::Value = serde_json::from_str(&push.meta).unwrap();
    assert_eq!(meta, serde_json::json!({"note": "first, \"quoted\"", "ticket": "42"}));
    assert_eq!(push.version_ts, ann.status("dev")["version"].as_str().unwrap());
    let listed = ben.ok(&["versions", "dev"]);
    assert!(listed.contains("ann") && listed.contains("first, \"quoted\""), "{listed}");

    edit(ann, "A=2\n");
    ann.ok(&["push", "dev", "--no-audit"]);
    until("the pull is noted", || deeds(server).len() == 5);
    assert_eq!(deeds(server)[4], "ben pull", "the push left no row");
    ann.ok(&["push", "dev"]);
    assert_eq!(deeds(server).len(), 5, "a push of nothing leaves none either");
}

/// A publish whose daemon died before its row is settled by the next one, as the verb asked for it.
#[test]
fn a_push_that_is_settled_later_is_noted_as_it_was_asked_for() {
    let place = Place::s3();
    let server = place.server();
    let mut team = team::of(&place, &["ann"]);
    let ann = &mut team[0];
    edit(ann, "A=0\n");
    ann.ok(&["push", "dev"]);
    let mut dies_after_the_pointer = |content: &str, flags: &[&str]| {
        let before = place.pointer();
        server.fail_next(1, Matcher::method("PUT").key("dev/manifest"), Fault::Mute);
        edit(ann, content);
        let mut push = ann.ctl_command(&[&["push", "dev"], flags].concat());
        let mut push = push.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the pointer is written", || place.pointer() != before);
        ann.kill();
        push.wait().unwrap();
        server.clear_faults();
        ann.start();
        ann.wait_state("dev", "ok");
        ann.status("dev")["version"].as_str().unwrap().to_owned()
    };
    let silent = dies_after_the_pointer("A=1\n", &["--no-audit"]);
    let noted = dies_after_the_pointer("A=2\n", &["--note", "why", "--meta", "ticket=42"]);
    until("the push is noted", || rows(server).iter().any(|row| row.version_ts == noted));
    let rows = rows(server);
    assert!(rows.iter().all(|row| row.version_ts != silent), "{rows:?}");
    let row = rows.iter().find(|row| row.version_ts == noted).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&row.meta).unwrap();
    assert_eq!(meta, serde_json::json!({"note": "why", "ticket": "42"}));
}

#[test]
fn rows_that_cannot_be_sent_wait_and_go_out_in_order() {
    wait_and_go_out_in_order(&Fault::Status(500));
}

/// A portal on the way refuses everything, and is no reason to drop a row.
#[test]
fn rows_that_are_refused_without_s3s_words_wait_too() {
    wait_and_go_out_in_order(&Fault::Error(403, ""));
}

fn wait_and_go_out_in_order(fault: &Fault) {
    let place = Place::s3();
    let server = place.server();
    let mut team = team::of(&place, &["ann"]);
    let ann = &mut team[0];
    server.fail_next(usize::MAX, Matcher::any().key("audit.csv"), fault.clone());
    for number in 1..=3 {
        edit(ann, &format!("A={number}\n"));
        ann.ok(&["push", "dev", "--note", &format!("number {number}")]);
    }
    assert_eq!(rows(server).len(), 0);
    assert_eq!(waiting(ann), 3);
    assert_eq!(ann.stop(), 0);
    server.clear_faults();
    ann.start();
    until("they go out", || rows(server).len() == 3);
    let notes: Vec<_> = rows(server).iter().map(|row| row.meta.clone()).collect();
    assert_eq!(notes, [1, 2, 3].map(|number| format!("{{\"note\":\"number {number}\"}}")));
    until("nothing waits", || waiting(ann) == 0);
}

#[test]
fn a_machine_that_may_only_read_pulls_without_a_trace() {
    let place = Place::s3();
    let server = place.server();
    let (mut ann, mut ben) = (Machine::new("ann"), Machine::new("ben"));
    ann.start();
    ben.start();
    team::init(&ann, &place, "dev");
    edit(&ann, "A=1\n");
    ann.ok(&["push", "dev"]);
    // The share carries credentials that may only read.
    let reader = server.read_only_credentials();
    let (share, pass) = (ann.path("dev.share"), ann.path("pass"));
    fs::write(&pass, team::PASSPHRASE).unwrap();
    let (share, pass) = (share.display().to_string(), pass.display().to_string());
    ann.ok(&["export", "dev", "--out", &share, "--passphrase-file", &pass]);
    let mut opened = vsync_core::format::share::read(&fs::read(&share).unwrap(), team::PASSPHRASE).unwrap();
    opened.config.s3.access_key_id = reader.access_key_id;
    opened.config.s3.secret_access_key = vsync_core::secret::Secret::new(reader.secret_access_key);
    let sealed = vsync_core::format::share::write(&opened, team::PASSPHRASE, "salt", [3; 12]).unwrap();
    fs::write(&share, sealed).unwrap();
    ben.ok(&["import", "dev", &share, "--passphrase-file", &pass]);
    edit(&ann, "A=2\n");
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the version is there", |pair| pair["gen"] == 2 && pair["state"] == "ok");
    until("nothing waits", || waiting(&ben) == 0);
    assert_eq!(deeds(server), ["ann push", "ann export", "ann push"]);

    edit(&ben, "A=3\n");
    let (code, answer) = ben.json(&["push", "dev"]);
    assert_eq!((code, &answer["error"]["code"]), (6, &"access_denied".into()), "{answer}");
    assert_eq!(ann.status("dev")["gen"], 2);
}

#[test]
fn audit_off_means_no_rows_at_all() {
    let place = Place::s3();
    let server = place.server();
    let (mut ann, mut ben) = (Machine::new("ann"), Machine::new("ben"));
    ann.start();
    ben.start();
    team::profile(&ann, server);
    ann.ok(&["init", "dev", "--profile", "test", "--audit", "off"]);
    edit(&ann, "A=1\n");
    ann.ok(&["push", "dev"]);
    team::join(&ann, &ben, "dev");
    ben.wait_state("dev", "ok");
    assert_eq!(server.requests("PUT", "audit"), 0);
    assert_eq!(waiting(&ann) + waiting(&ben), 0);
}
