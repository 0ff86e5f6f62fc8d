//! The command line of `sync`.

use clap::{Args, ValueEnum, ValueHint};
use vsync_proto::request::SyncTarget;

/// A place that secrets are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetArg {
    /// GitHub Actions secrets
    Gh,
    /// Google Cloud Secret Manager
    Gcp,
    /// AWS Secrets Manager
    Aws,
    /// Azure Key Vault
    Azure,
    /// HashiCorp Vault or OpenBao, KV version 2
    #[value(alias = "vault")]
    Hashicorp,
}

impl From<TargetArg> for SyncTarget {
    fn from(target: TargetArg) -> Self {
        match target {
            TargetArg::Gh => Self::Gh,
            TargetArg::Gcp => Self::Gcp,
            TargetArg::Aws => Self::Aws,
            TargetArg::Azure => Self::Azure,
            TargetArg::Hashicorp => Self::Hashicorp,
        }
    }
}

/// Which secrets of a GitHub repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GhScopeArg {
    /// Those of the environment ENV
    Env,
    /// Those of the repository
    Repo,
}

/// `sync`
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The environment
    pub(crate) env: String,
    /// Where to
    #[arg(value_enum)]
    pub(crate) target: TargetArg,
    /// Show what would be created, updated and left, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Send also what has not changed
    #[arg(long)]
    pub(crate) all: bool,
    /// Remove what an earlier run sent and the env file no longer has
    #[arg(long)]
    pub(crate) prune: bool,
    /// Where the service answers, instead of its public address; https, or http to this machine
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) base_url: Option<String>,
    /// An ending of keys that name a file, instead of _PATH and _FILE; may be repeated
    #[arg(long, value_name = "SUF")]
    pub(crate) inline_file_suffix: Vec<String>,
    /// A name that is never sent, instead of the built-in ones; may be repeated
    #[arg(long, value_name = "KEY")]
    pub(crate) exclude_property: Vec<String>,
    #[command(flatten)]
    pub(crate) route: Route,
}

/// Where exactly.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Routing, kept for the next run")]
pub(crate) struct Route {
    /// gh: the repository [default: GITHUB_REPO of the env file]
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) gh_repo: Option<String>,
    /// gcp: the project [default: GCP_PROJECT_ID of the env file]
    #[arg(long, value_name = "PROJECT")]
    pub(crate) gcp_project: Option<String>,
    /// aws: the region
    #[arg(long, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,
    /// aws: what names begin with
    #[arg(long, value_name = "PREFIX")]
    pub(crate) aws_secret_prefix: Option<String>,
    /// azure: the key vault's name
    #[arg(long, value_name = "NAME")]
    pub(crate) azure_vault: Option<String>,
    /// hashicorp: the server's address
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) vault_addr: Option<String>,
    /// hashicorp: the mount
    #[arg(long, value_name = "MOUNT")]
    pub(crate) vault_mount: Option<String>,
    /// hashicorp: the path below the mount
    #[arg(long, value_name = "PATH")]
    pub(crate) vault_path: Option<String>,
    /// gh: which secrets [default: env]
    #[arg(long, value_enum, value_name = "SCOPE", help_heading = "Routing, for this run")]
    pub(crate) gh_scope: Option<GhScopeArg>,
    /// gh: make the environment when it is missing
    #[arg(long, help_heading = "Routing, for this run")]
    pub(crate) create_environment: bool,
    /// hashicorp: the namespace [default: VAULT_NAMESPACE]
    #[arg(long, value_name = "NAMESPACE", help_heading = "Routing, for this run")]
    pub(crate) vault_namespace: Option<String>,
    /// hashicorp: drop other keys at the path
    #[arg(long, help_heading = "Routing, for this run")]
    pub(crate) replace: bool,
}

impl Route {
    /// The flags that were given and belong to another target.
    pub(crate) fn strangers(&self, target: TargetArg) -> Vec<&'static str> {
        use TargetArg::{Aws, Azure, Gcp, Gh, Hashicorp};
        let flags = [
            (Gh, "--gh-repo", self.gh_repo.is_some()),
            (Gh, "--gh-scope", self.gh_scope.is_some()),
            (Gh, "--create-environment", self.create_environment),
            (Gcp, "--gcp-project", self.gcp_project.is_some()),
            (Aws, "--aws-region", self.aws_region.is_some()),
            (Aws, "--aws-secret-prefix", self.aws_secret_prefix.is_some()),
            (Azure, "--azure-vault", self.azure_vault.is_some()),
            (Hashicorp, "--vault-addr", self.vault_addr.is_some()),
            (Hashicorp, "--vault-mount", self.vault_mount.is_some()),
            (Hashicorp, "--vault-path", self.vault_path.is_some()),
            (Hashicorp, "--vault-namespace", self.vault_namespace.is_some()),
            (Hashicorp, "--replace", self.replace),
        ];
        flags.into_iter().filter(|(of, _, given)| *given && *of != target).map(|(_, flag, _)| flag).collect()
    }
}
