//! Replaced by the pointer format.

/// The generation of the next push.
pub fn next_generation(known: Option<u64>) -> u64 {
    known.unwrap_or(0) + 1
}
