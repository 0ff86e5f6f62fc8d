//! The user's folder as a value.

pub mod clash;
pub mod diff;
pub mod ledger;
pub mod litter;
pub mod snapshot;
pub mod tree;
