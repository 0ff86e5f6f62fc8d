//! Hearing of edits.

pub mod watcher;
