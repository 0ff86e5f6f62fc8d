//! From the env file of a vault folder to a target: read everything, check everything, ask what is there,
//! then write what differs, and remember it.
//!
//! A run reads the folder through one descriptor and writes nothing into it, so it needs no turn of the
//! pair's worker: a swap meanwhile leaves it with the whole old folder, an edit with the file before or
//! after it.

mod error;
mod memory;
mod route;
mod run;
mod source;
#[cfg(test)]
mod tests;
mod turns;

pub use error::{FanoutError, hint_of};
pub use memory::Memory;
pub use route::{remember, settle, stranger};
pub use run::{Counts, Run, Summary};
pub use source::{Source, read};
pub use turns::Turns;
