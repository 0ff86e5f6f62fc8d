//! The socket: who may speak, how much, and what each method does.

mod advice;
pub mod connection;
pub mod convert;
pub mod handler;
pub mod peer;
pub mod server;
