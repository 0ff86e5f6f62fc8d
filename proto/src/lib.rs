//! What `vsyncd` and `vsyncctl` say to each other over the local socket.
//!
//! JSON-RPC 2.0, one message per line. `WIRE.md` beside this crate shows every method with an
//! example. The messages need serde alone; the feature `client` adds a small blocking client.

#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod error;
pub mod event;
pub mod hello;
pub mod hidden;
pub mod paths;
pub mod request;
pub mod response;
pub mod status;

pub use error::{Code, Failure};
pub use hidden::Hidden;
pub use request::{Ask, Call, Caller, Method};
