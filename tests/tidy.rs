//! Rules of the house that no compiler checks: who may know whom, how large things get, and that
//! nothing is forgotten. Each rule is a test of its own; its message says what to do.

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/complete.rs"]
mod complete;
#[path = "tidy/crates.rs"]
mod crates;
#[path = "tidy/ranks.rs"]
mod ranks;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

/// Fails with everything that was found, and what to do about it.
#[track_caller]
fn report(found: &[String], advice: &str) {
    assert!(found.is_empty(), "{advice}:\n  {}", found.join("\n  "));
}
