//! The socket: who may speak, how much, and what each method does.

pub mod connection;
pub mod peer;
pub mod server;
