//! What was replaced.

use serde::{Deserialize, Serialize};

use super::Caller;

/// Asks for the backups of the caller's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupList {
    /// From where.
    pub caller: Caller,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
}

/// Unpacks a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRestore {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// The backup's name, as listed.
    pub name: String,
    /// A folder that does not exist yet, absolute.
    pub into: String,
}
