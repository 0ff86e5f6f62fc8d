//! One vault's place in the bucket, and what is done there: read, open, publish, keep.

pub mod audit;
pub mod author;
pub mod backup;
pub mod fanout;
pub mod keys;
pub mod open;
pub mod place;
pub mod publish;
#[cfg(test)]
mod race;
pub mod remote;
pub mod retired;
pub mod share;
pub mod spool;
pub mod trouble;
mod unguarded;
pub mod versions;
