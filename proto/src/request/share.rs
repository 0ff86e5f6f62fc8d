//! Passing an environment on.

use serde::{Deserialize, Serialize};

use super::Caller;
use crate::hidden::Hidden;
use crate::status::KeyStore;

/// Asks for a share file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// What the file is sealed with.
    pub passphrase: Hidden,
}

/// Takes a share file in and registers the caller's checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// The file's bytes, standard base64.
    pub share_b64: Hidden,
    /// What the file is sealed with.
    pub passphrase: Hidden,
    /// Where the key goes; default as the daemon is set up.
    #[serde(default)]
    pub key_store: Option<KeyStore>,
    /// The vault folder, absolute or relative to the top of the checkout; default
    /// `infra/vault/<env>`.
    #[serde(default)]
    pub vault_folder: Option<String>,
}
