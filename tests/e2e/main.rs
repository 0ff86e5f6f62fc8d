//! Stories of real daemons, real clients and real stores.
#![expect(clippy::disallowed_methods, reason = "a story lays out folders as a person would")]

mod audit;
mod classic;
mod crash;
mod daemon;
mod edits;
mod integrity;
mod outage;
mod policy;
mod race;
mod secrecy;
mod setup;
mod sizes;
mod socket;
mod sync;
mod sync_clouds;
mod sync_gh;
mod sync_hashicorp;
mod two_machines;
mod whole_folders;
