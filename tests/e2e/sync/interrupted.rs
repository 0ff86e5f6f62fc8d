//! Runs that are cut in the middle, by the network, the service or the credential: what is said, with which
//! exit code, and what the next run does.

use serde_json::json;
use vsync_tests::http::{Fault, Matcher, Reply};
use vsync_tests::machine::Machine;
use vsync_tests::team::Place;
use vsync_tests::wait::until;

use super::run::Story;

/// How many secrets a run has.
const MANY: usize = 24;

fn story(value: &str) -> Story {
    let story = Story::with(Machine::new("ann"), Place::folder());
    rewrite(&story, value);
    story
}

fn rewrite(story: &Story, value: &str) {
    story.file(".env.dev", &(0..MANY).map(|n| format!("KEY_{n}={value}-{n}\n")).collect::<String>());
}

fn puts() -> Matcher {
    Matcher::method("PUT").path("/secrets/")
}

/// Of a run that ended so, the numbers: sent, failed.
fn outcome(story: &Story, code: i32) -> (u64, u64) {
    let (ended, answer) = story.json(&[]);
    assert_eq!(ended, code, "{answer}");
    let count = |name: &str| answer["counts"][name].as_u64().unwrap();
    let failures = answer["failures"].as_array().unwrap();
    assert_eq!(failures.len() as u64, count("failed"), "each is named: {answer}");
    assert!(failures.iter().all(|one| one["message"].as_str().is_some_and(|why| !why.is_empty())));
    (count("created") + count("updated"), count("failed"))
}

/// The run after it brings everything to `value`, and the one after that sends nothing.
fn completes(story: &Story, value: &str, left: u64) {
    assert_eq!(outcome(story, 0), (left, 0), "what was sent is not sent again");
    for n in 0..MANY {
        assert_eq!(story.secret(&format!("KEY_{n}")), Some(format!("{value}-{n}")));
    }
    assert_eq!(outcome(story, 0), (0, 0));
}

fn versions(story: &Story) -> Vec<usize> {
    (0..MANY).map(|n| story.hub.versions(Some("dev"), &format!("KEY_{n}"))).collect()
}

#[test]
fn a_network_that_is_cut_leaves_a_rest_for_the_next_run() {
    let story = story("a");
    story.hub.http().fail_next(usize::MAX, puts().after(9), Fault::Drop);
    let (sent, failed) = outcome(&story, 7);
    assert_eq!((sent, failed), (9, 15));
    story.hub.http().clear_faults();
    completes(&story, "a", failed);
    assert_eq!(versions(&story), [1; MANY]);
}

#[test]
fn a_write_whose_answer_is_lost_never_brings_another_value() {
    let story = story("a");
    outcome(&story, 0);
    rewrite(&story, "b");
    story.hub.http().fail_next(usize::MAX, puts().after(9), Fault::LoseAnswer);
    let (_, failed) = outcome(&story, 7);
    assert!(failed > 0);
    // Whether they arrived cannot be known: they are sent again, and are what they are to be.
    story.hub.http().clear_faults();
    completes(&story, "b", failed);
}

#[test]
fn a_service_that_is_busy_is_waited_for() {
    let story = story("a");
    let busy = Reply::json(429, &json!({ "message": "slow down" })).with("retry-after", "1");
    story.hub.http().fail_next(3, puts().after(2), Fault::Answer(busy));
    let begun = std::time::Instant::now();
    assert_eq!(outcome(&story, 0), (MANY as u64, 0));
    assert!(begun.elapsed().as_millis() >= 1000, "it came back before it was asked to");
    assert_eq!(versions(&story), [1; MANY]);
    // One that asks for more than a run can wait is a failure with a name.
    let never = Reply::json(429, &json!({ "message": "come back tomorrow" })).with("retry-after", "86400");
    story.hub.http().fail_next(usize::MAX, puts(), Fault::Answer(never));
    rewrite(&story, "b");
    assert_eq!(outcome(&story, 7), (0, MANY as u64));
    story.hub.http().clear_faults();
    completes(&story, "b", MANY as u64);
}

#[test]
fn a_fault_on_the_third_secret_is_the_only_one() {
    let story = story("a");
    let third = Matcher::method("PUT").path("/secrets/KEY_3");
    story.hub.http().fail_next(usize::MAX, third, Fault::status(500));
    assert_eq!(outcome(&story, 7), (MANY as u64 - 1, 1));
    story.hub.http().clear_faults();
    completes(&story, "a", 1);
}

#[test]
fn a_token_that_expires_in_the_middle_ends_the_run_by_name() {
    let story = story("a");
    story.hub.expire_token_after(12);
    let ran = story.sync(&[]);
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("GH_TOKEN") && ran.stdout.contains("created,"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let sent = story.hub.names(Some("dev")).len() as u64;
    assert!(sent > 0 && sent < MANY as u64, "{sent}");
    // Refused from the start, nothing is tried.
    let (code, answer) = story.json(&[]);
    assert_eq!((code, &answer["error"]["code"]), (6, &json!("target_denied")));
    story.hub.renew_token();
    completes(&story, "a", MANY as u64 - sent);
    assert_eq!(versions(&story), [1; MANY]);
}

#[test]
fn a_service_that_vanishes_before_the_first_write_is_unreachable() {
    let story = story("a");
    story.hub.http().fail_next(usize::MAX, Matcher::any(), Fault::Drop);
    let (code, answer) = story.json(&[]);
    assert_eq!((code, &answer["error"]["code"]), (9, &json!("target_unreachable")));
    assert_eq!(story.puts(), 0);
    story.hub.http().clear_faults();
    let stranger = Reply::json(200, &json!({ "hello": "world" }));
    story.hub.http().fail_next(usize::MAX, Matcher::method("GET"), Fault::Answer(stranger));
    let (code, answer) = story.json(&[]);
    assert_eq!((code, &answer["error"]["code"]), (1, &json!("target_failed")), "{answer}");
    story.hub.http().clear_faults();
    completes(&story, "a", MANY as u64);
}

#[test]
fn what_a_run_had_made_before_it_was_killed_is_ours_to_take_away() {
    let mut story = story("a");
    story.hub.http().fail_next(usize::MAX, puts().after(5), Fault::Hang);
    let mut client = story.command(&["--gh-repo", "acme/web", "-q"]).spawn().unwrap();
    until("five are there", || story.hub.names(Some("dev")).len() == 5);
    story.ann.kill();
    assert_eq!(client.wait().unwrap().code(), Some(3));
    story.hub.http().clear_faults();
    story.ann.start();
    story.hub.set_secret(Some("dev"), "THEIRS", b"x");
    story.file(".env.dev", "KEPT=1\n");
    let (code, answer) = story.json(&["--prune"]);
    assert_eq!((code, &answer["counts"]["removed"]), (0, &json!(5)), "{answer}");
    assert_eq!(story.hub.names(Some("dev")), ["KEPT", "THEIRS"]);
}

#[test]
fn two_clients_at_once_send_each_secret_once_and_the_later_content_last() {
    let story = story("a");
    let slow = Fault::Delay(std::time::Duration::from_millis(100));
    story.hub.http().fail_next(usize::MAX, puts(), slow);
    let client = || story.command(&["--gh-repo", "acme/web", "-q"]).spawn().unwrap();
    let (first, second) = (client(), client());
    until("one of them sends", || story.puts() > 0);
    rewrite(&story, "b");
    let third = client();
    for mut client in [first, second, third] {
        assert!(client.wait().unwrap().success());
    }
    story.hub.http().clear_faults();
    assert!(versions(&story).iter().all(|versions| *versions <= 2), "{:?}", versions(&story));
    completes(&story, "b", 0);
}
