//! The configuration files of the pairs that this machine knows.
//!
//! They are written to `config/<repo>/env_<env>`. Where the older client left one as
//! `<repo>/env_<env>`, that is read until the first write.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vsync_core::format::envconfig::{EnvConfig, EnvConfigError, Extra, S3};
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::paths::Paths;
use super::trusted::{self, Loaded, Trusted, Untrusted};
use crate::disk::atomic;

/// No configuration is larger than this, compressed, in bytes.
const FILE_LIMIT: u64 = 1 << 20;
/// The bucket, and the region, that stand in the configuration of a folder store.
const FOLDER_BUCKET: &str = "local";

/// Why a pair's configuration cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The file may not be trusted or read.
    #[error(transparent)]
    File(#[from] Untrusted),
    /// The content is not what it should be. The text quotes nothing of it.
    #[error("{path} cannot be used: {source}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: EnvConfigError,
    },
    /// There is one already.
    #[error("there is a configuration of {0} already")]
    Exists(Pair),
    /// The system refused.
    #[error("cannot work with the configurations of pairs: {0}")]
    Io(#[from] io::Error),
}

/// The configurations of this machine. Clones take turns in writing them.
#[derive(Debug, Clone)]
pub struct Pairs {
    paths: Paths,
    turn: Arc<Mutex<()>>,
}

impl Pairs {
    /// The configurations below these folders.
    pub fn new(paths: Paths) -> Self {
        Self { paths, turn: Arc::default() }
    }

    /// Reads one; `None` when the pair is not known here.
    ///
    /// # Errors
    /// [`PairError`]: it is damaged, or another user can write it.
    pub fn load(&self, pair: &Pair) -> Result<Option<Loaded<EnvConfig>>, PairError> {
        let Some((path, file)) = self.find(pair)? else { return Ok(None) };
        let bytes = Zeroizing::new(file.bytes);
        let config = EnvConfig::read(&bytes).map_err(|source| PairError::Invalid { path, source })?;
        Ok(Some(Loaded { value: config, warning: file.warning }))
    }

    fn find(&self, pair: &Pair) -> Result<Option<(PathBuf, Trusted)>, PairError> {
        let ours = self.paths.pair(pair);
        if let Some(file) = trusted::read(&ours, FILE_LIMIT)? {
            return Ok(Some((ours, file)));
        }
        let theirs = self.paths.pair_of_older_client(pair);
        let folder = theirs.parent().unwrap_or(&theirs);
        // The older client keeps the name as it was typed: env_Prod.
        let typed = names_in(folder)?.into_iter().find(|name| env_of(name).as_ref() == Some(&pair.env));
        let Some(path) = typed.map(|name| folder.join(name)) else { return Ok(None) };
        Ok(trusted::read(&path, FILE_LIMIT)?.map(|file| (path, file)))
    }

    /// Writes one, readable by this user only, in place of the one that was there.
    ///
    /// # Errors
    /// The system's.
    pub fn save(&self, pair: &Pair, config: &EnvConfig) -> Result<(), PairError> {
        let _turn = self.turn();
        self.put(pair, config)
    }

    /// Changes a part of one and leaves the rest as it is by then: no other change comes between reading
    /// and writing. `change` says whether it did anything; else nothing is written. False when the pair
    /// is not known here.
    ///
    /// # Errors
    /// As [`Pairs::load`] and [`Pairs::save`].
    pub fn edit(&self, pair: &Pair, change: impl FnOnce(&mut EnvConfig) -> bool) -> Result<bool, PairError> {
        let _turn = self.turn();
        let Some(mut config) = self.load(pair)?.map(|loaded| loaded.value) else { return Ok(false) };
        if change(&mut config) {
            self.put(pair, &config)?;
        }
        Ok(true)
    }

    fn put(&self, pair: &Pair, config: &EnvConfig) -> Result<(), PairError> {
        let path = self.ready(pair)?;
        Ok(atomic::write(&path, &Zeroizing::new(config.write()), 0o600)?)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the configuration of a pair that is not known yet.
    ///
    /// # Errors
    /// [`PairError::Exists`], also when only the older client knows it, or the system's.
    pub fn create(&self, pair: &Pair, config: &EnvConfig) -> Result<(), PairError> {
        let _turn = self.turn();
        if self.find(pair)?.is_some() {
            return Err(PairError::Exists(pair.clone()));
        }
        let path = self.ready(pair)?;
        let bytes = Zeroizing::new(config.write());
        atomic::write_new(&path, &bytes, 0o600).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => PairError::Exists(pair.clone()),
            _ => error.into(),
        })
    }

    /// The pair's file, its folder made.
    fn ready(&self, pair: &Pair) -> io::Result<PathBuf> {
        let path = self.paths.pair(pair);
        atomic::create_private_dirs(path.parent().unwrap_or(&self.paths.config))?;
        Ok(path)
    }

    /// All pairs that have a configuration here, sorted.
    ///
    /// # Errors
    /// [`PairError::Io`] when a folder cannot be read.
    pub fn list(&self) -> Result<Vec<Pair>, PairError> {
        let mut pairs = BTreeSet::new();
        // The second tree's top also holds `config` and `profiles`, which are no repositories.
        for top in [self.paths.config.join("config"), self.paths.config.clone()] {
            for name in names_in(&top)? {
                let Some(repo) = repo_of(&name) else { continue };
                let envs = names_in(&top.join(&name))?;
                pairs.extend(envs.iter().filter_map(env_of).map(|env| Pair::new(repo.clone(), env)));
            }
        }
        Ok(pairs.into_iter().collect())
    }
}

/// The names in a folder; none when there is no such folder.
fn names_in(folder: &Path) -> io::Result<Vec<OsString>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    // Of env_prod and env_Prod, the lower-case name is found last and ours: take it first.
    names.sort_by(|a, b| b.cmp(a));
    Ok(names)
}

fn repo_of(folder: &OsString) -> Option<Repo> {
    let folder = folder.to_str()?;
    Repo::new(folder).ok().filter(|repo| repo.as_str() == folder)
}

/// The environment whose configuration a file name stands for.
fn env_of(file: &OsString) -> Option<Env> {
    let name = file.to_str()?.strip_prefix("env_")?;
    // The older client's ledger lies beside it, and its name would do for an environment.
    let is_ledger = name.contains(".ledger.") && name.ends_with(".json");
    if is_ledger { None } else { Env::new(name).ok() }
}

/// What stands in the configuration of a pair whose store is a folder (an absolute path).
pub fn folder_store(folder: &Path) -> S3 {
    S3 {
        endpoint: format!("file://{}", folder.display()),
        region: FOLDER_BUCKET.to_owned(),
        bucket: FOLDER_BUCKET.to_owned(),
        access_key_id: String::new(),
        secret_access_key: Secret::default(),
        use_ssl: None,
        extra: Extra::default(),
    }
}

/// The folder that an endpoint `file:///dir` names, nothing decoded; `None` for other endpoints
/// and for paths that are not absolute.
pub fn folder_of(endpoint: &str) -> Option<&Path> {
    endpoint.strip_prefix("file://").map(Path::new).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests;
