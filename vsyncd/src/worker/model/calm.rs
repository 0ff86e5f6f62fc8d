//! What is left when the trouble is over: everything works again, people sort out what only they
//! can, and all machines agree.

use std::time::Duration;

use vsync_core::sync::{Command, OnEdit, Outcome, PullMode, State};

use super::host::Host;
use super::step::{Edit, Step, Text};
use super::world::{Checked, World};

/// Long enough for several looks at the store after any back-off.
const WHILE: Duration = Duration::from_secs(150);
/// How often people go round and sort things out.
const ROUNDS: usize = 4;

/// Ends the trouble, and looks whether all is well.
pub(super) fn calm(world: &mut World) -> Checked {
    world.bucket.deliver();
    world.bucket.mend();
    for place in &mut world.places {
        place.host.start();
        place.host.on_edit(OnEdit::Status);
        place.host.answer();
    }
    set_clocks(world);
    // Time passes for one machine after the other: what one still publishes in its own, the others before
    // it hear of only the next time.
    for _ in 0..2 {
        world.pass(WHILE);
        world.check()?;
    }
    for _ in 0..ROUNDS {
        if world.places.iter().all(|place| is_well(&place.host)) {
            break;
        }
        for at in 0..world.places.len() {
            sort_out(world, at)?;
            world.check()?;
        }
        world.pass(WHILE);
        world.check()?;
    }
    // One publishes; the others need nobody to follow.
    world.step(&Step::Edit { host: 0, edit: Edit::Write { path: 0, content: Text::New }, told: true })?;
    let answer = world.places[0].host.verb(Command::Push { force: false });
    if !matches!(answer, Ok(Outcome::Pushed { .. })) {
        return Err(format!("a push in peace says {answer:?}"));
    }
    world.pass(WHILE);
    world.check()?;
    agreed(world)
}

/// Clocks that went wild make dates wild: everybody's clock is set, to no earlier than what was
/// published.
fn set_clocks(world: &World) {
    let newest = world.bucket.newest().map(|version| version.successor().instant());
    let now = world.places.iter().map(|place| place.host.wall()).max();
    let Some(right) = now.max(newest) else { return };
    world.places.iter().for_each(|place| place.host.set_clock(right));
}

fn is_well(host: &Host) -> bool {
    host.view().is_some_and(|view| view.report.state == State::Ok)
}

/// What a person does who reads the status.
fn sort_out(world: &mut World, at: usize) -> Checked {
    let Some(view) = world.places[at].host.view() else { return Err("no daemon".to_owned()) };
    match view.report.state {
        State::Ok => Ok(()),
        State::Edited => world.verb(at, Command::Push { force: false }),
        State::Behind | State::Diverged | State::Held => {
            world.verb(at, Command::Pull { mode: PullMode::Backup, allow_rollback: true })
        }
        State::Offline | State::Error => Err(format!("machine {at} is in trouble in peace: {view:?}")),
    }
}

/// Every folder is what the pointer names, nothing lies beside it, and nothing is lost.
fn agreed(world: &mut World) -> Checked {
    let version = world.bucket.version().ok_or("nothing is published")?;
    let bundle = world.bucket.bundle(version);
    for (at, place) in world.places.iter().enumerate() {
        let state = place.host.view().map(|view| view.report);
        if state.as_ref().is_none_or(|report| report.state != State::Ok) {
            return Err(format!("machine {at} is not well in peace: {state:?}"));
        }
        if place.host.content() != bundle {
            return Err(format!("machine {at} has not {version}: {:?}", place.host.content()));
        }
        let beside = place.host.siblings();
        if !beside.is_empty() {
            return Err(format!("machine {at} keeps replaced folders for ever: {beside:?}"));
        }
    }
    world.places.iter_mut().try_for_each(|place| {
        place.host.stop();
        Ok(())
    })
}
