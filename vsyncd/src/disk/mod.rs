//! Folders and files on this machine: read without being led astray, replaced whole or not at all.
//!
//! Everything here blocks; the daemon calls it from a thread that may. Folders are reached
//! through descriptors and never through a symlink that somebody swapped in.
#![cfg_attr(
    test,
    expect(clippy::disallowed_methods, reason = "tests make the files that people and editors would make")
)]

pub mod atomic;
pub mod backup;
pub mod busy;
pub mod displaced;
mod durable;
pub mod exchange;
mod facts;
pub(crate) mod fault;
pub mod folder;
pub mod heal;
pub mod leftovers;
pub mod load;
pub(crate) mod plain;
mod removal;
mod rename;
pub mod scan;
pub mod sibling;
pub mod stage;
pub mod state;
mod stray;

#[cfg(test)]
mod stories;
