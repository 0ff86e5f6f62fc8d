//! The test bench: a real S3 server, throw-away machines with real daemons, and patience.

pub mod folder;
pub mod github;
pub mod http;
pub mod inject;
pub mod key_vault;
pub mod kv2;
pub mod machine;
mod ordinary;
pub mod s3;
pub mod secret_manager;
pub mod secrets_manager;
pub mod soak;
pub mod strace;
pub mod team;
pub mod wait;
