//! When to try again.

use std::time::Duration;

/// Longest wait between two tries, for poll intervals that are shorter than it.
const LONGEST: Duration = Duration::from_secs(300);
/// The cap never falls below this, so that a short interval does not mean a hot loop.
const SHORTEST_CAP: Duration = Duration::from_secs(60);
/// No try follows the last one faster than this, unless the poll interval itself is shorter.
const FLOOR: Duration = Duration::from_millis(250);

/// A small deterministic random source for jitter (SplitMix64). Not for secrets.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// Starts from a seed; equal seeds give equal sequences.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number in `0.0..1.0`.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The wait until the next poll when all is well: between 0.8 and 1.0 of the interval, so
    /// that machines started together drift apart.
    pub fn interval(&mut self, interval: Duration) -> Duration {
        interval.mul_f64(0.8 + 0.2 * self.fraction())
    }

    /// The wait after the `failures`-th failure in a row (from 1): anywhere between nothing and
    /// an exponentially growing bound, which [`cap`] limits.
    pub fn after_failure(&mut self, interval: Duration, failures: u32) -> Duration {
        let bound = interval.saturating_mul(1 << failures.min(20)).min(cap(interval));
        bound.mul_f64(self.fraction()).max(FLOOR.min(interval))
    }
}

/// The longest wait after a failure: the interval itself, or at least a minute and four
/// intervals, but then at most five minutes.
pub fn cap(interval: Duration) -> Duration {
    interval.max(LONGEST.min(SHORTEST_CAP.max(interval.saturating_mul(4))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_follows_the_interval() {
        let secs = Duration::from_secs;
        assert_eq!(cap(secs(1)), secs(60));
        assert_eq!(cap(secs(15)), secs(60));
        assert_eq!(cap(secs(30)), secs(120));
        assert_eq!(cap(secs(200)), secs(300));
        assert_eq!(cap(secs(3600)), secs(3600));
    }

    #[test]
    fn waits_stay_within_their_bounds_and_spread() {
        let mut jitter = Jitter::new(7);
        let interval = Duration::from_secs(15);
        let mut seen = Vec::new();
        for failures in 1..2000 {
            let wait = jitter.interval(interval);
            assert!(wait >= interval.mul_f64(0.8) && wait <= interval);
            let wait = jitter.after_failure(interval, failures);
            assert!(wait >= FLOOR && wait <= cap(interval), "{failures}: {wait:?}");
            seen.push(wait);
        }
        seen.sort();
        assert!(seen[1000] > Duration::from_secs(20) && seen[1000] < Duration::from_secs(40));
        assert!(jitter.after_failure(Duration::from_millis(100), 1) >= Duration::from_millis(100));
    }
}
