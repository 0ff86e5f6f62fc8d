//! The store goes away and comes back: the last good content stays and all goes on by itself.

use std::fs;
use std::time::Instant;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::s3::{Fault, Matcher};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

fn pair_of_machines(place: &Place) -> Vec<Machine> {
    let team = team::of(place, &["ann", "ben"]);
    write(&team[0].vault("dev"), "a.env", "A=1\n", 0o600);
    team[0].ok(&["push", "dev"]);
    team[1].wait_status("dev", "the first version is there", |pair| pair["gen"] == 1);
    team
}

#[test]
fn a_daemon_that_starts_without_its_store_serves_what_it_has() {
    let place = Place::s3();
    let mut team = pair_of_machines(&place);
    assert_eq!(team[1].stop(), 0);
    place.server().offline(true);
    let before = folder::read(&team[1].vault("dev"));
    team[1].start();
    let (ann, ben) = (&team[0], &team[1]);
    let away = ben.wait_state("dev", "offline");
    assert_eq!(away["reason"], "store_unreachable");
    assert!(away["since"].is_string(), "{away}");
    assert_eq!((&away["gen"], &away["last_sync"]["op"]), (&1.into(), &"pull".into()));
    assert_eq!(away["remote"]["checked_at"], serde_json::Value::Null, "the store was not seen yet");
    assert_eq!(folder::read(&ben.vault("dev")), before);

    write(&ben.vault("dev"), "a.env", "A=2\n", 0o600);
    let edited = ben.wait_status("dev", "the edit shows", |pair| pair["local"]["modified"][0] == "a.env");
    assert_eq!(edited["state"], "offline");
    for verb in ["push", "pull"] {
        let (code, answer) = ben.json(&[verb, "dev"]);
        assert_eq!((code, &answer["error"]["code"]), (9, &"store_unreachable".into()), "{verb}: {answer}");
    }
    assert!(ben.ok(&["diff", "dev"]).contains("a.env"));

    place.server().offline(false);
    ben.wait_state("dev", "edited");
    ben.ok(&["push", "dev"]);
    until("the other machine follows", || folder::read(&ann.vault("dev")) == folder::read(&ben.vault("dev")));
}

#[test]
fn an_outage_is_survived_without_a_hot_loop() {
    let place = Place::s3();
    let team = pair_of_machines(&place);
    let (ann, ben, server) = (&team[0], &team[1], place.server());
    let begun = Instant::now();
    let looks = || server.requests("HEAD", "manifest") + server.requests("GET", "manifest");
    let before = looks();
    server.fail_next(usize::MAX, Matcher::any(), Fault::Status(503));
    let away = ben.wait_status("dev", "the outage shows", |pair| pair["state"] != "ok");
    assert_eq!(away["state"], "offline", "{away}");
    until("both have tried again", || looks() >= before + 12);
    // Two machines that look every 200 ms at most, each look tried at most three times: far less
    // once they back off, and a machine under load only does less.
    let most = 2 * 3 * (begun.elapsed().as_millis() / 160 + 2);
    assert!(u128::from(looks() - before) <= most, "{} requests, at most {most}", looks() - before);
    assert_eq!(ben.status("dev")["since"], away["since"]);

    server.clear_faults();
    ann.wait_state("dev", "ok");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "all goes on", |pair| pair["gen"] == 2 && pair["state"] == "ok");
}

#[test]
fn a_folder_store_that_is_not_there_is_missing_and_not_empty() {
    let place = Place::folder();
    let team = pair_of_machines(&place);
    let (ann, ben) = (&team[0], &team[1]);
    let Place::Folder(parent) = &place else { unreachable!("a folder store was asked for") };
    let (store, aside) = (parent.path().join("store"), parent.path().join("unmounted"));
    fs::rename(&store, &aside).unwrap();
    let away = ben.wait_status("dev", "the loss shows", |pair| pair["state"] != "ok");
    assert_eq!(away["reason"], "bucket_missing", "{away}");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    let (code, answer) = ann.json(&["push", "dev"]);
    assert_eq!((code, &answer["error"]["code"]), (9, &"bucket_missing".into()), "{answer}");
    assert!(!store.exists(), "nobody made an empty store in its place");

    fs::rename(&aside, &store).unwrap();
    ben.wait_state("dev", "ok");
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "all goes on", |pair| pair["gen"] == 2);
}
