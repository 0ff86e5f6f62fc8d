//! Where in which store a vault lives. Every object's key is formed here and nowhere else.

use std::sync::Arc;

use vsync_core::format::envconfig::EnvConfig;
use vsync_core::id::Pair;
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;
use vsync_core::version::Version;

use crate::config::pairs::folder_of;
use crate::store::folder::FolderStore;
use crate::store::s3::{S3Pool, S3Settings, S3Store, Timeouts};
use crate::store::{Condition, Guard, Store};

/// A store and the prefix in it that belongs to one vault.
#[derive(Debug, Clone)]
pub struct Place {
    /// The store.
    pub store: Arc<dyn Store>,
    prefix: String,
    classic: String,
}

/// Checks that an endpoint is one of an S3 store, without speaking to it.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_s3(endpoint: &str) -> Result<(), String> {
    let settings = S3Settings {
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        bucket: "check".to_owned(),
        access_key_id: "check".to_owned(),
        secret_access_key: Secret::new("check".to_owned()),
        timeouts: Timeouts::default(),
    };
    S3Store::new(settings).map(|_| ()).map_err(|error| error.to_string())
}

impl Place {
    /// Opens the store that a vault's configuration names. Blocks on small files.
    ///
    /// # Errors
    /// [`Problem`] when the configuration does not name a usable store.
    pub fn open(pair: &Pair, config: &EnvConfig, pool: &S3Pool) -> Result<Self, Problem> {
        let prefix = config.prefix.clone().unwrap_or_else(|| format!("{pair}/"));
        let s3 = &config.s3;
        let store: Arc<dyn Store> = match folder_of(&s3.endpoint) {
            Some(folder) => Arc::new(FolderStore::unseen(folder)?),
            None => pool.open(S3Settings {
                endpoint: s3.endpoint.clone(),
                region: s3.region.clone(),
                bucket: s3.bucket.clone(),
                access_key_id: s3.access_key_id.clone(),
                secret_access_key: s3.secret_access_key.clone(),
                timeouts: Timeouts::default(),
            })?,
        };
        Ok(Self { store, prefix, classic: format!("{pair}/latest") })
    }

    /// Whether the store lets only one of two writers with this condition win. Where nobody
    /// knows, it is better not to count on it.
    pub fn guards(&self, condition: &Condition) -> bool {
        self.store.guards().is_some_and(|guards| guards.of(condition) == Guard::Kept)
    }

    /// The object that shows how the store treats conditions.
    pub fn probe(&self) -> String {
        format!("{}probe", self.prefix)
    }

    /// The prefix, with its final slash.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The pointer object.
    pub fn pointer(&self) -> String {
        format!("{}manifest", self.prefix)
    }

    /// One version's bundle.
    pub fn bundle(&self, version: Version) -> String {
        format!("{}v={version}", self.prefix)
    }

    /// The audit log.
    pub fn audit(&self) -> String {
        format!("{}audit.csv", self.prefix)
    }

    /// What the older client writes instead of a pointer, whatever the prefix.
    pub fn classic_pointer(&self) -> &str {
        &self.classic
    }

    /// The version a key names, if it is a bundle of this vault.
    pub fn version_of(&self, key: &str) -> Option<Version> {
        key.strip_prefix(&self.prefix)?.strip_prefix("v=")?.parse().ok()
    }
}
