//! The only place that reads clocks. Everything else is given the time, so that tests can choose
//! it; `clippy.toml` bans the other ways.

#[cfg(test)]
pub(crate) mod simulated;

use std::time::Instant;

use jiff::Timestamp;

/// The wall clock in UTC. It can jump: versions and logs use it, waiting does not.
#[expect(clippy::disallowed_methods, reason = "this is the place the ban points to")]
pub fn now() -> Timestamp {
    #[cfg(test)]
    if let Some(now) = simulated::now() {
        return now;
    }
    Timestamp::now()
}

/// A clock that only moves forward, for deadlines and durations.
pub fn monotonic() -> Instant {
    // The same clock, except in a test that has stopped its runtime's time.
    #[cfg(test)]
    return tokio::time::Instant::now().into_std();
    #[cfg(not(test))]
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_move_forward_and_the_year_is_plausible() {
        let (wall, steady) = (now(), monotonic());
        assert!(wall > "2025-01-01T00:00:00Z".parse().unwrap());
        assert!(monotonic() >= steady);
    }
}
