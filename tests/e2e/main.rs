//! Stories of real daemons, real clients and real stores.
#![expect(clippy::disallowed_methods, reason = "a story lays out folders as a person would")]

mod audit;
mod classic;
mod daemon;
mod edits;
mod integrity;
mod outage;
mod policy;
mod secrecy;
mod setup;
mod sizes;
mod two_machines;
mod whole_folders;
