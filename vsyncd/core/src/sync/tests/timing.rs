//! When a worker looks.

use std::time::Duration;

use super::super::*;
use super::world::*;

fn count(world: &mut World, wanted: Kind) -> usize {
    world.kinds().iter().filter(|kind| **kind == wanted).count()
}

#[test]
fn all_well_means_a_poll_per_interval_and_a_look_now_and_then() {
    let mut world = World::synced(1);
    world.pass(Duration::from_secs(3600));
    let kinds = world.kinds();
    let heads = kinds.iter().filter(|kind| **kind == Kind::Head).count();
    let looks = kinds.iter().filter(|kind| **kind == Kind::Look).count();
    assert!((240..=300).contains(&heads), "{heads}");
    assert!((20..=26).contains(&looks), "{looks}");
    assert_eq!(kinds.len(), heads + looks);
}

#[test]
fn an_outage_keeps_the_content_and_is_polled_with_back_off() {
    let mut world = World::synced(1);
    world.up = false;
    world.pass(Duration::from_secs(3600));
    assert_eq!((world.state(), world.folder), (State::Offline, Some(1)));
    let heads = count(&mut world, Kind::Head);
    // Drawn from nothing to a minute: about two a minute.
    assert!((80..=180).contains(&heads), "{heads}");
    assert!(matches!(world.ask(push(false)), Err(Problem::Unreachable(_))));
    assert!(matches!(world.ask(pull(PullMode::Plain)), Err(Problem::Unreachable(_))));
}

#[test]
fn a_wake_up_polls_once_and_at_once() {
    let mut world = World::synced(1);
    world.skip(Duration::from_secs(1));
    world.log.clear();
    world.send(Event::PollNow);
    world.settle();
    assert_eq!(world.kinds(), [Kind::Head]);
    world.pass(Duration::from_secs(11));
    assert_eq!(world.kinds(), [], "no backlog");
}

#[test]
fn a_wake_up_does_not_wait_for_a_poll_that_hangs() {
    let mut world = World::synced(1);
    world.pause = Some(Kind::Head);
    world.pass(Duration::from_secs(15));
    assert_eq!(world.kinds(), [Kind::Head]);
    world.send(Event::PollNow);
    assert_eq!(world.kinds(), [Kind::Abort, Kind::Head]);
}

#[test]
fn a_poll_that_never_ends_is_given_up() {
    let mut world = World::synced(1);
    world.pause = Some(Kind::Head);
    world.pass(Duration::from_secs(15) + backoff::cap(POLICY.poll));
    assert_eq!(world.state(), State::Offline);
    world.pause = None;
    world.pass(backoff::cap(POLICY.poll));
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn a_wake_up_tries_a_held_version_again() {
    let mut world = World::synced(1);
    let torn = world.other_pushes(2);
    world.bundles.remove(&torn);
    world.pass(Duration::from_secs(120));
    world.bundles.insert(torn, 2);
    world.send(Event::PollNow);
    world.settle();
    assert_eq!((world.state(), world.folder), (State::Ok, Some(2)));
}

#[test]
fn an_edit_is_looked_at_once_it_is_quiet() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pass(Duration::from_millis(299));
    assert_eq!(world.state(), State::Ok);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.state(), State::Edited);
}

#[test]
fn edits_without_end_are_looked_at_every_two_seconds() {
    let mut world = World::synced(1);
    world.log.clear();
    for _ in 0..100 {
        world.send(Event::FolderChanged);
        world.pass(Duration::from_millis(100));
    }
    let looks = count(&mut world, Kind::Look);
    assert!((4..=6).contains(&looks), "{looks} in ten seconds");
}

#[test]
fn edits_without_end_to_a_diverged_folder_do_not_fetch_without_end() {
    let mut world = World::synced(1);
    world.edit(9);
    world.other_pushes(2);
    world.pass(Duration::from_secs(16));
    assert_eq!(world.state(), State::Diverged);
    world.log.clear();
    for turn in 0..600 {
        world.edit(10 + turn as u8 % 7);
        world.pass(Duration::from_millis(100));
    }
    assert_eq!(count(&mut world, Kind::Open), 0);
    world.pass(Duration::from_secs(60));
    assert_eq!(count(&mut world, Kind::Open), 1);
}

#[test]
fn a_look_that_failed_is_repeated_before_the_next_rescan() {
    let mut world = World::synced(1);
    world.fault = Some((Kind::Look, Problem::Io("too many open files".to_owned())));
    world.edit(1);
    world.skip(Duration::from_millis(300));
    world.tick();
    assert_eq!(world.state(), State::Error);
    world.pass(backoff::cap(POLICY.poll));
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn a_question_about_the_folder_is_answered_while_a_publish_runs() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Publish);
    world.request(push(false));
    world.settle();
    let Ok(Outcome::Diff(local)) = world.ask(Command::Diff) else { panic!() };
    assert_eq!(local.diff.len(), 1);
    world.resume();
    let Ok(Outcome::Diff(local)) = world.ask(Command::Diff) else { panic!() };
    assert!(local.diff.is_empty());
}

#[test]
fn a_question_is_answered_by_a_look_that_began_after_it() {
    let mut world = World::synced(1);
    world.pause = Some(Kind::Look);
    world.edit(2);
    world.pass(Duration::from_millis(300));
    let early = world.flight.remove(0);
    world.perform(&early);
    world.folder = Some(1);
    let id = world.request(Command::Diff);
    world.tell_all();
    assert!(!world.replies.contains_key(&id));
    world.resume();
    assert!(matches!(&world.replies[&id], Ok(Outcome::Diff(local)) if local.diff.is_empty()));
}

#[test]
fn a_look_measured_against_an_older_agreement_does_not_count() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Publish);
    world.request(push(false));
    world.settle();
    let id = world.request(Command::Diff);
    let at = world.flight.iter().position(|effect| kind(effect) == Kind::Look).unwrap();
    let look = world.flight.remove(at);
    let publish = world.flight.remove(0);
    world.perform(&look);
    world.perform(&publish);
    world.tell(1);
    world.tell_all();
    world.resume();
    assert!(matches!(&world.replies[&id], Ok(Outcome::Diff(local)) if local.diff.is_empty()));
    assert_eq!(world.state(), State::Ok);
}
