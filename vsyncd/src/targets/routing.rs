//! Where a run of `sync` goes, and what its targets may look at to find out more.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use vsync_core::secret::Secret;

/// Which secrets of a GitHub repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GhScope {
    /// Those of the environment that has the name of the vault's.
    #[default]
    Environment,
    /// Those of the repository.
    Repository,
}

/// What flags, saved settings and the env file's routing keys say, in this order. What is missing a target
/// looks up by the habits of its ecosystem, in [`Surroundings::variable`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// The vault's repository, as vsync names it.
    pub repo: String,
    /// The vault's environment.
    pub env: String,
    /// Where the service answers, instead of its public address.
    pub base_url: Option<String>,
    /// `owner/name` on GitHub.
    pub gh_repo: Option<String>,
    /// Which secrets there.
    pub gh_scope: GhScope,
    /// Make the environment when it is missing.
    pub create_environment: bool,
    /// The Google Cloud project: its id or number.
    pub gcp_project: Option<String>,
    /// The AWS region.
    pub aws_region: Option<String>,
    /// What names begin with in AWS.
    pub aws_secret_prefix: Option<String>,
    /// The name of the Azure key vault.
    pub azure_vault: Option<String>,
    /// The address of HashiCorp Vault or OpenBao.
    pub vault_addr: Option<String>,
    /// Its mount.
    pub vault_mount: Option<String>,
    /// The path below the mount.
    pub vault_path: Option<String>,
    /// Its namespace.
    pub vault_namespace: Option<String>,
    /// Drop other keys at the path.
    pub replace: bool,
}

/// What credentials and habits are looked up in.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The caller's variables, as far as they travel; never the daemon's own.
    pub env: BTreeMap<String, String>,
    /// Every value of the env file, those that are never pushed too.
    pub values: BTreeMap<String, Secret<String>>,
    /// The folder of the env file: what its relative paths begin at.
    pub vault_root: PathBuf,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.env.keys().collect();
        let keys: Vec<_> = self.values.keys().collect();
        f.debug_struct("Surroundings")
            .field("env", &variables)
            .field("values", &keys)
            .field("vault_root", &self.vault_root)
            .finish()
    }
}

impl Surroundings {
    /// A variable of the caller; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value of the env file; an empty one counts as absent.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.expose().as_str()).filter(|value| !value.is_empty())
    }
}
