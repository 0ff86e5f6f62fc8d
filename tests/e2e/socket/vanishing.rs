//! Clients that leave early or never listen, and answers that are long.

use std::time::Duration;

use vsync_tests::folder::write;
use vsync_tests::s3::{Fault, Matcher};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use super::*;

fn caller(machine: &Machine) -> Value {
    json!({"cwd": machine.repo()})
}

#[test]
fn a_push_whose_client_vanishes_is_finished() {
    let place = Place::s3();
    let machine = running();
    team::init(&machine, &place, "dev");
    write(&machine.vault("dev"), ".env.dev", "A=1\n", 0o600);
    // Long enough for the daemon to notice, in the middle, that nobody listens.
    place.server().fail_next(1, Matcher::method("PUT").key("/v="), Fault::Delay(Duration::from_millis(2500)));
    let mut raw = Raw::greeted(&machine);
    raw.ask(1, "push", &json!({"caller": caller(&machine), "env": "dev"}));
    until("the bundle is on its way", || place.server().requests("PUT", "/v=") > 0);
    drop(raw);
    assert_serves(&machine, "a client that vanished");
    machine.wait_status("dev", "the push is done", |pair| pair["gen"] == 1 && pair["state"] == "ok");
    assert_eq!(place.bundles().len(), 1);
}

#[test]
fn readers_that_vanish_leave_nothing_behind() {
    let place = Place::folder();
    let machine = running();
    team::init(&machine, &place, "dev");
    for number in 0..200 {
        write(&machine.vault("dev"), &format!("file-{number}"), "x", 0o600);
    }
    for _ in 0..50 {
        let mut raw = Raw::greeted(&machine);
        raw.ask(1, "diff", &json!({"caller": caller(&machine), "env": "dev"}));
        raw.ask(2, "status", &json!({"all": true}));
    }
    let (code, diff) = machine.json(&["diff", "dev"]);
    assert_eq!(code, 0, "{diff}");
    assert_eq!(diff["added"].as_array().unwrap().len(), 200);
    machine.ok(&["push", "dev"]);
}

/// Few of these make a long answer.
fn long_name(number: usize) -> String {
    format!("{:->200}", format!(" file {number:05}"))
}

/// A status with very many names travels in parts and arrives whole.
#[test]
fn a_long_status_arrives_whole() {
    let place = Place::folder();
    let machine = running();
    team::init(&machine, &place, "dev");
    let mut names: Vec<String> = (0..1600).map(|number| format!("folder/{}", long_name(number))).collect();
    names.iter().for_each(|name| write(&machine.vault("dev"), name, "", 0o600));
    let added = |pair: &Value| -> Vec<String> {
        let names = pair["local"]["added"].as_array().map(Vec::as_slice).unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.as_str())
            .filter(|name| !name.ends_with('/'))
            .map(str::to_owned)
            .collect()
    };
    let status = machine.wait_status("dev", "all files are seen", |pair| added(pair).len() == names.len());
    let mut seen = added(&status);
    seen.sort();
    names.sort();
    assert!(seen == names, "other names than were written");

    let mut raw = Raw::greeted(&machine);
    raw.ask(1, "status", &json!({"all": true}));
    let mut text = String::new();
    let mut parts = 0;
    let end = loop {
        let line = raw.line().unwrap();
        if line["method"] != "part" {
            break line;
        }
        assert_eq!(line["params"]["seq"], parts, "parts come in order");
        text.push_str(line["params"]["text"].as_str().unwrap());
        parts += 1;
    };
    assert!(parts > 1, "the answer came in one piece");
    assert_eq!(end["result"]["parts"], parts);
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(added(&whole["pairs"][0]).len(), names.len());
}

/// One that subscribes and never reads is dropped in the end; nobody else waits for it.
#[test]
fn a_subscriber_that_never_reads_holds_nobody_up() {
    let place = Place::folder();
    let machine = running();
    team::init(&machine, &place, "dev");
    for number in 0..600 {
        write(&machine.vault("dev"), &long_name(number), "", 0o600);
    }
    let mut deaf = Raw::greeted(&machine);
    deaf.ask(1, "subscribe", &json!({}));
    let mut count = 0;
    until("the subscriber is dropped", || {
        count += 1;
        write(&machine.vault("dev"), &format!("new-{count}"), "", 0o600);
        let name = format!("new-{count}");
        machine.wait_status("dev", "the edit is seen", |pair| {
            pair["local"]["added"].as_array().is_some_and(|added| added.iter().any(|added| *added == *name))
        });
        !deaf.send(b"\n")
    });
    assert_serves(&machine, "a subscriber that never reads");
    machine.ok(&["push", "dev"]);
}
