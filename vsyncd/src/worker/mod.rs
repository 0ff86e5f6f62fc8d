//! What keeps each checkout in step: the driver around the pure machine, its effects, and the
//! supervisor over all of them.

pub mod checkout;
pub mod driver;
pub mod effects;
pub mod entry;
pub mod handle;
pub mod kept;
pub mod later;
mod ledger;
mod listening;
#[cfg(test)]
mod model;
pub(crate) mod place;
pub mod progress;
pub mod publish;
pub mod remote_side;
pub mod setup;
pub mod supervisor;
pub mod swap;
