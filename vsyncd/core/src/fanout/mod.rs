//! From an env file to the secrets of a target: what each target accepts, and what has to be sent.

pub mod plan;
pub mod target;
