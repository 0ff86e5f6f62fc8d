//! Folder to remote.

use std::time::Duration;

use jiff::SignedDuration;

use super::super::*;
use super::world::*;
use crate::version::Version;

#[test]
fn nothing_changed_publishes_nothing() {
    let mut world = World::synced(1);
    let before = world.pointer.clone();
    for force in [false, true] {
        assert!(matches!(world.ask(push(force)), Ok(Outcome::UpToDate { edits: 0, .. })));
    }
    assert_eq!(world.pointer, before);
}

#[test]
fn an_edit_is_published_over_the_pointer_that_was_read() {
    let mut world = World::synced(1);
    let before = world.pointer.clone().unwrap();
    world.edit(2);
    let Ok(Outcome::Pushed { version, generation, replaced, warnings, .. }) = world.ask(push(false)) else {
        panic!()
    };
    assert_eq!((generation, replaced), (Some(5), Some(before.version)));
    assert_eq!(version, Version::at(world.now.wall));
    assert_eq!(warnings, [""; 0]);
    assert_eq!(world.plan().replaces, Some(before.mark));
    assert_eq!(world.remote(), Some(2));
    assert_eq!(world.state(), State::Ok, "already when the answer goes out");
}

#[test]
fn the_first_push_has_generation_one_and_replaces_nothing() {
    let mut world = World::new(1);
    world.tick();
    assert!(matches!(
        world.ask(push(false)),
        Ok(Outcome::Pushed { generation: Some(1), replaced: None, .. })
    ));
    let plan = world.plan();
    assert_eq!((plan.replaces, plan.prev), (None, None));
}

#[test]
fn the_audit_row_comes_before_the_answer() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Audit);
    let id = world.request(push(false));
    world.settle();
    assert_eq!(world.remote(), Some(2));
    assert!(!world.replies.contains_key(&id));
    let row =
        |effect: &Effect| matches!(effect, Effect::Audit { command: Some(by), push: true, .. } if *by == id);
    assert!(row(&world.flight[0]));
    let publish = |effect: &Effect| matches!(effect, Effect::Publish { command: Some(by), .. } if *by == id);
    assert!(world.log.iter().any(publish), "the journal of the publish can hold the row");
    world.resume();
    assert!(world.replies[&id].is_ok());
}

#[test]
fn a_pointer_that_is_gone_is_published_again_and_versions_and_generations_grow() {
    let mut world = World::synced(1);
    let before = world.pointer.take().unwrap();
    world.now.wall -= SignedDuration::from_mins(3);
    world.pass(Duration::from_secs(15));
    assert_eq!(world.state(), State::Held);
    assert_eq!(world.worker.report().problem, Some(Problem::NothingPublished));
    let Ok(Outcome::Pushed { version, generation, replaced, .. }) = world.ask(push(false)) else { panic!() };
    assert_eq!((version, generation, replaced), (before.version.successor(), Some(5), None));
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn a_torn_version_is_published_over_also_when_nothing_changed() {
    let mut world = World::synced(1);
    let torn = world.pointer.clone().unwrap();
    world.bundles.remove(&torn.version);
    assert!(matches!(world.ask(push(false)), Ok(Outcome::Pushed { generation: Some(5), .. })));
    assert_eq!(world.plan().replaces, Some(torn.mark));

    let torn = world.other_pushes(7);
    world.bundles.remove(&torn);
    world.pass(Duration::from_secs(15));
    assert_eq!(world.worker.report().problem, Some(Problem::Torn(torn)));
    assert!(matches!(world.ask(push(false)), Ok(Outcome::Pushed { replaced, .. }) if replaced == Some(torn)));
    assert_eq!((world.remote(), world.state()), (Some(1), State::Ok));
}

#[test]
fn a_torn_version_that_was_repaired_is_not_published_over() {
    for by_new_version in [false, true] {
        let mut world = World::synced(1);
        let torn = world.other_pushes(7);
        world.bundles.remove(&torn);
        world.pass(Duration::from_secs(15));
        assert_eq!(world.state(), State::Held);
        if by_new_version {
            world.other_pushes(7);
        } else {
            world.bundles.insert(torn, 7);
        }
        assert!(matches!(world.ask(push(false)), Err(Problem::RemoteAhead { .. })));
        assert_eq!((world.remote(), world.folder, world.state()), (Some(7), Some(7), State::Ok));
    }
}

#[test]
fn a_remote_that_moved_is_refused_and_force_overrides() {
    let mut world = World::synced(1);
    let here = world.worker.report().synced.map(|synced| synced.version);
    world.edit(2);
    let remote = world.other_pushes(3);
    assert_eq!(world.ask(push(false)), Err(Problem::RemoteAhead { remote, here, author: None }));
    assert_eq!((world.remote(), world.folder, world.state()), (Some(3), Some(2), State::Diverged));
    assert!(
        matches!(world.ask(push(true)), Ok(Outcome::Pushed { replaced, .. }) if replaced == Some(remote))
    );
    assert_eq!((world.remote(), world.state()), (Some(2), State::Ok));
}

#[test]
fn force_ignores_an_absurd_date_and_stays_above_the_others() {
    let mut world = World::synced(1);
    let applied = world.pointer.clone().unwrap().version;
    let future = Version::at(world.now.wall + SignedDuration::from_hours(30));
    world.other_writes(future, 2);
    assert_eq!(world.ask(push(false)), Err(Problem::FutureDated(future)));
    world.now.wall = applied.instant() - SignedDuration::from_mins(2);
    let Ok(Outcome::Pushed { version, generation, .. }) = world.ask(push(true)) else { panic!() };
    assert_eq!((version, generation), (applied.successor(), Some(6)));
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn a_clock_that_is_behind_is_warned_about() {
    for (minutes, warned) in [(4, false), (6, true)] {
        let mut world = World::synced(1);
        let newest = world.pointer.clone().unwrap().version;
        world.now.wall = newest.instant() - SignedDuration::from_mins(minutes);
        world.edit(2);
        let Ok(Outcome::Pushed { version, warnings, .. }) = world.ask(push(false)) else { panic!() };
        assert_eq!(version, newest.successor());
        assert_eq!(!warnings.is_empty(), warned, "{warnings:?}");
    }
}

#[test]
fn a_generation_that_was_only_seen_counts() {
    let mut world = World::synced(1);
    let old = world.pointer.clone();
    world.edit(2);
    world.other_pushes(3);
    world.pass(Duration::from_secs(15));
    let mark = world.mark(None);
    world.pointer = old.map(|pointer| RemotePointer { mark, ..pointer });
    assert!(matches!(world.ask(push(true)), Ok(Outcome::Pushed { generation: Some(6), .. })));
}

#[test]
fn a_race_that_was_lost_names_the_winner_and_the_remote_is_looked_at() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Publish);
    let id = world.request(push(false));
    world.settle();
    let winner = world.other_pushes(3);
    world.resume();
    assert_eq!(world.replies[&id], Err(Problem::LostRace { winner, author: None }));
    assert_eq!((world.state(), world.folder), (State::Diverged, Some(2)));
}

#[test]
fn an_answer_that_was_lost_counts_when_the_pointer_says_so() {
    let mut world = World::synced(1);
    world.edit(2);
    world.fault = Some((Kind::Publish, Problem::Unreachable("cut".to_owned())));
    assert!(matches!(world.ask(push(false)), Err(Problem::Unreachable(_))));
    assert_eq!(world.state(), State::Offline);
    world.pass(Duration::from_secs(60));
    assert_eq!((world.state(), world.folder), (State::Ok, Some(2)));
    assert_eq!(world.worker.report().synced.map(|synced| synced.version), world.pointer.map(|p| p.version));
}

#[test]
fn a_push_that_settles_an_earlier_one_begins_again() {
    let mut world = World::synced(1);
    world.edit(2);
    world.fault = Some((Kind::Publish, Problem::Unreachable("cut".to_owned())));
    assert!(world.ask(push(false)).is_err());
    world.edit(3);
    world.log.clear();
    let Ok(Outcome::Pushed { generation, .. }) = world.ask(push(false)) else { panic!() };
    assert_eq!((generation, world.remote()), (Some(6), Some(3)));
    let steps = [Kind::Scan, Kind::Read, Kind::Scan, Kind::Read, Kind::Publish, Kind::Audit];
    let kinds: Vec<_> = world.kinds().into_iter().filter(|kind| steps.contains(kind)).collect();
    assert_eq!(kinds, steps);
}

#[test]
fn a_pointer_that_is_no_version_is_replaced_by_force_only() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.garbled = true;
    assert!(matches!(world.ask(push(false)), Err(Problem::BadPointer(_))));
    assert!(matches!(world.ask(push(true)), Ok(Outcome::Pushed { replaced: None, .. })));
    assert_eq!((world.remote(), world.state()), (Some(1), State::Ok));
}

#[test]
fn a_missing_folder_is_not_published() {
    let mut world = World::synced(1);
    world.folder = None;
    assert_eq!(world.ask(push(true)), Err(Problem::FolderMissing));
    assert_eq!(world.remote(), Some(1));
}

#[test]
fn edits_publish_themselves_after_a_quiet_moment_where_asked() {
    let mut world = World::synced(1);
    world.worker.set_policy(Policy { on_edit: OnEdit::Push, ..POLICY }, world.now);
    for content in [2, 3, 4] {
        world.edit(content);
        world.pass(Duration::from_millis(1500));
        assert_eq!(world.remote(), Some(1));
    }
    world.pass(Duration::from_millis(900));
    assert_eq!((world.remote(), world.state()), (Some(4), State::Ok));
}

#[test]
fn edits_made_in_an_outage_publish_themselves_after_it() {
    let mut world = World::synced(1);
    world.worker.set_policy(Policy { on_edit: OnEdit::Push, ..POLICY }, world.now);
    world.up = false;
    world.edit(2);
    world.pass(Duration::from_secs(300));
    assert_eq!((world.remote(), world.state()), (Some(1), State::Offline));
    world.up = true;
    world.pass(backoff::cap(POLICY.poll));
    assert_eq!((world.remote(), world.state()), (Some(2), State::Ok));
}

#[test]
fn a_push_that_keeps_failing_is_repeated_less_and_less_until_the_next_edit() {
    let mut world = World::synced(1);
    world.worker.set_policy(Policy { on_edit: OnEdit::Push, ..POLICY }, world.now);
    world.edit(2);
    world.log.clear();
    for _ in 0..600 {
        world.fault = Some((Kind::Publish, Problem::FolderChanging(".env".to_owned())));
        world.pass(Duration::from_secs(1));
    }
    let tries = world.kinds().iter().filter(|kind| **kind == Kind::Publish).count();
    assert!((10..60).contains(&tries), "{tries} in ten minutes");
    world.fault = None;
    for content in 3..20 {
        world.edit(content);
        world.pass(Duration::from_secs(3));
        assert_eq!(world.remote(), Some(content));
    }
}

#[test]
fn what_keeps_the_workers_own_push_from_happening_is_told() {
    let mut world = World::synced(1);
    world.worker.set_policy(Policy { on_edit: OnEdit::Push, ..POLICY }, world.now);
    let full = Problem::DiskFull("cannot journal the publish".to_owned());
    world.fault = Some((Kind::Publish, full.clone()));
    world.edit(2);
    world.pass(Duration::from_millis(2400));
    assert_eq!((world.state(), world.worker.report().problem), (State::Error, Some(full)));
    world.worker.set_policy(POLICY, world.now);
    assert_eq!((world.state(), world.worker.report().problem), (State::Edited, None));
    world.worker.set_policy(Policy { on_edit: OnEdit::Push, ..POLICY }, world.now);
    world.fault = None;
    world.pass(backoff::cap(POLICY.poll));
    assert_eq!((world.remote(), world.state()), (Some(2), State::Ok));
}

#[test]
fn a_folder_that_moves_before_it_is_published_is_looked_at_again() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pause = Some(Kind::Publish);
    let id = world.request(push(false));
    world.settle();
    world.folder = Some(3);
    world.resume();
    assert!(world.replies[&id].is_ok());
    assert_eq!((world.remote(), world.state()), (Some(3), State::Ok));
}

#[test]
fn a_push_shows_at_once() {
    let mut world = World::synced(1);
    world.edit(2);
    world.pass(Duration::from_secs(1));
    world.pause = Some(Kind::Look);
    assert!(world.ask(push(false)).is_ok());
    assert_eq!(world.state(), State::Ok);
}

#[test]
fn a_push_that_never_came_to_the_store_leaves_the_poll_due() {
    let mut world = World::synced(1);
    world.folder = None;
    world.pause = Some(Kind::Head);
    world.pass(Duration::from_secs(15));
    world.log.clear();
    assert_eq!(world.ask(push(false)), Err(Problem::FolderMissing));
    world.pass(Duration::from_millis(300));
    assert_eq!(world.kinds(), [Kind::Abort, Kind::Scan, Kind::Head]);
}
