//! What a worker shows, and how it ends.

use std::time::Duration;

use super::super::*;
use super::world::*;

#[test]
fn the_worst_is_shown_first() {
    let mut world = World::synced(1);
    let poll = Duration::from_secs(15);
    world.edit(2);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.state(), State::Edited);
    let torn = world.other_pushes(3);
    world.bundles.remove(&torn);
    world.pass(poll);
    assert_eq!(world.state(), State::Held);
    world.up = false;
    world.pass(poll);
    assert_eq!(world.state(), State::Offline);
    world.fault = Some((Kind::Look, Problem::FolderNotUsable("a mount point".to_owned())));
    world.edit(2);
    world.skip(Duration::from_millis(300));
    world.tick();
    assert_eq!(world.state(), State::Error);
    world.up = true;
    world.pass(backoff::cap(poll));
    assert_eq!(world.state(), State::Held);
    world.bundles.insert(torn, 3);
    world.pass(backoff::cap(poll));
    assert_eq!(world.state(), State::Diverged);
}

#[test]
fn a_remote_that_moved_shows_until_it_is_here() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.pause = Some(Kind::Read);
    world.pass(Duration::from_secs(15));
    let report = world.worker.report();
    assert_eq!((report.state, report.busy), (State::Behind, true));
    world.resume();
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn since_is_when_the_state_began() {
    let mut world = World::synced(1);
    let since = world.worker.report().since;
    world.pass(Duration::from_secs(100));
    assert_eq!(world.worker.report().since, since);
    world.up = false;
    world.pass(Duration::from_secs(20));
    let report = world.worker.report();
    assert_eq!(report.state, State::Offline);
    assert!(report.since > since && report.since < world.now.wall);
    world.pass(Duration::from_secs(500));
    assert_eq!(world.worker.report().since, report.since);
    assert!(world.worker.report().checked_at < Some(report.since));
}

#[test]
fn a_store_that_lists_but_does_not_give_is_tried_less_and_less() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    let mut reads = 0;
    for _ in 0..600 {
        world.fault = Some((Kind::Read, Problem::Unreachable(String::new())));
        world.pass(Duration::from_secs(1));
        reads += world.kinds().iter().filter(|kind| **kind == Kind::Read).count();
    }
    assert_eq!(world.state(), State::Offline);
    assert!((10..60).contains(&reads), "{reads} in ten minutes");
    world.fault = None;
    world.pass(Duration::from_secs(60));
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn a_version_that_is_here_and_torn_is_tried_less_and_less_whatever_fails_on_the_way() {
    let mut world = World::synced(1);
    let torn = world.pointer.clone().unwrap().version;
    world.bundles.remove(&torn);
    assert_eq!(world.ask(pull(PullMode::Force)), Err(Problem::Torn(torn)));
    world.kinds();
    let mut opens = 0;
    for _ in 0..2400 {
        world.fault = Some((Kind::Open, Problem::KeyMissing(String::new())));
        // The shortest wait after a failure.
        world.pass(Duration::from_millis(250));
        let now = world.kinds().iter().filter(|kind| **kind == Kind::Open).count();
        assert!(now <= 1, "{now} at once");
        opens += now;
    }
    assert!((10..60).contains(&opens), "{opens} in ten minutes");
}

#[test]
fn a_stop_lets_a_write_finish_and_starts_nothing() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Publish);
    let first = world.request(push(false));
    let second = world.request(pull(PullMode::Plain));
    world.settle();
    world.send(Event::Stop);
    assert_eq!(world.replies[&second], Err(Problem::ShuttingDown));
    assert!(!world.worker.is_stopped() && !world.replies.contains_key(&first));
    world.resume();
    assert!(world.worker.is_stopped() && world.replies[&first].is_ok());
    world.log.clear();
    world.pass(Duration::from_secs(86_400));
    assert_eq!(world.kinds(), []);
}

#[test]
fn a_stop_ends_a_swap_that_would_have_to_begin_again() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.pause = Some(Kind::Swap);
    let id = world.request(pull(PullMode::Backup));
    world.settle();
    world.send(Event::Stop);
    world.folder = Some(9);
    world.resume();
    assert!(world.worker.is_stopped());
    assert_eq!((world.folder, &world.replies[&id]), (Some(9), &Err(Problem::ShuttingDown)));
}

#[test]
fn a_stop_gives_up_what_only_reads() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.pause = Some(Kind::Open);
    let id = world.request(pull(PullMode::Plain));
    world.settle();
    world.send(Event::Stop);
    assert!(world.worker.is_stopped() && world.flight.is_empty());
    assert_eq!(world.replies[&id], Err(Problem::ShuttingDown));
}

#[test]
fn a_client_that_left_cancels_reading_and_never_writing() {
    for (pause, cancelled) in
        [(Kind::Read, true), (Kind::Open, true), (Kind::Swap, false), (Kind::Audit, false)]
    {
        let mut world = World::synced(1);
        world.other_pushes(2);
        world.pause = Some(pause);
        let id = world.request(pull(PullMode::Plain));
        world.settle();
        world.send(Event::Cancel(id));
        assert_eq!(world.replies.get(&id) == Some(&Err(Problem::Cancelled)), cancelled, "{pause:?}");
        world.resume();
        assert_eq!(world.replies[&id].is_ok(), !cancelled, "{pause:?}");
    }
}

#[test]
fn a_client_that_left_before_its_turn_is_forgotten() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Publish);
    let first = world.request(push(false));
    let second = world.request(pull(PullMode::Force));
    world.settle();
    world.send(Event::Cancel(second));
    world.resume();
    assert_eq!(world.replies[&second], Err(Problem::Cancelled));
    assert!(world.replies[&first].is_ok());
    assert!(!world.kinds().contains(&Kind::Open));
}
