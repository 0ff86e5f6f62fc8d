//! Stories of real daemons, real clients and real stores.

mod two_machines;
