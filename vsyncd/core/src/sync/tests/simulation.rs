//! The worker in a world where everything that may happen does. The world checks each effect;
//! here it is shaken, then either stopped or left in peace.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::super::*;
use super::world::*;
use crate::version::Version;

/// One thing that happens, and a number that says which.
type Step = (u8, u8);

fn step(world: &mut World, told: &mut Vec<Event>, (what, which): Step) {
    let at = |len: usize| usize::from(which) % len;
    match what {
        0..=3 => wait(world, Duration::from_millis(u64::from(which) * 5)),
        4 => wait(world, Duration::from_millis(u64::from(which) * 500)),
        5..=9 if !world.flight.is_empty() => {
            let effect = world.flight.remove(at(world.flight.len()));
            world.perform(&effect);
        }
        10..=14 if !world.outcomes.is_empty() => {
            let event = world.tell(at(world.outcomes.len()));
            told.push(event);
        }
        15..=17 => world.settle(),
        18 | 19 => {
            world.folder = Some(which % 5);
            // The watcher may miss it.
            if which < 200 {
                world.send(Event::FolderChanged);
            }
        }
        20 | 21 => drop(world.other_pushes(which % 5)),
        22 => world.up = !world.up,
        23..=25 => drop(world.request(command(which))),
        26 => world.send(Event::Cancel(CommandId(u64::from(which % 16)))),
        27 => damage(world, which),
        28 => world.send(Event::PollNow),
        29 if !told.is_empty() => world.tell_stale(told[at(told.len())].clone()),
        30 => world.fault = Some(fault(which)),
        31 => world.folder = None,
        32 => {
            let on_edit = if which.is_multiple_of(2) { OnEdit::Push } else { OnEdit::Status };
            let poll = Duration::from_secs(if which.is_multiple_of(3) { 1 } else { 15 });
            let now = world.now;
            world.worker.set_policy(Policy { poll, on_edit, ..POLICY }, now);
            world.send(Event::Timer);
        }
        33 => world.cached = !world.cached,
        34 => world.now.wall += SignedDuration::from_hours(i64::from(which) - 128),
        _ => {}
    }
}

/// A driver that may be late.
fn wait(world: &mut World, time: Duration) {
    world.skip(time);
    if world.worker.poll_timeout() <= world.now.instant {
        world.send(Event::Timer);
    }
}

fn command(which: u8) -> Command {
    let allow_rollback = which.is_multiple_of(11);
    match which % 7 {
        0 | 1 => push(false),
        2 => push(true),
        3 => Command::Pull { mode: PullMode::Plain, allow_rollback },
        4 => Command::Pull { mode: PullMode::Backup, allow_rollback },
        5 => Command::Pull { mode: PullMode::Force, allow_rollback },
        _ => Command::Diff,
    }
}

/// What can be wrong with a bucket.
fn damage(world: &mut World, which: u8) {
    let hours = |hours| Version::at(world.now.wall + SignedDuration::from_hours(hours));
    match which % 6 {
        0 => world.pointer = None,
        1 => drop(world.other_writes(hours(100), which % 5)),
        2 => drop(world.other_writes(hours(-100), which % 5)),
        3 => {
            world.garbled = world.pointer.is_some();
            let mark = world.mark(None);
            world.pointer.iter_mut().for_each(|pointer| pointer.mark = mark.clone());
        }
        4 => {
            // Written by hand: no metadata.
            let mark = world.mark(None);
            world.pointer.iter_mut().for_each(|pointer| pointer.mark = mark.clone());
        }
        _ => {
            let version = world.pointer.as_ref().map(|pointer| pointer.version);
            version.and_then(|version| world.bundles.remove(&version));
        }
    }
}

fn fault(which: u8) -> (Kind, Problem) {
    let text = String::new;
    match which % 11 {
        0 => (Kind::Publish, Problem::Unreachable(text())),
        1 => (Kind::Publish, Problem::StoreFailed(text())),
        2 => (Kind::Publish, Problem::FolderChanging(text())),
        3 => (Kind::Swap, Problem::DiskFull(text())),
        4 => (Kind::Open, Problem::WrongKey),
        5 => (Kind::Open, Problem::Tampered(text())),
        6 => (Kind::Scan, Problem::Io(text())),
        7 => (Kind::Look, Problem::FolderNotUsable(text())),
        8 => (Kind::Read, Problem::Denied(text().into())),
        9 => (Kind::Probe, Problem::Unreachable(text())),
        _ => (Kind::Head, Problem::ClockSkew(text())),
    }
}

/// Shakes a world and gives it back.
fn shaken(start: Content, synced: bool, steps: &[Step]) -> World {
    let mut world = if synced { World::synced(start) } else { World::new(start) };
    let mut told = Vec::new();
    for next in steps {
        step(&mut world, &mut told, *next);
    }
    world
}

/// Nobody touches anything any more, and nothing is broken.
fn calm(world: &mut World) {
    world.up = true;
    world.fault = None;
    world.settle();
    world.pass(Duration::from_secs(1));
    let policy = Policy { on_edit: OnEdit::Status, ..POLICY };
    let now = world.now;
    world.worker.set_policy(policy, now);
    world.send(Event::Timer);
    world.settle();
    // A clock that went wild makes dates wild; a person sorts that out by publishing.
    let pointer = world.pointer.as_ref().map_or(Version::at(world.now.wall), |pointer| pointer.version);
    let here = world.ledger.as_ref().map_or(pointer, |(point, _)| point.version);
    let newest = pointer.max(here);
    if newest > Version::at(world.now.wall) {
        world.now.wall = newest.successor().instant();
    }
    let agreed = world.ledger.as_ref().map_or(0, |(_, content)| *content);
    world.edit(agreed);
    world.other_pushes(3);
    world.pass(Duration::from_secs(150));
    // Where the pointer was removed, others may have begun again with the generation of what was
    // pushed from here; whether that is given up, a person says.
    if matches!(world.worker.report().problem, Some(Problem::LostRace { .. })) {
        world.request(pull(PullMode::Backup));
        world.settle();
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0_u8..35, any::<u8>()), 1..150)
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happened_a_calm_world_ends_in_agreement(
        start in 0_u8..4, synced: bool, steps in steps()
    ) {
        let mut world = shaken(start, synced, &steps);
        calm(&mut world);
        world.pass(Duration::from_secs(150));
        prop_assert_eq!(world.state(), State::Ok, "{:?}", world.worker.report());
        prop_assert_eq!(world.folder, world.remote());
        prop_assert!(world.asked.is_empty(), "unanswered: {:?}", world.asked);
        // All well: polls, and a look at the folder now and then.
        world.log.clear();
        world.pass(Duration::from_secs(600));
        prop_assert!(world.kinds().iter().all(|kind| matches!(kind, Kind::Head | Kind::Look)));
    }

    #[test]
    fn a_stop_finishes_what_writes_and_answers_everybody(
        start in 0_u8..4, synced: bool, steps in steps()
    ) {
        let mut world = shaken(start, synced, &steps);
        world.send(Event::Stop);
        let late = world.request(push(false));
        prop_assert_eq!(&world.replies[&late], &Err(Problem::ShuttingDown));
        world.pass(Duration::from_secs(30));
        world.settle();
        world.tell_all();
        prop_assert!(world.worker.is_stopped());
        prop_assert!(world.asked.is_empty(), "unanswered: {:?}", world.asked);
    }

    #[test]
    fn no_trouble_makes_it_busy(start in 0_u8..4, synced: bool, steps in steps()) {
        let mut world = shaken(start, synced, &steps);
        let now = world.now;
        world.worker.set_policy(Policy { on_edit: OnEdit::Push, ..POLICY }, now);
        world.send(Event::Timer);
        world.settle();
        world.tell_all();
        for _ in 0..5 {
            world.log.clear();
            world.pass(Duration::from_secs(60));
            let count = world.kinds().len();
            prop_assert!(count < 80, "{} effects in a minute, {:?}", count, world.worker.report());
        }
    }
}
