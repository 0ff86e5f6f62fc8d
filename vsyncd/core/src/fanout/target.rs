//! The places that secrets are sent to.

use std::fmt;
use std::str::FromStr;

/// A kind of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// GitHub Actions secrets.
    Gh,
    /// Google Cloud Secret Manager.
    Gcp,
    /// AWS Secrets Manager.
    Aws,
    /// Azure Key Vault.
    Azure,
    /// HashiCorp Vault or OpenBao, KV version 2.
    Hashicorp,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 5] = [Self::Gh, Self::Gcp, Self::Aws, Self::Azure, Self::Hashicorp];

    /// The word on the command line.
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

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;

    /// Takes `vault` for `hashicorp` too.
    fn from_str(word: &str) -> Result<Self, UnknownTarget> {
        let word = if word == "vault" { "hashicorp" } else { word };
        Self::ALL.into_iter().find(|target| target.as_str() == word).ok_or(UnknownTarget)
    }
}

/// The word names no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the target is not one of gh, gcp, aws, azure, hashicorp")]
pub struct UnknownTarget;
