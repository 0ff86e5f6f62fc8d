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
fn texts_arrive_byte_for_byte_and_bytes_are_refused_by_name() {
    let (ann, server, _place) = bench("ann", TOKEN);
    let large = "0123456789abcdef\n".repeat(2410);
    write(&ann.vault("dev"), "keys/large", &large, 0o600);
    write(&ann.vault("dev"), "keys/line", "one line\n", 0o600);
    write(&ann.vault("dev"), "keys/none", "", 0o600);
    write(&ann.vault("dev"), "keys/bytes", [0, 0xff, b'\n'], 0o600);
    let text = "LARGE_FILE=keys/large\nLINE_FILE=keys/line\nNONE_FILE=keys/none\nU=grüße 🔑 \"\\\n";
    env_file(&ann, &format!("{text}BYTES_FILE=keys/bytes\n"));
    let (code, answer) = sync(&ann, &[]);
    assert_eq!((code, &answer["error"]["code"]), (1, &json!("secret_refused")));
    assert!(answer["error"]["message"].as_str().unwrap().contains("BYTES (line 5)"), "{answer}");
    assert_eq!(server.http().log(), [], "not one request");
    env_file(&ann, text);
    assert_eq!(counts(&ann, &[]), json!({ "created": 4 }));
    let expected = json!({ "LARGE": large, "LINE": "one line\n", "NONE": "", "U": "grüße 🔑 \"\\" });
    assert_eq!(server.map(PATH), expected);
}

#[test]
fn everything_is_written_and_everything_else_taken_away_when_asked() {
    let (ann, server, _place) = bench("ann", TOKEN);
    env_file(&ann, "A=1\nB=1\n");
    assert_eq!(counts(&ann, &[]), json!({ "created": 2 }));
    assert_eq!(counts(&ann, &["--all"]), json!({ "updated": 2 }));
    assert_eq!(server.version(PATH), 2, "the same content is a version too");
    server.set(PATH, json!({ "A": "1", "B": "1", "THEIRS": "x" }));
    env_file(&ann, "A=1\n");
    assert_eq!(counts(&ann, &["--replace", "--dry-run"]), json!({ "unchanged": 1, "removed": 2 }));
    assert_eq!(counts(&ann, &["--replace"]), json!({ "unchanged": 1, "removed": 2 }));
    assert_eq!(server.map(PATH), json!({ "A": "1" }), "what an earlier run sent goes too");
}

#[test]
fn a_write_that_is_cut_is_done_by_the_next_run() {
    let (ann, server, _place) = bench("ann", TOKEN);
    env_file(&ann, "A=value of a\nB=2\n");
    server.http().fail_next(usize::MAX, Matcher::method("POST"), Fault::Drop);
    let (code, answer) = sync(&ann, &[]);
    assert_eq!((code, &answer["counts"]["failed"]), (7, &json!(2)), "{answer}");
    assert!(!answer.to_string().contains("value of a"), "{answer}");
    server.http().clear_faults();
    server.http().fail_next(1, Matcher::method("POST"), Fault::status(503));
    assert_eq!(counts(&ann, &[]), json!({ "created": 2 }));
    assert_eq!((server.version(PATH), counts(&ann, &[])), (1, json!({ "unchanged": 2 })));
    server.set(PATH, json!({ "A": "value of a", "B": "changed there" }));
    let (_, answer) = sync(&ann, &["--dry-run"]);
    let found = json!({ "name": "B", "action": "update", "why": null, "foreign": true });
    assert_eq!(answer["steps"][1], found, "{answer}");
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
