//! Restores that are under way, a file each: where a staged folder lies that no vault's start would find.

use std::io;
use std::path::{Path, PathBuf};

use super::{Loaded, RestoreIntent, load, save};
use crate::disk::atomic;
use crate::disk::fault::cannot;

/// The file about one restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreJournal(PathBuf);

impl RestoreJournal {
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        let id = getrandom::u64().map_err(|error| io::Error::other(format!("no random bytes: {error}")))?;
        Ok(Self(dir.join(format!("{id:016x}.json"))))
    }

    pub(super) fn list(dir: &Path) -> io::Result<Vec<Self>> {
        let entries = match dir.read_dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(cannot("list", dir.display()))?,
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "json")).map(Self).collect())
    }

    /// Reads it.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn load(&self) -> io::Result<Loaded<RestoreIntent>> {
        load(&self.0)
    }

    /// Replaces it.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn save(&self, intent: &RestoreIntent) -> io::Result<()> {
        save(&self.0, intent)
    }

    /// Removes it; fine when there is none.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn clear(&self) -> io::Result<()> {
        atomic::remove(&self.0).map(|_| ())
    }
}
