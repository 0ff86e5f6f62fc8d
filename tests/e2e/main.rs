//! Stories of real daemons, real clients and real stores.
#![expect(clippy::disallowed_methods, reason = "a story lays out folders as a person would")]

mod afterwards;
mod audit;
mod classic;
mod crash;
mod daemon;
mod doctor;
mod edits;
mod errors;
mod hostile;
mod integrity;
mod kill;
mod outage;
mod policy;
mod probe;
mod race;
mod secrecy;
mod setup;
mod sizes;
mod socket;
mod sync;
mod tampering;
mod trouble;
mod two_machines;
mod whole_folders;
