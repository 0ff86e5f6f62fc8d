//! The test bench: what stands in for the world around the daemon.

pub mod s3;
