//! What a store makes of conditions is found out, remembered and shown; and pushes do without
//! them where they must.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::s3::{Fault, Matcher, S3Server};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

const PROBE: &str = "acme_web/dev/probe";
const POINTER: &str = "acme_web/dev/manifest";

/// A push that is the first to a store which the closure prepares.
fn first_push(prepare: impl Fn(&S3Server)) -> (Place, Machine) {
    let place = Place::s3();
    prepare(place.server());
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    assert_eq!(ann.status("dev")["conditional_writes"], Value::Null, "nobody has asked yet");
    assert!(place.server().get_raw(PROBE).is_none());
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    ann.wait_state("dev", "ok");
    (place, ann)
}

fn doctor_says(ann: &Machine, word: &str) {
    let (_, answer) = ann.json(&["doctor"]);
    let checks = answer["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "conditional_writes").unwrap();
    assert!(check["detail"].as_str().unwrap().starts_with(word), "{check}");
}

#[test]
fn a_store_that_keeps_conditions_is_asked_once() {
    let (place, mut ann) = first_push(|_| {});
    assert_eq!(ann.status("dev")["conditional_writes"], true);
    doctor_says(&ann, "yes");
    let asked = place.server().requests("PUT", PROBE);
    assert!((2..=3).contains(&asked), "{asked}");
    assert_eq!(ann.stop(), 0);
    ann.start();
    ann.wait_status("dev", "it is remembered", |pair| pair["conditional_writes"] == true);
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    assert_eq!(place.server().requests("PUT", PROBE), asked);
}

/// Another server may answer under the same name one day, and only a lost race shows it.
#[test]
fn a_store_that_let_a_push_be_overwritten_is_asked_again() {
    let (place, ann) = first_push(|_| {});
    let server = place.server();
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    assert_eq!(ann.status("dev")["conditional_writes"], true);
    server.ignore_conditions(true);
    let mut theirs = server.get_raw(POINTER).unwrap();
    theirs.metadata.insert("push-id".to_owned(), "00000000000000ff".to_owned());
    let ours: vsync_core::version::Version = std::str::from_utf8(&theirs.body).unwrap().parse().unwrap();
    let metadata: Vec<(&str, &str)> = theirs.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    server.put_raw(POINTER, ours.successor().to_string(), &metadata);
    ann.wait_status("dev", "it is doubted", |pair| pair["conditional_writes"].is_null());
    ann.ok(&["push", "dev", "--force"]);
    assert_eq!(ann.status("dev")["conditional_writes"], false);
}

fn works_without(ann: &Machine, place: &Place) {
    assert_eq!(ann.status("dev")["conditional_writes"], false);
    doctor_says(ann, "no");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, &pushed["gen"]), (0, &2.into()), "{pushed}");
    ann.wait_state("dev", "ok");
    assert_eq!(place.bundles().len(), 2);
    let audit = place.server().get_raw("acme_web/dev/audit.csv").unwrap();
    let rows = String::from_utf8_lossy(&audit.body).lines().filter(|row| row.contains(",push,")).count();
    assert_eq!(rows, 2);
}

#[test]
fn a_store_that_ignores_conditions_is_shown_and_used() {
    let (place, ann) = first_push(|server| server.ignore_conditions(true));
    works_without(&ann, &place);
}

#[test]
fn a_store_that_refuses_conditions_is_shown_and_used() {
    let (place, ann) = first_push(|server| server.refuse_conditions(true));
    works_without(&ann, &place);
}

#[test]
fn a_probe_that_is_denied_is_no_reason_to_fail() {
    let (place, ann) = first_push(|server| {
        server.fail_next(usize::MAX, Matcher::method("PUT").key(PROBE), Fault::Status(403));
    });
    assert_eq!(ann.status("dev")["conditional_writes"], Value::Null);
    place.server().clear_faults();
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    assert_eq!(ann.status("dev")["conditional_writes"], true);
}

#[test]
fn a_name_that_somebody_else_took_is_left_to_them() {
    let (place, ann) = first_push(|server| server.ignore_conditions(true));
    let first: vsync_core::version::Version = ann.status("dev")["version"].as_str().unwrap().parse().unwrap();
    let mut taken = first;
    for _ in 0..120 {
        taken = taken.successor();
        place.server().put_raw(&format!("acme_web/dev/v={taken}"), "theirs", &[]);
    }
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    assert_eq!(place.bundles().values().filter(|bundle| **bundle == b"theirs").count(), 120);
}

/// The present second, as a version has it.
fn second() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Two pushes over the same pointer; ben's arrives long after ann was told that hers is in place.
/// Returns the team, where ann's look finds out, and the version that won.
fn overwritten(ben_begins_first: bool) -> (Place, Vec<Machine>, String) {
    let place = Place::s3();
    place.server().ignore_conditions(true);
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben, server) = (&team[0], &team[1], place.server());
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the first version is there", |pair| pair["gen"] == 1 && pair["state"] == "ok");
    write(&ben.vault("dev"), "a.env", "BEN=2\n", 0o600);
    write(&ann.vault("dev"), "a.env", "ANN=2\n", 0o600);
    let late = |seconds| {
        let on_its_way = server.requests("PUT", POINTER) + 1;
        server.fail_next(1, Matcher::method("PUT").key(POINTER), Fault::Delay(Duration::from_secs(seconds)));
        on_its_way
    };
    let order = if ben_begins_first { [(ben, 7), (ann, 0)] } else { [(ann, 3), (ben, 8)] };
    let answers = thread::scope(|scope| {
        let [first, second_one] = order.map(|(machine, seconds)| {
            let on_its_way = late(seconds);
            let push = scope.spawn(move || machine.json(&["push", "dev"]));
            until("the pointer is on its way", || server.requests("PUT", POINTER) >= on_its_way);
            let now = second();
            until("a second passes", || second() > now);
            push
        });
        [first.join().unwrap(), second_one.join().unwrap()]
    });
    assert!(answers.iter().all(|(code, _)| *code == 0), "both were told that they won: {answers:?}");
    let ben_at = usize::from(!ben_begins_first);
    let winner = answers[ben_at].1["version"].as_str().unwrap().to_owned();
    (place, team, winner)
}

fn tells_ann(team: &[Machine], winner: &str, (state, reason, code): (&str, &str, i32)) {
    let (ann, ben) = (&team[0], &team[1]);
    let told = ann.wait_status("dev", "ann is told", |pair| pair["reason"] == reason);
    assert_eq!((&told["state"], &told["remote"]["version"]), (&state.into(), &winner.into()), "{told}");
    assert!(told["detail"].as_str().unwrap().contains(winner), "{told}");
    let notices: Vec<String> =
        told["notices"].as_array().unwrap().iter().map(|notice| notice["text"].to_string()).collect();
    let about: Vec<_> = notices.iter().filter(|text| text.contains("overwritten")).collect();
    assert!(about.len() == 1 && about[0].contains(winner), "{notices:?}");
    assert_eq!(std::fs::read_to_string(ann.vault("dev").join("a.env")).unwrap(), "ANN=2\n");
    for verb in ["pull", "push"] {
        let (exit, answer) = ann.json(&[verb, "dev"]);
        assert_eq!((exit, &answer["error"]["code"]), (code, &reason.into()), "{verb}: {answer}");
    }
    assert_eq!(ben.wait_state("dev", "ok")["version"], winner);
}

#[test]
fn a_push_that_was_overwritten_is_told_within_one_look() {
    let (_place, team, winner) = overwritten(false);
    tells_ann(&team, &winner, ("diverged", "lost_race", 4));
    let (ann, ben) = (&team[0], &team[1]);
    let (code, pulled) = ann.json(&["pull", "dev", "--backup"]);
    assert!(code == 0 && pulled["backup"].is_string(), "{pulled}");
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
    ann.wait_state("dev", "ok");
}

#[test]
fn a_push_that_was_overwritten_by_an_older_one_is_told_as_a_rollback() {
    let (_place, team, winner) = overwritten(true);
    tells_ann(&team, &winner, ("held", "rollback_suspected", 8));
    let (ann, ben) = (&team[0], &team[1]);
    let (code, pushed) = ann.json(&["push", "dev", "--force"]);
    assert_eq!(code, 0, "{pushed}");
    until("ben follows", || folder::read(&ben.vault("dev")) == folder::read(&ann.vault("dev")));
}
