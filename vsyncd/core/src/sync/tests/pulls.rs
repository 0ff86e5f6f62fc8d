//! Remote to folder.

use std::time::Duration;

use jiff::SignedDuration;

use super::super::*;
use super::world::*;
use crate::version::Version;

const POLL: Duration = Duration::from_secs(15);

fn swaps(world: &World) -> Vec<bool> {
    let backup = |effect: &Effect| match effect {
        Effect::Swap { backup, .. } => Some(*backup),
        _ => None,
    };
    world.log.iter().filter_map(backup).collect()
}

#[test]
fn a_first_poll_adopts_a_folder_that_is_equal() {
    let mut world = World::new(3);
    let version = world.other_pushes(3);
    world.tick();
    assert_eq!(world.worker.report().synced.unwrap().version, version);
    assert_eq!(world.state(), State::Ok);
    let kinds = world.kinds();
    assert!(kinds.contains(&Kind::Adopt) && !kinds.contains(&Kind::Audit), "{kinds:?}");
}

#[test]
fn a_first_poll_holds_a_folder_that_differs() {
    let mut world = World::new(2);
    let remote = world.other_pushes(3);
    world.tick();
    assert_eq!(world.state(), State::Diverged);
    assert_eq!(world.worker.report().problem, Some(Problem::Diverged { edits: 1, remote }));
    assert_eq!(world.folder, Some(2));
}

#[test]
fn an_empty_folder_is_filled_without_a_backup() {
    let mut world = World::new(0);
    world.other_pushes(3);
    world.tick();
    assert_eq!((world.folder, world.state()), (Some(3), State::Ok));
    assert_eq!(swaps(&world), [false]);
}

#[test]
fn a_clean_folder_follows_and_the_background_pull_writes_a_row() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.pass(POLL);
    assert_eq!((world.folder, world.state()), (Some(2), State::Ok));
    assert_eq!(swaps(&world), [false]);
    let row = |effect: &Effect| matches!(effect, Effect::Audit { command: None, push: false, .. });
    assert_eq!(world.log.iter().filter(|effect| row(effect)).count(), 1);
}

#[test]
fn a_clean_folder_without_a_cached_bundle_is_backed_up() {
    let mut world = World::synced(1);
    world.cached = false;
    world.other_pushes(2);
    world.pass(POLL);
    assert_eq!(swaps(&world), [true]);
}

#[test]
fn edits_are_held_back_from_until_they_are_undone() {
    let mut world = World::synced(1);
    world.edit(9);
    let remote = world.other_pushes(2);
    world.pass(10 * POLL);
    assert_eq!((world.folder, world.state()), (Some(9), State::Diverged));
    assert_eq!(swaps(&world), [false; 0]);
    let refused = world.ask(pull(PullMode::Plain));
    assert_eq!(refused, Err(Problem::Diverged { edits: 1, remote }));

    world.edit(1);
    world.pass(Duration::from_secs(1));
    assert_eq!((world.folder, world.state()), (Some(2), State::Ok));
}

#[test]
fn edits_that_make_the_folder_equal_are_adopted() {
    let mut world = World::synced(1);
    world.edit(9);
    world.other_pushes(2);
    world.pass(POLL);
    assert_eq!(world.state(), State::Diverged);
    world.edit(2);
    world.pass(Duration::from_secs(6));
    assert_eq!(world.state(), State::Ok);
    assert_eq!(swaps(&world), [false; 0]);
}

#[test]
fn a_plain_pull_refuses_edits_even_when_the_remote_did_not_move() {
    let mut world = World::synced(1);
    world.edit(9);
    assert_eq!(world.ask(pull(PullMode::Plain)), Err(Problem::Edited(1)));
    assert_eq!(world.folder, Some(9));
    world.pass(POLL);
    assert_eq!(world.state(), State::Edited);
}

#[test]
fn backup_replaces_edits_when_the_remote_moved() {
    let mut world = World::synced(1);
    world.edit(9);
    let moved = world.other_pushes(2);
    let Ok(Outcome::Pulled { version, backup, .. }) = world.ask(pull(PullMode::Backup)) else { panic!() };
    assert_eq!((version, backup.as_deref()), (moved, Some("a backup")));
    assert_eq!((world.folder, world.state()), (Some(2), State::Ok));
}

#[test]
fn backup_leaves_edits_alone_when_the_remote_did_not_move() {
    let mut world = World::synced(1);
    world.edit(9);
    let answer = world.ask(pull(PullMode::Backup));
    assert!(matches!(answer, Ok(Outcome::UpToDate { edits: 1, .. })), "{answer:?}");
    assert_eq!(world.folder, Some(9));
    assert!(!world.kinds().contains(&Kind::Open));
}

#[test]
fn force_reads_again_and_resets_edits_with_a_backup() {
    let mut world = World::synced(1);
    world.edit(9);
    let answer = world.ask(pull(PullMode::Force));
    assert!(matches!(&answer, Ok(Outcome::Pulled { backup: Some(_), .. })), "{answer:?}");
    assert_eq!((world.folder, world.state()), (Some(1), State::Ok));
}

#[test]
fn a_missing_folder_comes_back_with_a_pull_only() {
    let mut world = World::synced(1);
    world.folder = None;
    world.send(Event::FolderChanged);
    world.pass(4 * POLL);
    assert_eq!((world.folder, world.state()), (None, State::Behind));
    assert_eq!(world.worker.report().problem, Some(Problem::FolderMissing));
    assert!(matches!(world.ask(pull(PullMode::Plain)), Ok(Outcome::Pulled { backup: None, .. })));
    assert_eq!((world.folder, world.state()), (Some(1), State::Ok));
}

#[test]
fn a_pull_of_nothing_says_so() {
    let mut world = World::new(1);
    world.tick();
    assert_eq!(world.ask(pull(PullMode::Plain)), Err(Problem::NothingPublished));
}

#[test]
fn a_date_in_the_future_is_held_until_it_comes_near() {
    let mut world = World::synced(1);
    let future = Version::at(world.now.wall + SignedDuration::from_hours(25));
    world.other_writes(future, 2);
    world.pass(POLL);
    assert_eq!(world.state(), State::Held);
    assert_eq!(world.worker.report().problem, Some(Problem::FutureDated(future)));
    assert_eq!(world.folder, Some(1));
    world.pass(Duration::from_secs(3600 + 120));
    assert_eq!((world.folder, world.state()), (Some(2), State::Ok));
}

#[test]
fn an_older_version_is_held_and_applied_only_when_allowed() {
    let mut world = World::synced(1);
    let applied = world.worker.report().synced.unwrap().version;
    let remote = Version::at(world.now.wall - SignedDuration::from_hours(1));
    world.other_writes(remote, 2);
    world.pass(4 * POLL);
    let suspected = Problem::RollbackSuspected { remote, applied };
    assert_eq!((world.state(), world.folder), (State::Held, Some(1)));
    assert_eq!(world.worker.report().problem, Some(suspected.clone()));
    for mode in [PullMode::Plain, PullMode::Backup, PullMode::Force] {
        assert_eq!(world.ask(pull(mode)), Err(suspected.clone()));
    }
    let allowed = Command::Pull { mode: PullMode::Plain, allow_rollback: true };
    assert!(matches!(world.ask(allowed), Ok(Outcome::Pulled { .. })));
    assert_eq!((world.state(), world.folder), (State::Ok, Some(2)));
    // What was allowed once is no suspicion afterwards, nor is what follows it.
    assert!(matches!(world.ask(pull(PullMode::Plain)), Ok(Outcome::UpToDate { .. })));
    world.other_writes(remote.successor(), 3);
    world.pass(POLL);
    assert_eq!((world.state(), world.folder), (State::Ok, Some(3)));
}

#[test]
fn a_lost_ledger_leaves_the_floor() {
    let mut world = World::new(0);
    let floor = Version::at(world.now.wall);
    world.worker = Worker::new(POLICY, 1, None, Some(floor), None, world.now);
    world.other_writes(Version::at(world.now.wall - SignedDuration::from_secs(1)), 2);
    world.tick();
    assert!(matches!(world.worker.report().problem, Some(Problem::RollbackSuspected { applied, .. })
        if applied == floor));
}

#[test]
fn a_torn_bucket_keeps_the_folder_and_is_tried_again() {
    let mut world = World::synced(1);
    let torn = world.other_pushes(2);
    world.bundles.remove(&torn);
    world.pass(4 * POLL);
    assert_eq!((world.state(), world.folder), (State::Held, Some(1)));
    assert_eq!(world.worker.report().problem, Some(Problem::Torn(torn)));
    world.bundles.insert(torn, 2);
    world.pass(backoff::cap(POLL));
    assert_eq!((world.state(), world.folder), (State::Ok, Some(2)));
}

#[test]
fn a_pointer_that_is_no_version_is_held() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.garbled = true;
    world.pass(2 * POLL);
    assert_eq!((world.state(), world.folder), (State::Held, Some(1)));
    world.garbled = false;
    world.pass(backoff::cap(POLL));
    assert_eq!((world.state(), world.folder), (State::Ok, Some(2)));
}

#[test]
fn a_bundle_that_does_not_open_changes_nothing() {
    for (problem, state) in [
        (Problem::KeyRotated, State::Held),
        (Problem::Tampered("another timestamp".to_owned()), State::Held),
        (Problem::WrongKey, State::Error),
        (Problem::UnsupportedVersion("RQE2".to_owned()), State::Error),
    ] {
        let mut world = World::synced(1);
        world.other_pushes(2);
        world.fault = Some((Kind::Open, problem.clone()));
        world.pause = Some(Kind::Swap);
        world.skip(POLL);
        world.tick();
        assert_eq!((world.state(), world.folder), (state, Some(1)), "{problem}");
        assert_eq!(world.worker.report().problem, Some(problem));
    }
}

#[test]
fn a_folder_that_moves_at_the_last_moment_is_looked_at_again_three_times() {
    let mut world = World::synced(1);
    world.other_pushes(2);
    world.pause = Some(Kind::Swap);
    let id = world.request(pull(PullMode::Backup));
    world.settle();
    for content in [5, 6, 7, 8] {
        assert_eq!(world.flight.len(), 1, "one swap: {:?}", world.flight);
        world.folder = Some(content);
        let swap = world.flight.remove(0);
        world.perform(&swap);
        world.tell_all();
        world.settle();
    }
    assert_eq!(world.replies[&id], Err(Problem::FolderMoved));
    assert_eq!(swaps(&world).len(), 4);
    assert_eq!(swaps(&world)[1..], [true; 3], "edits found on the way are backed up");
    assert_eq!(world.folder, Some(8));
}

#[test]
fn a_failed_reset_is_the_verbs_own_trouble() {
    let mut world = World::synced(1);
    world.fault = Some((Kind::Swap, Problem::DiskFull(String::new())));
    world.edit(9);
    assert!(matches!(world.ask(pull(PullMode::Force)), Err(Problem::DiskFull(_))));
    world.pass(POLL);
    assert_eq!(world.state(), State::Edited);
}

#[test]
fn a_reset_that_finds_the_bucket_torn_says_so_until_it_is_whole() {
    for (edited, after) in [(false, State::Ok), (true, State::Edited)] {
        let mut world = World::synced(1);
        let torn = world.pointer.clone().unwrap().version;
        world.bundles.remove(&torn);
        assert_eq!(world.ask(pull(PullMode::Force)), Err(Problem::Torn(torn)));
        // Another failure on the way does not end the retries.
        world.fault = Some((Kind::Open, Problem::KeyMissing(String::new())));
        world.pass(Duration::from_secs(180));
        assert_eq!(world.state(), State::Held);
        assert_eq!(world.ask(pull(PullMode::Plain)), Err(Problem::Torn(torn)));
        if edited {
            world.edit(9);
        }
        world.bundles.insert(torn, 1);
        world.pass(backoff::cap(POLL));
        assert_eq!(world.state(), after);
        assert_eq!(swaps(&world), [false; 0]);
    }
}

#[test]
fn another_version_is_judged_by_itself() {
    let mut world = World::synced(1);
    world.edit(9);
    world.other_pushes(2);
    world.pass(POLL);
    let remote = world.other_pushes(3);
    world.pass(POLL);
    assert_eq!(world.worker.report().problem, Some(Problem::Diverged { edits: 1, remote }));
}
