//! Pushes that another one overwrote.

use super::super::*;
use super::world::*;
use crate::version::Version;
use std::time::Duration;

/// The other push began from the same pointer and was written over ours, as where conditions are
/// not kept.
fn overwritten(later: bool) -> (World, Version) {
    let mut world = World::synced(1);
    let before = world.pointer.clone();
    world.edit(2);
    assert!(world.ask(push(false)).is_ok());
    let ours = world.pointer.clone().unwrap();
    let theirs = if later { ours.version.successor() } else { before.as_ref().unwrap().version.successor() };
    assert_ne!(theirs, ours.version);
    world.pointer = before;
    world.other_writes(theirs, 3);
    (world, theirs)
}

#[test]
fn a_push_that_was_overwritten_is_told_at_the_next_look() {
    let (mut world, winner) = overwritten(true);
    world.pass(Duration::from_secs(15));
    assert_eq!((world.state(), world.folder), (State::Diverged, Some(2)), "nothing is replaced unasked");
    let lost = Err(Problem::LostRace { winner, author: None });
    assert_eq!(world.worker.report().problem, lost.clone().err());
    assert_eq!(world.ask(push(false)), lost);
    assert_eq!(world.ask(pull(PullMode::Plain)), lost);
    let Ok(Outcome::Pulled { version, backup, .. }) = world.ask(pull(PullMode::Backup)) else { panic!() };
    assert_eq!((version, backup.is_some(), world.folder), (winner, true, Some(3)), "it is kept first");
}

#[test]
fn a_push_that_was_overwritten_by_an_older_one_is_held_like_any_older_one() {
    let (mut world, winner) = overwritten(false);
    world.pass(Duration::from_secs(15));
    assert_eq!((world.state(), world.folder), (State::Held, Some(2)));
    let Some(Problem::RollbackSuspected { remote, .. }) = world.worker.report().problem else { panic!() };
    assert_eq!(remote, winner);
    assert!(matches!(world.ask(push(true)), Ok(Outcome::Pushed { .. })));
    assert_eq!((world.state(), world.remote()), (State::Ok, Some(2)));
}

#[test]
fn a_push_that_was_followed_is_no_race() {
    let mut world = World::synced(1);
    world.edit(2);
    assert!(world.ask(push(false)).is_ok());
    world.other_pushes(3);
    world.other_pushes(4);
    world.pass(Duration::from_secs(15));
    assert_eq!((world.state(), world.folder), (State::Ok, Some(4)));
}
