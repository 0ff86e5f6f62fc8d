//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// How long a condition may take. Generous: it bounds a hang, it measures nothing.
pub const DEADLINE: Duration = Duration::from_secs(120);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until the condition holds.
///
/// # Panics
/// When it does not within [`DEADLINE`].
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        std::thread::sleep(LOOK);
    }
}
