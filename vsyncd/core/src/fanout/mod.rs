//! From an env file to the secrets of a target: what each target accepts, and what has to be sent.

pub mod plan;
#[cfg(test)]
mod properties;
pub mod refusal;
pub mod target;
