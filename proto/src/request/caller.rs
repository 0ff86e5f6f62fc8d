//! From where somebody asks.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// From where a person asks: the daemon finds repository and checkout with it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// The working directory, absolute.
    pub cwd: String,
    /// The variables [`Caller::passes`] lets through.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The repository's name, when it was given (`--repo`).
    #[serde(default)]
    pub repo: Option<String>,
}

impl Caller {
    const NAMES: [&str; 12] = [
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "HOME",
        "PATH",
        "GH_HOST",
        "GH_CONFIG_DIR",
        // Where vendors' programs find their settings and the keychain that has their token.
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
    ];
    const PREFIXES: [&str; 5] = ["VAULT_", "AWS_", "AZURE_", "VSYNC_AUDIT_", "CLOUDSDK_"];

    /// Whether a variable of the caller's environment may travel to the daemon.
    pub fn passes(name: &str) -> bool {
        Self::NAMES.contains(&name) || Self::PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }
}

impl fmt::Debug for Caller {
    /// Variables can hold tokens: their names are shown, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.keys().collect();
        f.debug_struct("Caller")
            .field("cwd", &self.cwd)
            .field("env", &names)
            .field("repo", &self.repo)
            .finish()
    }
}
