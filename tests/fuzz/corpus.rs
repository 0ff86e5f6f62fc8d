//! fuzz corpus
fn main() {}
