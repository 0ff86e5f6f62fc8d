//! What people and earlier runs left on this machine: settings, profiles, pairs and checkouts.
//!
//! Reading never trusts more than it must: a file that another user can write is refused, see
//! [`trusted`]. Everything is read from the XDG folders that [`paths`] names.

pub mod checkout;
pub mod gitconfig;
pub mod ignore;
pub mod origin;
pub mod pair_settings;
pub mod pairs;
pub mod paths;
pub mod pin;
pub mod prefix;
pub mod profiles;
pub mod settings;
pub mod trusted;
pub mod values;
pub mod vault_folder;
pub mod worktree;
