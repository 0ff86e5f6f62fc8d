//! Everything that a store and the way to it can do to a daemon: the right word and exit code, a
//! hint, no hot loop, and back to normal by itself.

mod lost_answers;
mod rights;
mod way;

use std::time::Instant;

use serde_json::Value;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::s3::{Fault, Matcher, S3Server};
use vsync_tests::team::{self, Place};

const BUNDLE: &str = "acme_web/dev/v=";
const POINTER: &str = "acme_web/dev/manifest";
const AUDIT: &str = "acme_web/dev/audit.csv";

/// What has to be seen of one trouble.
struct Expected {
    code: i32,
    word: &'static str,
    /// Part of the hint.
    hint: &'static str,
}

/// A machine whose vault is published once.
fn published() -> (Place, Machine) {
    let place = Place::s3();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    ann.wait_state("dev", "ok");
    (place, ann)
}

fn all_requests(server: &S3Server) -> u64 {
    ["HEAD", "GET", "PUT", "LIST"].iter().map(|method| server.requests(method, "")).sum()
}

/// A verb fails as expected, with a hint, on the terminal and for scripts.
fn fails(machine: &Machine, verb: &[&str], expected: &Expected) {
    let (code, answer) = machine.json(verb);
    let error = &answer["error"];
    assert_eq!((code, &error["code"]), (expected.code, &expected.word.into()), "{verb:?}: {answer}");
    let hint = error["hint"].as_str().unwrap_or_default();
    assert!(hint.contains(expected.hint) && !hint.is_empty(), "{verb:?}: {answer}");
    assert!(!answer.to_string().contains("secret-of-the-test-bench"), "{answer}");
}

/// Once the trouble is over all goes on by itself, and a push goes through.
fn heals(machine: &Machine, generation: u64) {
    machine.wait_status("dev", "the trouble is over", |pair| pair["state"] == "edited");
    let (code, pushed) = machine.json(&["push", "dev"]);
    assert_eq!((code, &pushed["gen"]), (0, &generation.into()), "{pushed}");
    machine.wait_state("dev", "ok");
}

/// Every request runs into the trouble: status tells, verbs fail, nothing loops, and it heals.
fn everything_fails(begin: impl Fn(&S3Server), end: impl Fn(&S3Server), expected: &Expected) {
    let (place, ann) = published();
    let server = place.server();
    let before = (Instant::now(), all_requests(server));
    begin(server);
    let state = ann.wait_status("dev", expected.word, |pair| pair["reason"] == expected.word);
    assert!(state["hint"].as_str().unwrap_or_default().contains(expected.hint), "{state}");
    assert!(state["since"].is_string() && state["gen"] == 1, "{state}");
    let files = folder::read(&ann.vault("dev"));
    fails(&ann, &["pull", "dev"], expected);
    assert_eq!(folder::read(&ann.vault("dev")), files, "the last good content stays");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    fails(&ann, &["push", "dev"], expected);
    // A look every 160 ms at most, of two requests tried three times at most, and two verbs.
    let most = (before.0.elapsed().as_millis() / 160 + 2) * 6 + 20;
    let sent = all_requests(server) - before.1;
    assert!(u128::from(sent) <= most, "{sent} requests, at most {most}");
    end(server);
    heals(&ann, 2);
}

/// As [`everything_fails`], by a fault of every request.
fn fault(fault: &Fault, expected: &Expected) {
    let begin = |server: &S3Server| server.fail_next(usize::MAX, Matcher::any(), fault.clone());
    everything_fails(begin, S3Server::clear_faults, expected);
}

const UNREACHABLE: Expected = Expected { code: 9, word: "store_unreachable", hint: "tried again by itself" };

#[test]
fn an_internal_error_of_the_store() {
    fault(&Fault::Status(500), &UNREACHABLE);
}

#[test]
fn an_overloaded_store() {
    fault(&Fault::Status(503), &UNREACHABLE);
}

#[test]
fn an_overloaded_store_that_says_for_how_long() {
    fault(&Fault::Overload(1), &UNREACHABLE);
}

#[test]
fn a_store_that_never_answers() {
    fault(&Fault::Hang, &UNREACHABLE);
}

#[test]
fn a_store_that_drops_every_connection() {
    everything_fails(|server| server.offline(true), |server| server.offline(false), &UNREACHABLE);
}

#[test]
fn a_bucket_that_is_gone() {
    let expected = Expected { code: 9, word: "bucket_missing", hint: "does it exist" };
    everything_fails(|server| server.bucket_missing(true), |server| server.bucket_missing(false), &expected);
}

#[test]
fn a_store_whose_clock_differs() {
    let expected = Expected { code: 6, word: "clock_skew", hint: "clock" };
    fault(&Fault::Error(403, "RequestTimeTooSkewed"), &expected);
}

#[test]
fn an_answer_that_is_not_s3s() {
    let expected = Expected { code: 1, word: "store_failed", hint: "is that an S3 store" };
    fault(&Fault::Error(418, "Teapot"), &expected);
}

/// Two machines; the second meets a fault while it downloads what the first pushes.
fn a_download_fails(fault: Fault, word: &str) {
    let place = Place::s3();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben, server) = (&team[0], &team[1], place.server());
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the first version is there", |pair| pair["gen"] == 1);
    let before = folder::read(&ben.vault("dev"));
    let (begun, sent) = (Instant::now(), server.requests("GET", BUNDLE));
    server.fail_next(usize::MAX, Matcher::method("GET").key(BUNDLE), fault);
    write(&ann.vault("dev"), "big", folder::noise(3, 100_000), 0o600);
    ann.ok(&["push", "dev"]);
    let shown = ben.wait_status("dev", word, |pair| pair["reason"] == word);
    assert!(shown["hint"].is_string() && shown["gen"] == 1, "{shown}");
    let (code, answer) = ben.json(&["pull", "dev"]);
    assert_eq!(answer["error"]["code"], word, "{code} {answer}");
    assert_eq!(folder::read(&ben.vault("dev")), before, "nothing half is written");
    let most = (begun.elapsed().as_millis() / 160 + 2) * 3;
    assert!(u128::from(server.requests("GET", BUNDLE) - sent) <= most, "a hot loop");
    server.clear_faults();
    ben.wait_status("dev", "the version comes", |pair| pair["gen"] == 2 && pair["state"] == "ok");
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
}

#[test]
fn a_download_cut_in_the_middle() {
    a_download_fails(Fault::CutBody, "store_unreachable");
}

#[test]
fn a_download_that_crawls() {
    a_download_fails(Fault::Slow(20), "store_unreachable");
}

#[test]
fn a_download_shorter_than_announced() {
    a_download_fails(Fault::LongerLength(7), "store_unreachable");
}

#[test]
fn a_download_whose_announced_length_is_too_short() {
    // Like an object that was cut short: the seal does not open, and nobody can tell why.
    a_download_fails(Fault::ShorterLength(5_000), "tampered");
}

#[test]
fn slow_is_not_broken() {
    let (place, ann) = published();
    place.server().fail_next(usize::MAX, Matcher::any(), Fault::Delay(std::time::Duration::from_millis(300)));
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, &pushed["gen"]), (0, &Value::from(2)), "{pushed}");
    ann.wait_state("dev", "ok");
}
