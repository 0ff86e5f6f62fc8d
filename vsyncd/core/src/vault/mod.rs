//! The user's folder as a value.

pub mod diff;
pub mod ledger;
pub mod snapshot;
pub mod tree;
