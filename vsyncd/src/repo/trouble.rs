//! What an adapter's failure means to the worker.

use std::io;

use vsync_core::sync::Problem;

use crate::disk::folder::NotAFolder;
use crate::disk::scan::{NotPlain, ScanError};
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
        match error {
            KeyError::Locked(_) => Self::KeychainLocked(error.to_string()),
            // A share file brings one.
            KeyError::NotAKey(_) => Self::KeyMissing(error.to_string()),
            _ => Self::KeychainUnavailable(error.to_string()),
        }
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

/// What a vault cannot hold, or why it cannot be read.
pub fn scan_problem(error: &ScanError) -> Problem {
    match error {
        ScanError::Folder(NotAFolder::Missing) => Problem::FolderMissing,
        ScanError::NotPlain { path, what } => {
            let what = match what {
                NotPlain::Symlink => "symlink",
                NotPlain::Socket => "socket",
                NotPlain::Fifo => "FIFO",
                NotPlain::Device => "device",
            };
            Problem::NotPlain { path: path.to_string(), what }
        }
        ScanError::NameClash { a, b } => Problem::NameClash(a.clone(), b.clone()),
        ScanError::Changing { path } => Problem::FolderChanging(path.to_string()),
        ScanError::TooMany { .. } | ScanError::TooLarge { .. } => Problem::TooLarge(error.to_string()),
        ScanError::Io(inner) => io_problem("cannot read the vault folder", inner),
        ScanError::Folder(_) | ScanError::BadName { .. } | ScanError::Unreadable { .. } => {
            Problem::FolderNotUsable(error.to_string())
        }
    }
}
