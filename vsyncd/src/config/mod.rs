//! What people and earlier runs left on this machine: settings, profiles, pairs and checkouts.
//!
//! Reading never trusts more than it must: a file that another user can write is refused, see
//! [`trusted`]. Everything is read from the XDG folders that [`paths`] names.

pub mod pair_settings;
pub mod paths;
pub mod settings;
pub mod trusted;
pub mod values;
