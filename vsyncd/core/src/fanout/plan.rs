//! What a run would send: the difference between what is wanted and what is known.

use std::collections::BTreeMap;

use super::target::Target;
use crate::dotenv::Assignment;

/// What is remembered of a secret that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Keyed hash of the value, in hex.
    pub hash: String,
    /// What the target said about it after the write, where it tells.
    pub mark: Option<String>,
}

/// What a run was asked to do besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Write everything, changed or not.
    pub all: bool,
    /// Take away what an earlier run wrote and the env file no longer has.
    pub prune: bool,
}

/// What is done with one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there.
    Create,
    /// It has another value, or may have.
    Update,
    /// It is there and nothing is known about it: ask the target whether it holds the value, then
    /// `Unchanged` or `Update`.
    Ask,
    /// Nothing to do.
    Unchanged,
    /// It is taken away.
    Remove,
    /// An earlier run wrote it and the env file no longer has it; it stays, since nobody asked.
    Stale,
}

/// One secret of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Whether the target's mark shows that somebody else wrote it since our last run.
    pub foreign: bool,
}

/// A secret that the target would not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its name.
    pub name: String,
    /// Its line in the env file.
    pub line: usize,
    /// Why, for people.
    pub why: String,
}

/// The names and sizes that the target would refuse by its published rules, in the file's order.
pub fn refusals(target: Target, wanted: &[Assignment]) -> Vec<Refusal> {
    let _ = (target, wanted);
    Vec::new()
}

/// The largest value that the target takes, in bytes.
pub const fn limit(target: Target) -> u64 {
    let _ = target;
    0
}

/// What to do: `wanted` are names with the keyed hash of their value, in the file's order; `known` what
/// earlier runs remembered; `present` what the target says is there, with its marks.
pub fn plan(
    wanted: &[(String, String)],
    known: &BTreeMap<String, Known>,
    present: &BTreeMap<String, Option<String>>,
    options: Options,
) -> Vec<Step> {
    let _ = (wanted, known, present, options);
    Vec::new()
}
