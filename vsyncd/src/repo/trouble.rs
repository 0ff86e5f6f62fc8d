//! What an adapter's failure means to the worker.

use std::io;

use vsync_core::format::bundle::OpenError;
use vsync_core::sync::Problem;

use crate::disk::scan::ScanError;
use crate::keychain::KeyError;
use crate::store::StoreError;
use crate::tasks::Panicked;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable(text) | StoreError::Unclear(text) => Self::Unreachable(text),
            StoreError::NoBucket(text) => Self::BucketMissing(text),
            StoreError::Denied(text) => Self::Denied(text),
            StoreError::ClockSkew(text) => Self::ClockSkew(text),
            StoreError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            StoreError::Conflict => Self::StoreFailed(error.to_string()),
            StoreError::Failed(text) => Self::StoreFailed(text),
        }
    }
}

impl From<Panicked> for Problem {
    fn from(panicked: Panicked) -> Self {
        Self::Internal(panicked.to_string())
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        Self::KeyMissing(error.to_string())
    }
}

/// A failure of the file system, with what was being done.
pub fn io_problem(doing: &str, error: &io::Error) -> Problem {
    let text = format!("{doing}: {error}");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Problem::DiskFull(text),
        _ => Problem::Io(text),
    }
}
