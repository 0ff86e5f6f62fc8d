//! The daemon itself.

use serde::{Deserialize, Serialize};

/// Stops the daemon once swaps and publishes in flight are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonStop {}

/// Reads the settings file again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonReload {}

/// Changes the log filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonLogLevel {
    /// A level (`debug`) or directives (`info,vsyncd::worker=trace`).
    pub filter: String,
}

/// Asks where the daemon runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonInfo {}
