//! Where in which store a vault lives. Every object's key is formed here and nowhere else.

use std::path::Path;
use std::sync::Arc;

use vsync_core::format::envconfig::EnvConfig;
use vsync_core::id::Pair;
use vsync_core::sync::Problem;
use vsync_core::version::Version;

use crate::store::Store;
use crate::store::folder::FolderStore;
use crate::store::s3::{S3Settings, S3Store};

/// A store and the prefix in it that belongs to one vault.
#[derive(Debug, Clone)]
pub struct Place {
    /// The store.
    pub store: Arc<dyn Store>,
    prefix: String,
    classic: String,
}

impl Place {
    /// Opens the store that a vault's configuration names.
    ///
    /// # Errors
    /// [`Problem`] when the configuration does not name a usable store.
    pub fn open(pair: &Pair, config: &EnvConfig) -> Result<Self, Problem> {
        let prefix = config.prefix.clone().unwrap_or_else(|| format!("{pair}/"));
        let s3 = &config.s3;
        let store: Arc<dyn Store> = match folder_of(&s3.endpoint) {
            Some(folder) => Arc::new(FolderStore::open(Path::new(folder))?),
            None => Arc::new(S3Store::new(S3Settings::new(
                &s3.endpoint,
                &s3.region,
                &s3.bucket,
                &s3.access_key_id,
                s3.secret_access_key.clone(),
            ))?),
        };
        Ok(Self { store, prefix, classic: format!("{pair}/latest") })
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

/// The folder of a `file:///…` endpoint.
pub fn folder_of(endpoint: &str) -> Option<&str> {
    endpoint.strip_prefix("file://").filter(|path| path.starts_with('/'))
}
