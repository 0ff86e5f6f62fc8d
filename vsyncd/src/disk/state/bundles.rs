//! The last two bundles of a pair, as ciphertext.

use std::io;
use std::path::PathBuf;

use vsync_core::version::Version;

use crate::disk::atomic;
use crate::disk::fault::cannot;

/// How many are kept: the one the folder holds and the one that is coming.
const KEEP: usize = 2;

/// The cache of one pair. Losing it costs a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleCache {
    dir: PathBuf,
}

impl BundleCache {
    pub(super) const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Keeps a bundle; of all others only the newest stays.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn cache_bundle(&self, version: Version, ciphertext: &[u8]) -> io::Result<()> {
        atomic::create_private_dirs(&self.dir)?;
        atomic::write(&self.dir.join(version.to_string()), ciphertext, 0o600)?;
        let others = self.versions()?.into_iter().filter(|other| *other != version);
        for old in others.skip(KEEP - 1) {
            atomic::remove(&self.dir.join(old.to_string()))?;
        }
        Ok(())
    }

    /// A bundle's ciphertext of at most `limit` bytes; `None` when it is not here.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn cached_bundle(&self, version: Version, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match atomic::read_limited(&self.dir.join(version.to_string()), limit) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// The versions that are here, newest first.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn versions(&self) -> io::Result<Vec<Version>> {
        let entries = match self.dir.read_dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(cannot("list", self.dir.display()))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut versions: Vec<Version> = names.filter_map(|name| name.parse().ok()).collect();
        versions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(versions)
    }
}
