//! What was sent to a target: names, keyed hashes of values, and the key. No value.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::{Loaded, load, save};
use crate::disk::atomic;
use crate::disk::fault::cannot;

/// What is remembered of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The place, as the target describes it.
    pub place: String,
    /// The secrets that are there because of us.
    pub secrets: BTreeMap<String, SentSecret>,
}

/// One secret that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSecret {
    /// Keyed hash of its value, in hex; empty while its first write has not been heard of.
    pub hash: String,
    /// What the target said about it then, where it tells.
    #[serde(default)]
    pub mark: Option<String>,
    /// A write of it was begun and has not been heard of: it may hold this value or the next.
    #[serde(default)]
    pub unsettled: bool,
}

impl SentSecret {
    /// One that was not there, whose first write was begun and has not been heard of.
    pub const fn begun() -> Self {
        Self { hash: String::new(), mark: None, unsettled: true }
    }
}

/// The file about one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState(PathBuf);

impl TargetState {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is: what tells one place of one pair from every other.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads it.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn load(&self) -> io::Result<Loaded<Sent>> {
        load(&self.0)
    }

    /// Replaces it.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn save(&self, sent: &Sent) -> io::Result<()> {
        save(&self.0, sent)
    }
}

pub(super) fn key(path: &Path) -> io::Result<Secret<[u8; 32]>> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    if let Some(dir) = path.parent() {
        atomic::create_private_dirs(dir)?;
    }
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|error| io::Error::other(format!("no random bytes: {error}")))?;
    match atomic::write_new(path, &*key, 0o600) {
        Ok(()) => Ok(Secret::new(*key)),
        // Another run was first: its key is everybody's.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let damaged = || io::Error::other(format!("{} is not a key", path.display()));
            read_key(path)?.ok_or_else(damaged)
        }
        Err(error) => Err(error),
    }
}

fn read_key(path: &Path) -> io::Result<Option<Secret<[u8; 32]>>> {
    let bytes = match atomic::read_limited(path, 1024) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Ok(key) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(Some(Secret::new(key)));
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".corrupt");
    std::fs::rename(path, &aside).map_err(cannot("move aside", path.display()))?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use vsync_core::id::{Env, Pair, Repo};

    use super::*;
    use crate::disk::state::StateDir;

    #[test]
    fn the_key_is_made_once_and_private() {
        let temp = tempfile::tempdir().unwrap();
        let state = StateDir::new(temp.path().join("state"));
        let key = state.sync_key().unwrap();
        assert_ne!(key.expose(), &[0; 32]);
        assert_eq!(state.sync_key().unwrap(), key);
        let file = state.root().join("sync.key");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        atomic::write(&file, b"short", 0o600).unwrap();
        assert_ne!(state.sync_key().unwrap(), key);
        assert!(state.root().join("sync.key.corrupt").exists());
    }

    #[test]
    fn each_place_of_each_pair_has_a_file_of_its_own() {
        let state = StateDir::new("/state".into());
        let pair = |env| Pair::new(Repo::new("acme_web").unwrap(), Env::new(env).unwrap());
        let one = state.target(&pair("dev"), "GitHub environment dev of acme/web");
        assert_eq!(one, state.target(&pair("dev"), "GitHub environment dev of acme/web"));
        assert_ne!(one, state.target(&pair("dev"), "GitHub repository acme/web"));
        assert_ne!(one, state.target(&pair("prod"), "GitHub environment dev of acme/web"));
        assert!(one.path().starts_with("/state/pairs/acme_web/dev/targets"));
    }
}
