//! From the env file to GitHub: `sync gh`.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};
use vsync_tests::folder::write;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::http::{Fault, Matcher, Reply};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

const REPOSITORY: &str = "acme/web";

/// A running machine with the environment `dev`, and a GitHub that has an environment of that name.
fn bench(name: &str) -> (Machine, GitHubServer, Place) {
    let (place, server) = (Place::folder(), GitHubServer::start(REPOSITORY));
    server.add_environment("dev");
    let mut machine = Machine::new(name).with("GH_TOKEN", TOKEN);
    machine.start();
    team::init(&machine, &place, "dev");
    (machine, server, place)
}

fn env_file(machine: &Machine, text: &str) {
    write(&machine.vault("dev"), ".env.dev", text, 0o600);
}

fn numbered(count: usize) -> String {
    (0..count).map(|number| format!("S{number:03}=value of {number}\n")).collect()
}

fn arguments<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = ["sync", "dev", "gh", "--gh-repo", REPOSITORY, "--base-url", url];
    base.iter().chain(more).copied().collect()
}

fn sync(machine: &Machine, server: &GitHubServer, more: &[&str]) -> (i32, Value) {
    machine.json(&arguments(&server.url(), more))
}

/// The counts that are not zero.
fn counts(machine: &Machine, server: &GitHubServer, more: &[&str]) -> Value {
    let (code, mut answer) = sync(machine, server, more);
    assert_eq!(code, 0, "{answer}");
    let counts = answer["counts"].as_object_mut().expect("counts");
    counts.retain(|_, number| *number != 0);
    Value::Object(counts.clone())
}

#[test]
fn every_value_arrives_and_only_changes_are_sent_again() {
    let (ann, server, _place) = bench("ann");
    let binary: Vec<u8> = (0..=255).cycle().take(40 * 1024).collect();
    fs::create_dir_all(ann.vault("dev").join("keys")).unwrap();
    fs::write(ann.vault("dev").join("keys/blob"), &binary).unwrap();
    env_file(&ann, "TEXT=grüße 🔑\nEMPTY=\nBLOB_FILE=keys/blob\nGITHUB_REPO=not/this\nGITHUB_TOKEN=\n");
    assert_eq!(counts(&ann, &server, &["--dry-run"]), json!({ "created": 3 }));
    assert_eq!(server.http().requests("PUT", ""), 0, "a dry run sends nothing");
    assert_eq!(counts(&ann, &server, &[]), json!({ "created": 3 }));
    assert_eq!(server.names(Some("dev")), ["BLOB", "EMPTY", "TEXT"]);
    assert_eq!(server.secret(Some("dev"), "BLOB"), Some(binary));
    assert_eq!(server.secret(Some("dev"), "TEXT"), Some("grüße 🔑".into()));
    assert_eq!(server.secret(Some("dev"), "EMPTY"), Some(Vec::new()));

    server.http().forget_log();
    // The repository was kept from the run before.
    let (code, answer) = ann.json(&["sync", "dev", "gh", "--base-url", &server.url()]);
    assert_eq!((code, &answer["counts"]["unchanged"]), (0, &json!(3)), "{answer}");
    assert_eq!(server.http().requests("PUT", ""), 0, "nothing has changed");

    env_file(&ann, "TEXT=another\nEMPTY=\nBLOB_FILE=keys/blob\n");
    assert_eq!(counts(&ann, &server, &[]), json!({ "updated": 1, "unchanged": 2 }));
    assert_eq!((server.http().requests("PUT", ""), server.versions(Some("dev"), "TEXT")), (1, 2));

    server.set_secret(Some("dev"), "EMPTY", b"by somebody else");
    let (_, answer) = sync(&ann, &server, &[]);
    let steps = answer["steps"].as_array().unwrap();
    let foreign: Vec<&Value> = steps.iter().filter(|step| step["foreign"] == true).collect();
    assert_eq!((foreign.len(), &foreign[0]["name"]), (1, &json!("EMPTY")), "{answer}");
    assert_eq!(server.secret(Some("dev"), "EMPTY"), Some(Vec::new()));

    env_file(&ann, "TEXT=another\n");
    assert_eq!(counts(&ann, &server, &[]), json!({ "unchanged": 1, "stale": 2 }));
    assert_eq!(counts(&ann, &server, &["--prune"]), json!({ "unchanged": 1, "removed": 2 }));
    assert_eq!(server.names(Some("dev")), ["TEXT"]);
    assert_eq!(counts(&ann, &server, &["--gh-scope=repo"]), json!({ "created": 1 }));
    assert_eq!(server.secret(None, "TEXT"), Some(b"another".to_vec()));
}

#[test]
fn a_file_with_missing_references_asks_nobody() {
    let (ann, server, _place) = bench("ann");
    let text: String = (0..50).map(|n| format!("K{n}=v\n")).collect();
    env_file(&ann, &format!("{text}ONE_FILE=no/such\nTWO_PATH=neither\n"));
    let (code, answer) = sync(&ann, &server, &[]);
    let told = answer.to_string();
    assert!(code == 1 && told.contains("ONE_FILE") && told.contains("TWO_PATH"), "{code} {told}");
    assert_eq!(server.http().log(), [], "not one request");
}

#[test]
fn what_is_in_the_way_is_named_and_has_its_exit_code() {
    let (ann, server, _place) = bench("ann");
    env_file(&ann, "A=value of a\n");
    let refused = |more: &[&str]| {
        let (code, answer) = sync(&ann, &server, more);
        (code, format!("{} {}", answer["error"]["message"], answer["error"]["hint"]))
    };
    server.expire_token();
    let (code, text) = refused(&[]);
    assert!(code == 6 && text.contains("GH_TOKEN") && !text.contains(TOKEN), "{code} {text}");
    server.renew_token();
    server.http().offline(true);
    assert_eq!(refused(&[]).0, 9);
    server.http().offline(false);
    let other = GitHubServer::start(REPOSITORY);
    let (code, answer) = sync(&ann, &other, &[]);
    assert!(code != 0 && answer.to_string().contains("--create-environment"), "{code} {answer}");
    assert_eq!(counts(&ann, &other, &["--create-environment"]), json!({ "created": 1 }));
    assert_eq!(other.environments(), ["dev"]);
}

#[test]
fn a_run_that_fails_in_part_says_so_and_the_next_one_completes_it() {
    let (ann, server, _place) = bench("ann");
    env_file(&ann, &numbered(20));
    let busy = Reply::json(429, &json!({ "message": "slow down" })).with("retry-after", "1");
    server.http().fail_next(2, Matcher::method("PUT"), Fault::Answer(busy));
    server.http().fail_next(usize::MAX, Matcher::method("PUT").path("/S002"), Fault::status(500));
    let (code, answer) = sync(&ann, &server, &[]);
    assert_eq!((code, &answer["counts"]["created"], &answer["counts"]["failed"]), (7, &json!(19), &json!(1)));
    assert_eq!(answer["failures"][0]["name"], "S002", "{answer}");
    assert!(!answer.to_string().contains("value of 2"), "{answer}");
    server.http().clear_faults();
    assert_eq!(counts(&ann, &server, &[]), json!({ "created": 1, "unchanged": 19 }));

    env_file(&ann, &numbered(60));
    server.expire_token_after(10);
    let (code, answer) = sync(&ann, &server, &[]);
    assert_eq!(code, 7, "{answer}");
    server.renew_token();
    let (code, answer) = sync(&ann, &server, &[]);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(server.names(Some("dev")).len(), 60);
    let twice: Vec<String> =
        server.names(Some("dev")).into_iter().filter(|name| server.versions(Some("dev"), name) > 1).collect();
    assert_eq!(twice, [""; 0], "nothing was written twice");
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_leaves_nothing_that_a_second_run_does_not_mend() {
    let (mut ann, server, _place) = bench("ann");
    env_file(&ann, &numbered(100));
    server.http().fail_next(usize::MAX, Matcher::method("PUT").after(60), Fault::Hang);
    let url = server.url();
    let mut running = ann.ctl_command(&arguments(&url, &[])).stdout(Stdio::null()).spawn().unwrap();
    until("some are written", || server.http().requests("PUT", "") > 60);
    ann.kill();
    assert!(!running.wait().unwrap().success());
    server.http().clear_faults();
    ann.start();
    let (code, answer) = sync(&ann, &server, &[]);
    assert_eq!(code, 0, "{answer}");
    let right = |number: usize| {
        let value = server.secret(Some("dev"), &format!("S{number:03}"));
        value == Some(format!("value of {number}").into_bytes())
    };
    assert!((0..100).all(right));
    server.http().forget_log();
    assert_eq!(counts(&ann, &server, &[]), json!({ "unchanged": 100 }));
    assert_eq!(server.http().requests("PUT", ""), 0);
}

#[test]
fn no_secret_is_left_behind() {
    const CANARY: &str = "canary-7f3a91c2";
    let (place, server) = (Place::folder(), GitHubServer::start(REPOSITORY));
    server.add_environment("dev");
    let mut ann = Machine::new("ann").with("GH_TOKEN", TOKEN).with("RUST_LOG", "trace");
    ann.start();
    team::init(&ann, &place, "dev");
    env_file(&ann, &format!("A={CANARY}\nB={CANARY}-b\n"));
    server.http().fail_next(usize::MAX, Matcher::method("PUT").path("/B"), Fault::status(500));
    let shown = ann.ctl(&arguments(&server.url(), &["-v"]));
    assert_eq!(shown.code, 7);
    let said = format!("{}{}{}", shown.stdout, shown.stderr, ann.log());
    assert!(shown.stdout.contains("GH_TOKEN"), "the credential's place is told:\n{}", shown.stdout);
    for secret in [CANARY, TOKEN] {
        assert!(!said.contains(secret), "{secret} was shown");
        let known = vsync_tests::folder::read(&ann.path("state"));
        let holds = |entry: &vsync_tests::folder::Entry| match entry {
            vsync_tests::folder::Entry::File { content, .. } => {
                content.windows(secret.len()).any(|window| window == secret.as_bytes())
            }
            vsync_tests::folder::Entry::Folder => false,
        };
        let found: Vec<&String> =
            known.iter().filter(|(_, entry)| holds(entry)).map(|(name, _)| name).collect();
        assert_eq!(found, [""; 0], "{secret} is in the state folder");
    }
}
