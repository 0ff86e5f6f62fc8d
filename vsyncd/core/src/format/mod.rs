//! Stored bytes, one file per format. They live for ever: what is written here must stay
//! readable by every later release. `docs/formats.md` describes each to people.
pub mod pointer;
