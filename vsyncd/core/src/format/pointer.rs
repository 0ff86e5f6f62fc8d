//! stub
/// x
pub fn next_generation(known: Option<u64>) -> u64 {
    known.unwrap_or(0) + 1
}
    known.unwrap_or(0) + 1
}
