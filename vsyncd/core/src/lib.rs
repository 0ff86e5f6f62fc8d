//! The part of vsync that decides and never does.
//!
//! Everything here is a function of its arguments: no file, socket, clock, random source, task
//! or log is touched. The daemon around it (`vsyncd`) performs what is decided here. That makes
//! each format, each folder comparison and each step of the worker testable by examples.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod dotenv;
pub mod fanout;
pub mod format;
pub mod id;
pub mod relpath;
pub mod rules;
pub mod secret;
pub mod sync;
pub mod vault;
pub mod version;
