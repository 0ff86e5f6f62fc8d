//! Stored bytes, one file per format. They live for ever: what is written here must stay
//! readable by every later release. `docs/formats.md` describes each to people.

pub mod audit;
pub mod bundle;
pub mod envconfig;
pub mod envelope;
mod exposed;
mod gzip;
mod hex_id;
mod json_fault;
mod magic;
pub mod pointer;
#[cfg(test)]
pub(crate) mod properties;
pub mod seal;
pub mod share;
pub mod token;
