//! What lies in the bucket is not believed: the folder stays, status says what is wrong, and
//! there is a way out.

use serde_json::Value;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::s3::{RawObject, S3Server};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

const POINTER: &str = "acme_web/dev/manifest";

/// Two machines that share a vault in a bucket, and what the bucket held after each push.
struct Stage {
    place: Place,
    ann: Machine,
    ben: Machine,
    pointers: Vec<RawObject>,
}

impl Stage {
    /// With this many versions published by the first machine.
    fn set(versions: usize) -> Self {
        let place = Place::s3();
        let mut team = team::of(&place, &["ann", "ben"]);
        let (ben, ann) = (team.pop().unwrap(), team.pop().unwrap());
        let mut stage = Self { place, ann, ben, pointers: Vec::new() };
        for number in 1..=versions {
            write(&stage.ann.vault("dev"), "a.env", format!("A={number}\n"), 0o600);
            stage.ann.ok(&["push", "dev"]);
            stage.ben.wait_status("dev", "the version is there", |pair| pair["gen"] == number);
            stage.pointers.push(stage.server().get_raw(POINTER).unwrap());
        }
        stage
    }

    fn server(&self) -> &S3Server {
        self.place.server()
    }

    /// Puts a pointer with the body and these metadata beside and over those of the last one.
    fn point(&self, body: &str, metadata: &[(&str, &str)]) {
        let last = self.pointers.last().unwrap();
        let mut all = last.metadata.clone();
        all.insert("prev".to_owned(), text(last));
        all.extend(metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let all: Vec<(&str, &str)> = all.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.server().put_raw(POINTER, body.to_owned(), &all);
    }

    fn put_back(&self, pointer: &RawObject) {
        let metadata: Vec<(&str, &str)> =
            pointer.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.server().put_raw(POINTER, pointer.body.clone(), &metadata);
    }

    /// Waits until both machines hold the version back for this reason, and checks that the
    /// folder is what it was and that a pull says the same with the exit code.
    fn held(&self, reason: &str, code: i32) -> Value {
        let before = folder::read(&self.ann.vault("dev"));
        let mut shown = Value::Null;
        for machine in [&self.ann, &self.ben] {
            shown = machine.wait_status("dev", &format!("held: {reason}"), |pair| {
                pair["state"] == "held" && pair["reason"] == reason
            });
            assert!(shown["hint"].is_string(), "{shown}");
            let (exit, answer) = machine.json(&["pull", "dev"]);
            assert_eq!((exit, &answer["error"]["code"]), (code, &reason.into()), "{answer}");
            assert_eq!(folder::read(&machine.vault("dev")), before);
            assert!(machine.ok(&["status", "dev"]).contains("held"));
        }
        shown
    }

    /// Puts the last genuine pointer back and waits until all is well.
    fn recover(&self) {
        self.put_back(self.pointers.last().unwrap());
        self.ann.wait_state("dev", "ok");
        self.ben.wait_state("dev", "ok");
    }

    /// Publishes over what is in the bucket; the other machine follows.
    fn push_over(&self, flags: &[&str]) -> Value {
        let (code, pushed) = self.ann.json(&[&["push", "dev"], flags].concat());
        assert_eq!(code, 0, "{pushed}");
        let version = pushed["version"].clone();
        self.ben.wait_status("dev", "the other machine follows", |pair| {
            pair["state"] == "ok" && pair["version"] == version
        });
        assert_eq!(folder::read(&self.ben.vault("dev")), folder::read(&self.ann.vault("dev")));
        self.ann.wait_state("dev", "ok");
        pushed
    }
}

fn text(pointer: &RawObject) -> String {
    String::from_utf8(pointer.body.to_vec()).unwrap()
}

#[test]
fn a_pointer_without_its_bundle_is_torn() {
    let stage = Stage::set(1);
    let lost = next(&text(&stage.pointers[0]));
    stage.point(&lost, &[("gen", "2"), ("push-id", "00000000000000aa")]);
    let shown = stage.held("torn", 8);
    assert_eq!(shown["remote"]["version"], lost.as_str());
    stage.recover();

    stage.point(&lost, &[("gen", "2"), ("push-id", "00000000000000ab")]);
    stage.held("torn", 8);
    assert_eq!(stage.push_over(&[])["gen"], 3);
}

/// The version one second later.
fn next(version: &str) -> String {
    let parsed: vsync_core::version::Version = version.parse().unwrap();
    parsed.successor().to_string()
}

#[test]
fn an_older_version_is_applied_only_when_asked_for() {
    let stage = Stage::set(2);
    stage.put_back(&stage.pointers[0]);
    stage.held("rollback_suspected", 8);
    let (code, answer) = stage.ann.json(&["push", "dev"]);
    assert!(code != 0, "{answer}");

    stage.ben.ok(&["pull", "dev", "--allow-rollback"]);
    assert_eq!(std::fs::read_to_string(stage.ben.vault("dev").join("a.env")).unwrap(), "A=1\n");
    assert_eq!(stage.ben.wait_state("dev", "ok")["gen"], 1);
    assert_eq!(stage.ann.status("dev")["state"], "held");
    let pushed = stage.push_over(&["--force"]);
    assert_eq!(pushed["gen"], 3, "a generation is not used twice");
    assert!(pushed["version"].as_str().unwrap() > text(&stage.pointers[1]).as_str());
}

#[test]
fn changed_bundles_are_tampering() {
    let stage = Stage::set(2);
    let genuine = |number: usize| {
        let key = format!("acme_web/dev/v={}", text(&stage.pointers[number]));
        stage.server().get_raw(&key).unwrap().body
    };
    let version = next(&text(&stage.pointers[1]));
    let key = format!("acme_web/dev/v={version}");
    let mut flipped = genuine(1).to_vec();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    stage.server().put_raw(&key, flipped, &[]);
    stage.point(&version, &[("gen", "3"), ("push-id", "00000000000000aa")]);
    stage.held("tampered", 8);
    stage.recover();

    // A genuine bundle under another version's name.
    stage.server().put_raw(&key, genuine(0), &[]);
    stage.point(&version, &[("gen", "3"), ("push-id", "00000000000000ab")]);
    stage.held("tampered", 8);
    stage.recover();

    // One cut short, and nothing at all.
    for (number, body) in [genuine(1).slice(..20), bytes::Bytes::new()].into_iter().enumerate() {
        stage.server().put_raw(&key, body, &[]);
        stage.point(&version, &[("gen", "3"), ("push-id", &format!("00000000000000b{number}"))]);
        stage.held("tampered", 8);
    }

    let (code, answer) = stage.ann.json(&["push", "dev"]);
    assert_eq!((code, &answer["error"]["code"]), (4, &"remote_ahead".into()), "{answer}");
    stage.push_over(&["--force"]);
}

#[test]
fn a_pointer_that_is_none_is_not_followed() {
    let stage = Stage::set(1);
    let long = "2".repeat(100_000);
    for (number, body) in ["../../x", "", "20261399-000000", "<html>", &long].into_iter().enumerate() {
        stage.point(body, &[("push-id", &format!("00000000000000a{number}"))]);
        stage.held("bad_timestamp", 8);
    }
    let (code, answer) = stage.ann.json(&["push", "dev"]);
    assert_eq!((code, &answer["error"]["code"]), (8, &"bad_timestamp".into()), "{answer}");
    stage.recover();
    stage.point("../../x", &[("push-id", "00000000000000b0")]);
    stage.held("bad_timestamp", 8);
    stage.push_over(&["--force"]);
}

#[test]
fn a_pointer_from_the_far_future_is_not_followed() {
    let stage = Stage::set(1);
    let genuine = stage.server().get_raw(&format!("acme_web/dev/v={}", text(&stage.pointers[0]))).unwrap();
    stage.server().put_raw("acme_web/dev/v=99991231-235958", genuine.body, &[]);
    stage.point("99991231-235958", &[("gen", "2"), ("push-id", "00000000000000aa")]);
    stage.held("future_dated", 8);
    let (code, answer) = stage.ann.json(&["push", "dev"]);
    assert_eq!((code, &answer["error"]["code"]), (8, &"future_dated".into()), "{answer}");
    let pushed = stage.push_over(&["--force"]);
    assert!(pushed["version"].as_str().unwrap() < "9999", "the time is the present again: {pushed}");
}

#[test]
fn odd_metadata_do_not_keep_a_version_out() {
    let stage = Stage::set(1);
    let body = text(&stage.pointers[0]);
    let huge = "1000000000000000000";
    stage.point(&body, &[("gen", huge), ("push-id", "00000000000000aa")]);
    for machine in [&stage.ann, &stage.ben] {
        machine.wait_status("dev", "a generation nobody can read is unknown", |pair| {
            pair["state"] == "ok" && pair["gen"].is_null() && pair["remote"]["gen"].is_null()
        });
    }
    write(&stage.ann.vault("dev"), "a.env", "A=2\n", 0o600);
    assert_eq!(stage.push_over(&[])["gen"], 2);

    // Somebody wrote the pointer by hand: no metadata at all.
    stage.server().put_raw(POINTER, body.clone(), &[]);
    stage.held("rollback_suspected", 8);
    let latest = stage.ann.status("dev")["version"].as_str().unwrap().to_owned();
    stage.server().put_raw(POINTER, format!("{latest}\n"), &[]);
    for machine in [&stage.ann, &stage.ben] {
        machine.wait_status("dev", "a pointer without metadata is followed", |pair| {
            pair["state"] == "ok" && pair["gen"].is_null() && pair["version"] == latest.as_str()
        });
    }
    write(&stage.ann.vault("dev"), "a.env", "A=3\n", 0o600);
    assert_eq!(stage.push_over(&[])["gen"], 3);
}

#[test]
fn a_rotated_key_is_named_as_such() {
    let stage = Stage::set(1);
    // Another team's vault with a key of its own, whose bundle and pointer are put in place.
    let mut other = Machine::new("eve");
    other.set_origin("git@git.example:acme/other.git");
    other.start();
    team::init(&other, &stage.place, "dev");
    write(&other.vault("dev"), "a.env", "A=9\n", 0o600);
    other.ok(&["push", "dev"]);
    let pointer = stage.server().get_raw("acme_other/dev/manifest").unwrap();
    let version = text(&pointer);
    let bundle = stage.server().get_raw(&format!("acme_other/dev/v={version}")).unwrap();
    stage.server().put_raw(&format!("acme_web/dev/v={version}"), bundle.body, &[]);
    stage.put_back(&pointer);
    stage.held("key_rotated", 5);
    stage.recover();
}

#[test]
fn a_pointer_that_disappears_is_no_reason_to_empty_a_folder() {
    let stage = Stage::set(1);
    assert!(stage.server().remove_raw(POINTER));
    let before = folder::read(&stage.ben.vault("dev"));
    until("both miss it", || {
        [&stage.ann, &stage.ben].iter().all(|machine| machine.status("dev")["reason"] == "nothing_published")
    });
    assert_eq!(folder::read(&stage.ben.vault("dev")), before);
    write(&stage.ann.vault("dev"), "a.env", "A=2\n", 0o600);
    assert_eq!(stage.push_over(&[])["gen"], 2, "the generation goes on");
}
