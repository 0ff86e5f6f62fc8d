//! The pointer was written, and nobody heard of it.

use super::*;
use vsync_tests::s3::{Fault, Matcher};
use vsync_tests::wait::until;

fn on_the_pointer() -> Matcher {
    Matcher::method("PUT").key("/manifest")
}

/// After the pointer moved, the daemon must count that push as done and push the next edit.
fn counts_and_goes_on(place: &Place, ann: &Machine, generation: u64) {
    let vault = ann.vault("dev");
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, pushed["outcome"].as_str()), (0, Some("up_to_date")), "{pushed}");
    assert_eq!(ann.wait_state("dev", "ok")["gen"], generation);
    write(&vault, ".env.dev", format!("NEXT={generation}\n"), 0o600);
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, pushed["outcome"].as_str()), (0, Some("published")), "{pushed}");
    assert_eq!(pushed["gen"], generation + 1);
    assert_eq!(place.bundles().len() as u64, generation + 1, "a version was published twice");
}

#[test]
fn a_push_killed_while_it_waits_for_the_answer_counts_as_done() {
    let place = Place::s3();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), ".env.dev", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);

    write(&ann.vault("dev"), ".env.dev", "A=2\n", 0o600);
    let before = place.pointer();
    place.server().fail_next(usize::MAX, on_the_pointer(), Fault::Mute);
    let child = ann.ctl_command(&["push", "dev"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("the pointer is written", || place.pointer() != before);
    ann.kill();
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_ne!(ran.code, 0, "the client was told of a success that nobody confirmed");
    place.server().clear_faults();
    ann.start();
    counts_and_goes_on(&place, &ann, 2);
}

#[test]
fn a_push_killed_before_the_pointer_is_written_counts_as_not_done() {
    let place = Place::s3();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), ".env.dev", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);

    write(&ann.vault("dev"), ".env.dev", "A=2\n", 0o600);
    let puts = place.server().requests("PUT", "/manifest");
    place.server().fail_next(usize::MAX, on_the_pointer(), Fault::Hang);
    let child = ann.ctl_command(&["push", "dev"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("the pointer is being written", || place.server().requests("PUT", "/manifest") > puts);
    ann.kill();
    child.wait_with_output().unwrap();
    place.server().clear_faults();
    ann.start();
    ann.wait_state("dev", "edited");
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, pushed["outcome"].as_str()), (0, Some("published")), "{pushed}");
    assert_eq!(pushed["gen"], 2);
}

#[test]
fn a_lost_answer_is_looked_up() {
    let place = Place::s3();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), ".env.dev", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);

    write(&ann.vault("dev"), ".env.dev", "A=2\n", 0o600);
    place.server().fail_next(1, on_the_pointer(), Fault::LoseAnswer);
    // Looked up at once, or by the next push: never pushed twice and never refused.
    let ran = ann.ctl(&["push", "dev"]);
    assert!([0, 9].contains(&ran.code), "{ran:?}");
    ann.kill();
    ann.start();
    counts_and_goes_on(&place, &ann, 2);
}
