//! What only this machine needs, under `$XDG_STATE_HOME/vsync`.
//!
//! ```text
//! checkouts.json                     the registered checkouts
//! stores.json                        how stores treat conditions on writes
//! keys/<repo>/<env>                  keys, where they are kept in files
//! pairs/<repo>/<env>/bundles/<ts>    the last two bundles, encrypted as they came
//! pairs/<repo>/<env>/audit/          audit rows that wait to be sent
//! pairs/<repo>/<env>/targets/<key>   what was sent to a target: names and keyed hashes
//! sync.key                           the key of those hashes
//! restores/<id>.json                 backups that are being written into new folders
//! folders/<key>/*.json               what belongs to one checkout's vault folder
//! ```
//! Folders are 0700, files 0600, each written whole. All of it may be lost without losing
//! content.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::secret::Secret;
use vsync_core::vault::tree::ContentHash;

use super::atomic::{self, Unsettled};
use super::fault::cannot;

mod bundles;
mod records;
mod restores;
mod sent;

pub use bundles::BundleCache;
pub use records::{Checkout, Notice, PublishIntent, RestoreIntent, SwapIntent};
pub use restores::RestoreJournal;
pub use sent::{Sent, SentSecret, TargetState};

/// No state file is larger: a ledger of the greatest allowed vault stays well below.
const LIMIT: u64 = 128 << 20;

/// The state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
}

/// The state of one checkout's vault folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderState {
    dir: PathBuf,
}

/// A state file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded<T> {
    /// There is none.
    Missing,
    /// Its content.
    Found(T),
    /// It was not readable as what it should be. It is out of the way now and counts as lost;
    /// the caller reports it.
    Corrupt {
        /// Where it lies now, for a person to look at.
        moved_to: PathBuf,
        /// What was wrong. No part of the content.
        why: String,
    },
}

/// A state file of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderFile {
    /// The [`Ledger`](vsync_core::vault::ledger::Ledger).
    Ledger,
    /// The [`PublishIntent`] of a publish under way.
    Publish,
    /// The [`SwapIntent`] of a swap under way.
    Swap,
    /// The [`Kept`](super::displaced::Kept) displaced folders, a list.
    Kept,
    /// The [`Notice`]s that nobody has dismissed, a list.
    Notices,
}

impl StateDir {
    /// The state folder at `root`; nothing is made yet.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where is remembered how stores treat conditions on writes.
    pub fn stores(&self) -> PathBuf {
        self.root.join("stores.json")
    }

    /// Where audit rows of a pair wait.
    pub fn audit_spool(&self, pair: &Pair) -> PathBuf {
        self.pair(pair).join("audit")
    }

    /// The last bundles of a pair.
    pub fn bundles(&self, pair: &Pair) -> BundleCache {
        BundleCache::new(self.pair(pair).join("bundles"))
    }

    /// What was sent from a pair to the place that a target describes so.
    pub fn target(&self, pair: &Pair, place: &str) -> TargetState {
        let key: String = ContentHash::of(place.as_bytes()).to_string().chars().take(16).collect();
        TargetState::new(self.pair(pair).join("targets").join(key + ".json"))
    }

    /// The random key of this machine for hashes of secrets that were sent, made when there is none.
    /// One that is not a key is moved aside.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn sync_key(&self) -> io::Result<Secret<[u8; 32]>> {
        sent::key(&self.root.join("sync.key"))
    }

    /// A journal for one restore.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub fn restore(&self) -> io::Result<RestoreJournal> {
        RestoreJournal::new(&self.root.join("restores"))
    }

    /// The journals of restores that were cut short.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn restores(&self) -> io::Result<Vec<RestoreJournal>> {
        RestoreJournal::list(&self.root.join("restores"))
    }

    /// The state of the vault folder of `repo` and `env` in the checkout at `root`.
    pub fn folder(&self, repo: &Repo, env: &Env, root: &Path) -> FolderState {
        let mut identity = format!("{repo}\0{env}\0").into_bytes();
        identity.extend_from_slice(root.as_os_str().as_encoded_bytes());
        let key: String = ContentHash::of(&identity).to_string().chars().take(16).collect();
        FolderState { dir: self.root.join("folders").join(key) }
    }

    /// The registered checkouts.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn checkouts(&self) -> io::Result<Loaded<Vec<Checkout>>> {
        load(&self.root.join("checkouts.json"))
    }

    /// Replaces the list of registered checkouts.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn save_checkouts(&self, checkouts: &[Checkout]) -> io::Result<()> {
        save(&self.root.join("checkouts.json"), &checkouts)
    }

    fn pair(&self, pair: &Pair) -> PathBuf {
        self.root.join("pairs").join(pair.repo.as_str()).join(pair.env.as_str())
    }
}

impl FolderState {
    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads one file. The caller names the type that belongs to it.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn load<T: DeserializeOwned>(&self, file: FolderFile) -> io::Result<Loaded<T>> {
        load(&self.dir.join(file.name()))
    }

    /// Replaces one file. The caller passes the type that belongs to it.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn save<T: Serialize>(&self, file: FolderFile, value: &T) -> io::Result<()> {
        save(&self.dir.join(file.name()), value)
    }

    /// As [`FolderState::save`], but a power cut may lose or tear it until it is settled.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn save_unsettled<T: Serialize>(&self, file: FolderFile, value: &T) -> io::Result<Unsettled> {
        let path = self.dir.join(file.name());
        let json = ready(&path, value)?;
        atomic::write_unsettled(&path, &json, 0o600)
    }

    /// Removes one file; fine when there is none. A power cut may bring it back: journals are read
    /// against what happened since.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn clear(&self, file: FolderFile) -> io::Result<()> {
        atomic::remove_soon(&self.dir.join(file.name())).map(|_| ())
    }
}

impl FolderFile {
    const fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger.json",
            Self::Publish => "publish.json",
            Self::Swap => "swap.json",
            Self::Kept => "kept.json",
            Self::Notices => "notices.json",
        }
    }
}

impl<T> Loaded<T> {
    /// The content, if there is one.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Missing | Self::Corrupt { .. } => None,
        }
    }
}

fn save(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let json = ready(path, value)?;
    atomic::write(path, &json, 0o600)
}

/// What a state file will hold, its folder made.
fn ready(path: &Path, value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut json = serde_json::to_vec(value).map_err(cannot("write", path.display()))?;
    json.push(b'\n');
    if let Some(dir) = path.parent() {
        atomic::create_private_dirs(dir)?;
    }
    Ok(json)
}

fn load<T: DeserializeOwned>(path: &Path) -> io::Result<Loaded<T>> {
    let json = match atomic::read_limited(path, LIMIT) {
        Ok(json) => json,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Missing),
        Err(error) => return Err(error),
    };
    match serde_json::from_slice(&json) {
        Ok(value) => Ok(Loaded::Found(value)),
        Err(error) => {
            // The parser's own text may quote what it choked on.
            let why =
                format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column());
            let mut moved_to = path.as_os_str().to_owned();
            moved_to.push(".corrupt");
            std::fs::rename(path, &moved_to).map_err(cannot("move aside", path.display()))?;
            Ok(Loaded::Corrupt { moved_to: moved_to.into(), why })
        }
    }
}

#[cfg(test)]
mod tests;
