//! How often a story with chance in it is told, and the chance itself.

use std::time::Duration;

/// `slice` in CI, `all` where `VSYNC_SOAK=1` asks for the long form.
pub fn rounds(slice: u64, all: u64) -> u64 {
    match std::env::var("VSYNC_SOAK") {
        Ok(asked) if asked == "1" => all,
        _ => slice,
    }
}

/// Numbers that look random and are the same for the same seed.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number below `limit`; 0 for a limit of 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        if limit == 0 { 0 } else { mixed % limit }
    }

    /// The next moment within a time.
    pub fn within(&mut self, time: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }
}
