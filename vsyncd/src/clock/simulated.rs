//! The wall clock of a simulated machine: all threads of its runtime see it, and a test moves it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

thread_local! {
    static HERE: RefCell<Option<Arc<WallClock>>> = const { RefCell::new(None) };
}

/// A wall clock that goes with the time of a runtime, and jumps.
#[derive(Debug)]
pub(crate) struct WallClock(Mutex<Reading>);

#[derive(Debug)]
struct Reading {
    wall: Timestamp,
    /// When it showed that; `None` while no runtime drives it.
    at: Option<Instant>,
}

impl WallClock {
    /// A clock that stands still at this time.
    pub(crate) const fn new(wall: Timestamp) -> Self {
        Self(Mutex::new(Reading { wall, at: None }))
    }

    /// What it shows. To be asked where the runtime's time is known: in it, or on its threads.
    pub(crate) fn show(&self) -> Timestamp {
        let reading = self.lock();
        let passed = reading.at.map_or(SignedDuration::ZERO, |at| {
            SignedDuration::try_from(Instant::now().duration_since(at)).unwrap_or(SignedDuration::ZERO)
        });
        reading.wall.checked_add(passed).unwrap_or(reading.wall)
    }

    /// Has it go with the runtime that this is called in.
    pub(crate) fn go(&self) {
        self.lock().at = Some(Instant::now());
    }

    /// Has it stand still, before its runtime ends.
    pub(crate) fn stop(&self) {
        let wall = self.show();
        *self.lock() = Reading { wall, at: None };
    }

    /// Moves it.
    pub(crate) fn jump(&self, by: SignedDuration) {
        let mut reading = self.lock();
        reading.wall = reading.wall.checked_add(by).unwrap_or(reading.wall);
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives this thread a clock, or the system's again; returns the one it had.
pub(crate) fn give(clock: Option<Arc<WallClock>>) -> Option<Arc<WallClock>> {
    HERE.replace(clock)
}

/// What the clock of this thread shows, if it was given one.
pub(super) fn now() -> Option<Timestamp> {
    HERE.with_borrow(|clock| clock.as_ref().map(|clock| clock.show()))
}
