//! The test bench: a real S3 server, throw-away machines with real daemons, and patience.

pub mod folder;
pub mod machine;
pub mod s3;
pub mod soak;
pub mod team;
pub mod wait;
