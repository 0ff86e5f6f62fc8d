//! Secrets merged into files that people also edit: what a rule would change, decided on bytes.

pub mod handler;
pub mod key_path;
pub mod plan;
