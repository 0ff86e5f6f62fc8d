//! What an adapter's failure means to the worker.

use std::io;

use vsync_core::sync::Problem;

use crate::config::pairs::PairError;
use crate::config::trusted::Untrusted;
use crate::disk::fault as disk;
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
            StoreError::Disk(problem) => problem,
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
            // The keychain is a folder then, and the disk is what has to be seen to.
            KeyError::Io { pair, source } => {
                io_problem(&format!("cannot work with the key of {pair}"), &source)
            }
            _ => Self::KeychainUnavailable(error.to_string()),
        }
    }
}

impl From<PairError> for Problem {
    fn from(error: PairError) -> Self {
        match &error {
            PairError::Io(source) => io_problem("cannot work with the configurations of pairs", source),
            PairError::File(Untrusted::Io { path, source }) => {
                io_problem(&format!("cannot read {}", path.display()), source)
            }
            _ => Self::Config(error.to_string()),
        }
    }
}

/// A failure of the file system, with what was being done.
pub fn io_problem(doing: &str, error: &io::Error) -> Problem {
    disk::problem(format!("{doing}: {error}"), error)
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
        // What the disk or the system lacks is not a fault of the folder.
        ScanError::Folder(NotAFolder::Io(inner)) | ScanError::Unreadable { source: inner, .. } => {
            match io_problem("cannot read the vault folder", inner) {
                Problem::Io(_) | Problem::NotAllowed(_) => Problem::FolderNotUsable(error.to_string()),
                _ => disk::problem(format!("cannot read the vault folder: {error}"), inner),
            }
        }
        ScanError::Folder(_) | ScanError::BadName { .. } => Problem::FolderNotUsable(error.to_string()),
    }
}
