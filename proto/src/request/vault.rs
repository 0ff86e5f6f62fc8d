//! What is done with the folder of an environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Caller;

/// Publishes the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// Publish although the remote moved since the last sync.
    #[serde(default)]
    pub force: bool,
    /// A note for the audit.
    #[serde(default)]
    pub note: Option<String>,
    /// More fields for the audit.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// Write no audit row.
    #[serde(default)]
    pub no_audit: bool,
}

/// What a pull does with edits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullMode {
    /// Refuse when the folder was edited.
    #[default]
    Plain,
    /// Save the edits in a backup, then replace the folder.
    Backup,
    /// As `backup`, and replace the folder also when the remote has not moved.
    Force,
}

/// Brings the folder to the remote's version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// What happens to edits.
    #[serde(default)]
    pub mode: PullMode,
    /// Take an older version than the last one applied here.
    #[serde(default)]
    pub allow_rollback: bool,
}

/// Asks what was edited here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
}

/// Asks for the published versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
}
