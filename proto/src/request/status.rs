//! Asking how things are.

use serde::{Deserialize, Serialize};

use super::Caller;

/// Asks for the state of pairs: one environment of the caller's repository, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// From where.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
    /// Every pair of every repository; those of the caller's checkout still come first.
    #[serde(default)]
    pub all: bool,
}

/// Asks for status events: first one for the present state of each matching pair, then one per
/// change, until the client leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// From where. Without it, or without `env`, every pair matches.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
}

/// Looks for what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doctor {
    /// From where.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
}
