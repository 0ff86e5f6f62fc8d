//! The store's lock: one writer at a time, over all processes that share the folder.
//!
//! The operating system drops it with the process that holds it, so a crash blocks nobody.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::failure::failed;
use super::root::{MARKER, Root};
use crate::store::StoreError;

/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock, held until dropped.
#[derive(Debug)]
pub(super) struct StoreLock {
    _marker: File,
}

impl StoreLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// `Unreachable` when others hold it for longer than `patience`.
    pub(super) fn take(root: &Root, patience: Duration) -> Result<Self, StoreError> {
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_micros(200);
        loop {
            let marker = open(root)?;
            match marker.try_lock() {
                // Whoever made the store anew meanwhile has another lock than this one.
                Ok(()) if same_file(root, &marker)? => return Ok(Self { _marker: marker }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(unlockable(root, &error)),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Unreachable(format!(
                    "another process holds the lock of {} for longer than {patience:?}",
                    root.path().display()
                )));
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// Proves that locks work here by failing to take a taken one.
    ///
    /// # Errors
    /// `Failed` when the file system has no locks, or grants one twice.
    pub(super) fn prove(root: &Root) -> Result<(), StoreError> {
        let first = match open(root) {
            Ok(marker) => marker,
            // Whoever may only read needs no lock.
            Err(StoreError::Denied(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        match first.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(unlockable(root, &error)),
        }
        match open(root)?.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(unlockable(root, &error)),
            Ok(()) => Err(no_locks(root, "it granted the same lock twice")),
        }
    }
}

fn open(root: &Root) -> Result<File, StoreError> {
    root.marker(true).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            StoreError::NoBucket(format!("{} lost its {MARKER}", root.path().display()))
        }
        _ => failed("open", &root.path().join(MARKER), &error),
    })
}

/// Whether the marker that was locked is still the one in the folder.
fn same_file(root: &Root, marker: &File) -> Result<bool, StoreError> {
    let id = |file: &File| file.metadata().map(|about| (about.dev(), about.ino()));
    let now = open(root)?;
    let same = id(marker).and_then(|locked| Ok(locked == id(&now)?));
    same.map_err(|error| failed("look at", &root.path().join(MARKER), &error))
}

fn unlockable(root: &Root, error: &io::Error) -> StoreError {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    if error.kind() == io::ErrorKind::Unsupported || matches!(errno, Some(Errno::NOLCK | Errno::INVAL)) {
        return no_locks(root, &error.to_string());
    }
    failed("lock", &root.path().join(MARKER), error)
}

fn no_locks(root: &Root, why: &str) -> StoreError {
    StoreError::Failed(format!(
        "the file system of {} has no working locks ({why}); a store there could lose writes",
        root.path().display()
    ))
}
