//! The vsync daemon: the shell around [`vsync_core`] that does what core decides.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod arguments;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod detach;
pub mod disk;
pub mod fail_point;
pub mod harden;
pub mod ipc;
pub mod keychain;
pub mod logging;
pub mod repo;
pub mod signals;
pub mod store;
pub mod targets;
pub mod tasks;
pub mod watch;
pub mod worker;
