//! What comes with the vault is somebody else's word: addresses, files outside of it, secrets that others
//! wrote.

use serde_json::{Value, json};
use vsync_tests::folder::write;
use vsync_tests::machine::Machine;
use vsync_tests::team::Place;

use super::run::Story;

fn story() -> Story {
    Story::with(Machine::new("ann"), Place::folder())
}

#[test]
fn a_credential_goes_to_no_address_that_came_with_the_env_file() {
    let story = story();
    story.file(".env.dev", "A=1\nGITHUB_REPO=https://hub.invalid/acme/web\n");
    let sync = |more: &[&str], host: Option<&str>| {
        let mut command = story.ann.ctl_command(&[&["--json", "sync", "dev", "gh"][..], more].concat());
        command.env("GH_TOKEN", "ghp_nobody").envs(host.map(|host| ("GH_HOST", host)));
        let output = command.output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), answer["error"].clone())
    };
    for more in [&[][..], &["--dry-run"]] {
        let (code, error) = sync(more, None);
        assert_eq!((code, &error["code"]), (2, &json!("routing_missing")), "{error}");
        assert!(error["message"].as_str().unwrap().contains("https://hub.invalid"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("--gh-repo"), "{error}");
    }
    // Whoever names it gets as far as the network.
    assert_eq!(sync(&["--gh-repo", "https://hub.invalid/acme/web"], None).0, 9);
    assert_eq!(sync(&[], Some("hub.invalid")).0, 9);
}

#[test]
fn the_plan_shows_files_from_outside_of_the_vault() {
    let story = story();
    write(&story.ann.path(""), "id", "a private key", 0o600);
    story.file(".env.dev", "A=1\nKEY_FILE=~/id\nIN_FILE=in\n");
    story.file("in", "x");
    let outside = story.ann.path("id").display().to_string();
    let planned = story.sync(&["--dry-run"]);
    assert!(
        planned.stdout.contains(&format!("KEY: from {outside}, outside the vault")),
        "{}",
        planned.stdout
    );
    let (_, answer) = story.json(&[]);
    let told = answer["steps"].as_array().unwrap().iter().filter(|step| !step["why"].is_null()).count();
    assert_eq!((told, story.secret("KEY").as_deref()), (1, Some("a private key")), "{answer}");
}

#[test]
fn what_others_have_changed_since_is_not_pruned() {
    let story = story();
    story.file(".env.dev", "A=1\nB=1\nC=1\n");
    assert_eq!(story.json(&[]).0, 0);
    story.hub.set_secret(Some("dev"), "B", b"theirs");
    story.hub.set_secret(Some("dev"), "D", b"theirs");
    story.file(".env.dev", "A=1\n");
    let (code, answer) = story.json(&["--prune"]);
    assert_eq!((code, &answer["counts"]["removed"], &answer["counts"]["stale"]), (0, &json!(1), &json!(1)));
    assert_eq!(story.hub.names(Some("dev")), ["A", "B", "D"]);
    let shown = story.sync(&["--prune"]);
    assert!(shown.stdout.contains("stale      B (changed there by somebody else"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("--prune removes"), "{}", shown.stdout);
}

#[test]
fn a_key_that_is_spelled_otherwise_is_not_pruned_as_another_one() {
    let story = story();
    story.file(".env.dev", "token=1\nOTHER=1\n");
    assert_eq!(story.json(&[]).0, 0);
    story.file(".env.dev", "TOKEN=1\nOTHER=1\n");
    let (code, answer) = story.json(&["--prune"]);
    assert_eq!((code, &answer["counts"]["removed"]), (0, &json!(0)), "{answer}");
    assert_eq!(story.hub.names(Some("dev")), ["OTHER", "TOKEN"]);
    assert_eq!(story.json(&["--prune"]).1["counts"]["unchanged"], 2);
}

#[test]
fn flags_of_another_target_are_a_mistake_of_usage() {
    let story = story();
    story.file(".env.dev", "A=1\n");
    for wrong in [&["--gcp-project", "p"][..], &["--replace"], &["--vault-addr", "http://127.0.0.1:1"]] {
        let (code, answer) = story.json(wrong);
        assert_eq!((code, &answer["error"]["code"]), (2, &json!("usage")), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(wrong[0]), "{answer}");
    }
    assert!(story.hub.http().log().is_empty());
}
