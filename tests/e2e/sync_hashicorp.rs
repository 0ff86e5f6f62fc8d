//! From the env file to a KV v2 engine: `sync hashicorp`.

use serde_json::{Value, json};
use vsync_tests::folder::write;
use vsync_tests::http::{Fault, Matcher};
use vsync_tests::kv2::{Kv2Server, READER, TOKEN};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

const PATH: &str = "acme_web/dev";

fn bench(name: &str, token: &str) -> (Machine, Kv2Server, Place) {
    let (place, server) = (Place::folder(), Kv2Server::start());
    let mut machine = Machine::new(name).with("VAULT_TOKEN", token).with("VAULT_ADDR", &server.url());
    machine.start();
    team::init(&machine, &place, "dev");
    (machine, server, place)
}

fn env_file(machine: &Machine, text: &str) {
    write(&machine.vault("dev"), ".env.dev", text, 0o600);
}

fn sync(machine: &Machine, more: &[&str]) -> (i32, Value) {
    machine.json(&[&["sync", "dev", "vault"], more].concat())
}

/// The counts that are not zero.
fn counts(machine: &Machine, more: &[&str]) -> Value {
    let (code, mut answer) = sync(machine, more);
    assert_eq!(code, 0, "{answer}");
    let counts = answer["counts"].as_object_mut().expect("counts");
    counts.retain(|_, number| *number != 0);
    Value::Object(counts.clone())
}

#[test]
fn one_write_brings_everything_and_leaves_what_others_keep() {
    let (ann, server, _place) = bench("ann", TOKEN);
    server.set(PATH, json!({ "THEIRS": { "n": 1 }, "A": "old" }));
    env_file(&ann, "A=grüße 🔑\nB=\nC=x # y\n");
    assert_eq!(counts(&ann, &["--dry-run"]), json!({ "created": 2, "updated": 1 }));
    assert_eq!(counts(&ann, &[]), json!({ "created": 2, "updated": 1 }));
    assert_eq!(server.map(PATH), json!({ "THEIRS": { "n": 1 }, "A": "grüße 🔑", "B": "", "C": "x # y" }));
    assert_eq!(server.http().requests("POST", ""), 1);
    assert_eq!(counts(&ann, &[]), json!({ "unchanged": 3 }));
    assert_eq!(server.version(PATH), 2, "the second run writes nothing");

    server.set(PATH, json!({ "THEIRS": 1, "A": "changed there", "B": "", "C": "x # y" }));
    assert_eq!(counts(&ann, &[]), json!({ "updated": 1, "unchanged": 2 }));
    assert_eq!(server.map(PATH)["A"], "grüße 🔑");

    env_file(&ann, "A=new\n");
    assert_eq!(counts(&ann, &["--prune"]), json!({ "updated": 1, "removed": 2 }));
    assert_eq!(server.map(PATH), json!({ "THEIRS": 1, "A": "new" }));
    env_file(&ann, "A=newer\n");
    let (code, answer) = sync(&ann, &["--replace"]);
    assert_eq!((code, server.map(PATH)), (0, json!({ "A": "newer" })), "{answer}");
}

#[test]
fn a_race_is_won_without_taking_anything_from_the_other() {
    let (ann, server, _place) = bench("ann", TOKEN);
    env_file(&ann, "A=1\n");
    server.race(2, "THEIRS", json!("kept"));
    assert_eq!(counts(&ann, &[]), json!({ "created": 1 }));
    assert_eq!(server.map(PATH), json!({ "A": "1", "THEIRS": "kept" }));
    env_file(&ann, "A=2\n");
    server.http().fail_next(1, Matcher::method("POST"), Fault::LoseAnswer);
    assert_eq!(counts(&ann, &[]), json!({ "updated": 1 }));
    assert_eq!((server.version(PATH), &server.map(PATH)["A"]), (4, &json!("2")));
}

#[test]
fn what_is_in_the_way_is_named_and_has_its_exit_code() {
    let (ann, server, _place) = bench("ann", READER);
    env_file(&ann, "A=value of a\n");
    let (code, answer) = sync(&ann, &[]);
    let told = answer.to_string();
    assert!(code == 7 && told.contains("capabilities") && !told.contains("value of a"), "{code} {told}");
    let (code, answer) = sync(&ann, &["--vault-mount", "old"]);
    assert!(code == 1 && answer.to_string().contains("enable-versioning"), "{code} {answer}");
    server.seal(true);
    assert_eq!(sync(&ann, &["--vault-mount", "secret"]).0, 9);
}
