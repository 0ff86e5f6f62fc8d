//! Sending the env file's secrets to where they are used: what comes before, between and after the requests.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vsync_core::format::audit;
use vsync_tests::folder::write;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::http::{Fault, Matcher};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

/// A machine with the environment `dev`, its store, and a GitHub server that has the environment too.
pub(super) struct Story {
    pub(super) ann: Machine,
    place: Place,
    pub(super) hub: GitHubServer,
}

impl Story {
    fn new() -> Self {
        Self::with(Machine::new("ann"), Place::s3())
    }

    pub(super) fn with(mut ann: Machine, place: Place) -> Self {
        ann.start();
        team::init(&ann, &place, "dev");
        let hub = GitHubServer::start("acme/web");
        hub.add_environment("dev");
        Self { ann, place, hub }
    }

    pub(super) fn file(&self, name: &str, content: &str) {
        write(&self.ann.vault("dev"), name, content, 0o600);
    }

    /// `vsyncctl sync dev gh`, with the token in the caller's environment alone.
    pub(super) fn command(&self, flags: &[&str]) -> Command {
        let url = self.hub.url();
        let all = [&["sync", "dev", "gh", "--base-url", &url][..], flags].concat();
        let mut command = self.ann.ctl_command(&all);
        command.env("GH_TOKEN", TOKEN);
        command
    }

    pub(super) fn sync(&self, flags: &[&str]) -> Ran {
        self.command(&[&["--gh-repo", "acme/web"], flags].concat()).output().unwrap().into()
    }

    pub(super) fn json(&self, flags: &[&str]) -> (i32, Value) {
        let ran = self.sync(&[&["--json"], flags].concat());
        let value = serde_json::from_str(&ran.stdout);
        (ran.code, value.unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr)))
    }

    /// How many secrets were written.
    pub(super) fn puts(&self) -> usize {
        self.hub.http().requests("PUT", "/secrets/")
    }

    pub(super) fn secret(&self, name: &str) -> Option<String> {
        self.hub.secret(Some("dev"), name).map(|value| String::from_utf8(value).unwrap())
    }
}

#[test]
fn what_differs_is_sent_once() {
    let story = Story::new();
    story.file(".env.dev", "A=1\nKEY_FILE=keys/k\nGITHUB_TOKEN_FILE=none\n");
    story.file("keys/k", "two\nlines\n");
    let planned = story.sync(&["--dry-run"]);
    assert_eq!((planned.code, story.puts()), (0, 0), "{}", planned.stderr);
    assert!(planned.stdout.contains("2 to create; nothing was sent (dry run)"), "{}", planned.stdout);

    let first = story.sync(&["-v"]);
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    let told = ["policy: keys ending in _PATH, _FILE", "credential: GH_TOKEN", "create     KEY", "2 created"];
    let places: Vec<_> = told.iter().map(|part| first.stdout.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", first.stdout);
    assert_eq!(story.secret("A").as_deref(), Some("1"));
    assert_eq!(story.secret("KEY").as_deref(), Some("two\nlines\n"));

    let (code, second) = story.json(&[]);
    assert_eq!((code, story.puts()), (0, 2), "the second run sends nothing");
    assert_eq!(second["counts"]["unchanged"], 2);
    story.file(".env.dev", "A=2\nKEY_FILE=keys/k\n");
    let (_, third) = story.json(&[]);
    assert_eq!((&third["counts"]["updated"], story.puts()), (&json!(1), 3));
    story.hub.set_secret(Some("dev"), "A", b"theirs");
    let (_, found) = story.json(&[]);
    assert_eq!(found["steps"][0], json!({"name": "A", "action": "update", "why": null, "foreign": true}));
    assert_eq!(story.secret("A").as_deref(), Some("2"));
    let (_, all) = story.json(&["--all"]);
    assert_eq!(all["counts"]["updated"], 2);
}

#[test]
fn one_missing_file_among_fifty_keys_is_one_error_and_no_request() {
    let story = Story::new();
    let mut text: String = (0..48).map(|n| format!("KEY_{n}=value-{n}\n")).collect();
    text.insert_str(0, "FIRST_PATH=keys/missing\n");
    text += "LAST_FILE=keys\n";
    story.file(".env.dev", &text);
    story.file("keys/other", "x");
    let ran = story.sync(&[]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    let vault = story.ann.vault("dev");
    let missing = format!("FIRST_PATH: file not found at {}/keys/missing", vault.display());
    for part in ["2 file reference(s) could not be resolved", &missing, "LAST_FILE: "] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let (code, value) = story.json(&["--dry-run"]);
    assert_eq!((code, &value["error"]["code"]), (1, &json!("env_file_invalid")));
    fs::remove_file(vault.join(".env.dev")).unwrap();
    assert_eq!(story.json(&[]).1["error"]["code"], "env_file_invalid");
    assert!(story.hub.http().log().is_empty(), "{:?}", story.hub.http().log());
}

#[test]
fn names_that_the_target_forbids_stop_everything_before_it_is_asked() {
    let story = Story::new();
    story.file(".env.dev", "A=1\nGITHUB_X=2\nB-C=3\n");
    let (code, value) = story.json(&[]);
    assert_eq!((code, &value["error"]["code"]), (1, &json!("secret_refused")));
    let message = value["error"]["message"].as_str().unwrap();
    assert!(message.contains("GITHUB_X (line 2)") && message.contains("B-C (line 3)"), "{message}");
    assert!(story.hub.http().log().is_empty());
    let (code, planned) = story.json(&["--dry-run"]);
    assert_eq!(
        (code, &planned["counts"]["refused"], &planned["counts"]["created"]),
        (1, &json!(2), &json!(1))
    );
    let left_out = ["--exclude-property", "GITHUB_X", "--exclude-property", "B-C"];
    let (code, sent) = story.json(&left_out);
    assert_eq!((code, &sent["counts"]["created"]), (0, &json!(1)));
}

#[test]
fn some_failed_is_a_result_of_its_own_and_the_next_run_completes() {
    let story = Story::new();
    let text: String = (0..12).map(|n| format!("KEY_{n}=value-{n}\n")).collect();
    story.file(".env.dev", &text);
    let broken = || Matcher::method("PUT").path("/secrets/KEY_3");
    story.hub.http().fail_next(usize::MAX, broken(), Fault::status(500));
    let ran = story.sync(&[]);
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("11 created, 1 failed"), "{}", ran.stdout);
    assert!(ran.stderr.contains("failed: KEY_3: ") && ran.stderr.contains("500"), "{}", ran.stderr);
    let (code, value) = story.json(&[]);
    assert_eq!((code, &value["failures"][0]["name"]), (7, &json!("KEY_3")));
    assert_eq!(value["counts"]["unchanged"], 11);
    story.hub.http().clear_faults();
    let (code, rest) = story.json(&[]);
    assert_eq!((code, &rest["counts"]["created"], &rest["counts"]["unchanged"]), (0, &json!(1), &json!(11)));
    assert!((0..12).all(|n| story.hub.versions(Some("dev"), &format!("KEY_{n}")) == 1));

    // One row for each run that got as far as sending; names and values are in none.
    let rows = || {
        let log = story.place.server().get_raw("acme_web/dev/audit.csv");
        let rows = log.map(|object| audit::read(&object.body)).unwrap_or_default();
        rows.into_iter().filter(|row| row.action == "sync").collect::<Vec<_>>()
    };
    until("the rows are there", || rows().len() == 3);
    let meta: Value = serde_json::from_str(&rows()[0].meta).unwrap();
    let counts =
        json!({"target": "gh", "created": 11, "updated": 0, "unchanged": 0, "removed": 0, "failed": 1});
    assert_eq!(meta, counts);
}

#[test]
fn nothing_was_tried_has_the_exit_code_of_its_reason() {
    let story = Story::new();
    story.file(".env.dev", "A=1\n");
    let reason = |flags: &[&str]| {
        let (code, value) = story.json(flags);
        (code, value["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    story.hub.expire_token();
    assert_eq!(reason(&[]), (6, "target_denied".into()));
    story.hub.renew_token();
    story.hub.http().offline(true);
    assert_eq!(reason(&[]), (9, "target_unreachable".into()));
    story.hub.http().offline(false);
    let no_token = story.ann.ctl(&[
        "--json",
        "sync",
        "dev",
        "gh",
        "--gh-repo",
        "acme/web",
        "--base-url",
        &story.hub.url(),
    ]);
    assert_eq!(
        (no_token.code, no_token.stdout.contains("no_target_credential")),
        (6, true),
        "{}",
        no_token.stdout
    );
    let (code, value) = {
        let ran: Ran = story.command(&["--json"]).output().unwrap().into();
        (ran.code, serde_json::from_str::<Value>(&ran.stdout).unwrap())
    };
    assert_eq!((code, &value["error"]["code"]), (2, &json!("routing_missing")));
    assert_eq!(story.puts(), 0);
}

#[test]
fn routing_is_kept_once_the_target_has_taken_it() {
    let story = Story::new();
    story.file(".env.dev", "A=1\n");
    let bare = || -> Ran { story.command(&[]).output().unwrap().into() };
    assert_eq!(story.sync(&["--dry-run"]).code, 0);
    assert_eq!(bare().code, 2, "a dry run keeps nothing");
    assert_eq!(story.sync(&[]).code, 0);
    let again = bare();
    assert_eq!(again.code, 0, "{}", again.stderr);
    // A push in between, which writes the same configuration, loses nothing.
    story.ann.ok(&["push", "dev"]);
    assert_eq!(bare().code, 0);
}

#[test]
fn a_missing_environment_is_named_with_the_flag_that_makes_it() {
    let story = Story::new();
    story.ann.ok(&["init", "prod", "--profile", "test"]);
    write(&story.ann.vault("prod"), ".env.prod", "A=1\n", 0o600);
    let url = story.hub.url();
    let sync = |flags: &[&str]| -> Ran {
        let all = [&["sync", "prod", "gh", "--base-url", &url, "--gh-repo", "acme/web"][..], flags].concat();
        story.ann.ctl_command(&all).env("GH_TOKEN", TOKEN).output().unwrap().into()
    };
    let refused = sync(&[]);
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("'prod'") && refused.stderr.contains("--create-environment"),
        "{}",
        refused.stderr
    );
    assert_eq!(sync(&["--dry-run", "--create-environment"]).code, 0);
    assert_eq!(story.hub.environments(), ["dev"], "a dry run makes none");
    assert_eq!(sync(&["--create-environment"]).code, 0);
    assert_eq!(story.hub.secret(Some("prod"), "A").as_deref(), Some(&b"1"[..]));
}

#[test]
fn the_folder_counts_as_it_is_and_what_was_not_pushed_is_said() {
    let story = Story::new();
    story.file(".env.dev", "A=1\n");
    let (_, never) = story.json(&[]);
    assert_eq!((&never["folder_differs"], story.secret("A").as_deref()), (&json!(true), Some("1")));
    story.ann.ok(&["push", "dev"]);
    let (_, same) = story.json(&[]);
    assert_eq!((&same["folder_differs"], &same["warnings"]), (&json!(false), &json!([])));
    story.file(".env.dev", "A=2\n");
    // Also when the store is not there: only the folder counts.
    story.place.server().offline(true);
    let edited = story.sync(&[]);
    assert_eq!((edited.code, story.secret("A").as_deref()), (0, Some("2")), "{}", edited.stderr);
    assert!(edited.stderr.contains("vsyncctl push dev"), "{}", edited.stderr);
}

#[test]
fn a_daemon_that_dies_in_the_middle_leaves_a_run_that_can_be_taken_up() {
    let mut story = Story::with(Machine::new("ann"), Place::folder());
    let text = |value: &str| (0..20).map(|n| format!("KEY_{n}={value}\n")).collect::<String>();
    story.file(".env.dev", &text("old"));
    assert_eq!(story.sync(&[]).code, 0);
    story.file(".env.dev", &text("new"));
    story.hub.http().fail_next(usize::MAX, Matcher::method("PUT").path("/secrets/").after(7), Fault::Hang);
    let mut client = story.command(&["--gh-repo", "acme/web"]).spawn().unwrap();
    until("it hangs half way", || story.puts() >= 20 + 8);
    story.ann.kill();
    assert_eq!(client.wait().unwrap().code(), Some(3));
    story.hub.http().clear_faults();
    story.ann.start();
    let (code, _) = story.json(&[]);
    assert_eq!(code, 0);
    assert!((0..20).all(|n| story.secret(&format!("KEY_{n}")).as_deref() == Some("new")));
    let (_, calm) = story.json(&[]);
    assert_eq!(calm["counts"]["unchanged"], 20);
}

#[test]
fn what_has_begun_is_finished_when_the_client_leaves() {
    let story = Story::with(Machine::new("ann"), Place::folder());
    story.file(".env.dev", &(0..30).map(|n| format!("KEY_{n}=1\n")).collect::<String>());
    let slow = Fault::Delay(std::time::Duration::from_millis(50));
    story.hub.http().fail_next(usize::MAX, Matcher::method("PUT"), slow);
    let mut client = story.command(&["--gh-repo", "acme/web"]).spawn().unwrap();
    until("it sends", || story.puts() > 0);
    client.kill().unwrap();
    client.wait().unwrap();
    until("it is finished", || story.hub.names(Some("dev")).len() == 30);
    story.hub.http().clear_faults();
    let (_, calm) = story.json(&[]);
    assert_eq!(calm["counts"]["unchanged"], 30, "and remembered");
}

/// All that the daemon and what it speaks HTTP with can log.
const EVERYTHING: &str =
    "trace,aws_smithy_runtime=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace";

#[test]
fn no_value_is_printed_logged_or_kept() {
    let canary = "canary-0c9f24-plum";
    let story = Story::with(Machine::new("ann").with("RUST_LOG", EVERYTHING), Place::s3());
    story.file(".env.dev", &format!("A={canary}\nB_FILE=b\nC={canary}\n"));
    story.file("b", canary);
    story.hub.http().fail_next(1, Matcher::method("PUT"), Fault::LoseAnswer);
    story.hub.http().fail_next(usize::MAX, Matcher::method("PUT").path("/secrets/C"), Fault::status(400));
    for flags in [&["-v"][..], &["--json"], &["--dry-run"], &["--all", "-v"]] {
        let ran = story.sync(flags);
        let printed = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!printed.contains(canary) && !printed.contains(TOKEN), "{printed}");
    }
    let log = story.ann.log();
    assert!(log.contains("TRACE"), "the log is as talkative as can be");
    assert!(!log.contains(canary) && !log.contains(TOKEN), "a secret was logged");
    for folder in ["state", "config", "cache", "run"] {
        look_through(&story.ann.path(folder), &[canary, TOKEN]);
    }
}

fn look_through(folder: &Path, secrets: &[&str]) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            look_through(&path, secrets);
        } else if path.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{}", path.display());
        }
    }
}
