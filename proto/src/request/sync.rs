//! Sending secrets to where they are used.

use serde::{Deserialize, Serialize};

use super::Caller;

/// A place that secrets are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncTarget {
    /// GitHub Actions secrets.
    Gh,
    /// Google Cloud Secret Manager.
    Gcp,
    /// AWS Secrets Manager.
    Aws,
    /// Azure Key Vault.
    Azure,
    /// HashiCorp Vault or OpenBao, KV version 2.
    #[serde(alias = "vault")]
    Hashicorp,
}

impl SyncTarget {
    /// The word on the wire and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gh => "gh",
            Self::Gcp => "gcp",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Hashicorp => "hashicorp",
        }
    }
}

/// Which secrets of a GitHub repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GhScope {
    /// Those of the environment with the vault's name.
    #[default]
    Env,
    /// Those of the repository.
    Repo,
}

/// Sends the secrets of `<vault folder>/.env.<env>` to a target. What is null is looked up: first what an
/// earlier run was told, then the env file, then the habits of the target's own tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// Where to.
    pub target: SyncTarget,
    /// Only tell what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Send also what has not changed.
    #[serde(default)]
    pub all: bool,
    /// Take away what an earlier run sent and the env file no longer has.
    #[serde(default)]
    pub prune: bool,
    /// Where the service answers, instead of its public address.
    #[serde(default)]
    pub base_url: Option<String>,
    /// `owner/name` on GitHub.
    #[serde(default)]
    pub gh_repo: Option<String>,
    /// Which secrets there.
    #[serde(default)]
    pub gh_scope: GhScope,
    /// Make the GitHub environment when it is missing.
    #[serde(default)]
    pub create_environment: bool,
    /// The Google Cloud project.
    #[serde(default)]
    pub gcp_project: Option<String>,
    /// The AWS region.
    #[serde(default)]
    pub aws_region: Option<String>,
    /// What names begin with in AWS.
    #[serde(default)]
    pub aws_secret_prefix: Option<String>,
    /// The name of the Azure key vault.
    #[serde(default)]
    pub azure_vault: Option<String>,
    /// The address of HashiCorp Vault or OpenBao.
    #[serde(default)]
    pub vault_addr: Option<String>,
    /// Its mount.
    #[serde(default)]
    pub vault_mount: Option<String>,
    /// The path below the mount.
    #[serde(default)]
    pub vault_path: Option<String>,
    /// Its namespace.
    #[serde(default)]
    pub vault_namespace: Option<String>,
    /// Drop other keys at that path.
    #[serde(default)]
    pub replace: bool,
    /// Suffixes of keys that name files, instead of `_PATH` and `_FILE`.
    #[serde(default)]
    pub inline_file_suffix: Vec<String>,
    /// Names that are never sent, instead of the four routing and credential keys.
    #[serde(default)]
    pub exclude_property: Vec<String>,
}
