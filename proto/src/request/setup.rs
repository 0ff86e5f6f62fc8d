//! Making environments known, and forgetting them.

use serde::{Deserialize, Serialize};

use super::Caller;
use crate::status::KeyStore;

/// Where a new pair's versions live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The bucket of a stored profile.
    Profile(String),
    /// A folder store: `file:///absolute/folder`.
    Store(String),
}

/// Makes a new pair and registers the caller's checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// Where versions live.
    pub source: Source,
    /// The vault folder, absolute or relative to the top of the checkout; default
    /// `infra/vault/<env>`.
    #[serde(default)]
    pub vault_folder: Option<String>,
    /// What keys in the bucket start with; `<env>/` is added.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Where the key goes; default as the daemon is set up.
    #[serde(default)]
    pub key_store: Option<KeyStore>,
    /// Whether pushes and pulls write audit rows.
    #[serde(default = "yes")]
    pub audit: bool,
}

const fn yes() -> bool {
    true
}

/// Registers the caller's checkout of a known pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// The vault folder, absolute or relative to the top of the checkout; default
    /// `infra/vault/<env>`.
    #[serde(default)]
    pub vault_folder: Option<String>,
    /// False only tells what would be registered.
    #[serde(default)]
    pub confirm: bool,
}

/// Unregisters the caller's checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
}
