//! Where the token comes from: the first place that has one.

use std::collections::BTreeMap;

use vsync_core::secret::Secret;

use super::super::routing::Surroundings;
use super::super::{TargetError, vendor_cli};
use super::place::Api;

/// The variables that carry a token, and those for an installation of somebody's own.
const PUBLIC: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];
const ENTERPRISE: [&str; 2] = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
/// What `gh` needs to find its own settings and its keychain.
const FOR_GH: [&str; 6] =
    ["HOME", "PATH", "GH_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/// A token and the place that had it.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) token: Secret<String>,
    pub(super) place: String,
}

impl Credential {
    /// Looks at the env file's `GITHUB_TOKEN`, then at the variables of the caller, then asks `gh`.
    pub(super) async fn find(around: &Surroundings, api: &Api) -> Result<Self, TargetError> {
        let found = |token: &str, place: &str| {
            let token = token.trim();
            (!token.is_empty())
                .then(|| Self { token: Secret::new(token.to_owned()), place: place.to_owned() })
        };
        let file = around.value("GITHUB_TOKEN");
        if let Some(found) = file.and_then(|token| found(token, "GITHUB_TOKEN of the env file")) {
            return Ok(found);
        }
        let own: &[&str] = if api.is_enterprise() { &ENTERPRISE } else { &[] };
        let names = || own.iter().chain(&PUBLIC);
        if let Some(found) = names().find_map(|name| found(around.variable(name)?, name)) {
            return Ok(found);
        }
        let given = around.env.iter().filter(|(name, _)| FOR_GH.contains(&name.as_str()));
        let given: BTreeMap<String, String> = given.map(|(n, v)| (n.clone(), v.clone())).collect();
        if let Some(token) =
            vendor_cli::token("gh", &["auth", "token", "--hostname", &api.host], &given).await
        {
            return Ok(Self { token, place: "gh auth token".to_owned() });
        }
        let names = names().copied().collect::<Vec<_>>().join(", ");
        Err(TargetError::NoCredential {
            target: "gh",
            looked: format!("GITHUB_TOKEN of the env file, {names}, gh auth token --hostname {}", api.host),
        })
    }
}
