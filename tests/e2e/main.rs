//! Stories of real daemons, real clients and real stores.
#![expect(clippy::disallowed_methods, reason = "a story lays out folders as a person would")]

mod crash;
mod race;
mod socket;
mod two_machines;
