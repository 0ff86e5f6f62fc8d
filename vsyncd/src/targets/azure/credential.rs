//! Where the token comes from: the first place that has one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use vsync_core::secret::Secret;

use super::super::bearer::Tokens;
use super::super::percent::encoded;
use super::super::routing::Surroundings;
use super::super::token_endpoint::TokenEndpoint;
use super::super::{TargetError, link_local, vendor_cli};
use super::place::Place;

/// The service beside every virtual machine, and the variable with another address.
const INSTANCE: (&str, &str) = ("http://169.254.169.254", "AZURE_POD_IDENTITY_AUTHORITY_HOST");
/// What `az` needs to find its own login.
const FOR_AZ: [&str; 3] = ["HOME", "PATH", "AZURE_CONFIG_DIR"];

/// A way to have tokens for key vaults, and the place that offers it.
#[derive(Debug)]
pub(super) struct Credential {
    place: &'static str,
    way: Way,
    resource: String,
}

#[derive(Debug)]
enum Way {
    /// An application with a secret.
    Client { endpoint: TokenEndpoint, id: String, secret: Secret<String> },
    /// The service beside an app, and the word that it wants to hear.
    App { url: String, header: Secret<String> },
    /// The service beside a virtual machine.
    Instance { url: String },
    /// The environment of `az`.
    Az(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl Credential {
    /// Looks for an application's secret in the variables of the caller, then for the identity of the
    /// machine, then asks `az`; and has a first token.
    pub(super) async fn find(
        place: &Place,
        around: &Surroundings,
    ) -> Result<(Self, Secret<String>), TargetError> {
        for (name, way) in ways(place, around)? {
            let found = Self { place: name, way, resource: place.resource.clone() };
            if let Some(token) = found.ask().await? {
                return Ok((found, token));
            }
        }
        Err(TargetError::NoCredential {
            target: "azure",
            looked: "AZURE_CLIENT_SECRET (with AZURE_TENANT_ID and AZURE_CLIENT_ID), the managed identity, az account \
                     get-access-token"
                .into(),
        })
    }

    async fn ask(&self) -> Result<Option<Secret<String>>, TargetError> {
        match &self.way {
            Way::Client { endpoint, id, secret } => {
                let scope = format!("{}/.default", self.resource);
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", id.as_str()),
                    ("client_secret", secret.expose().as_str()),
                    ("scope", scope.as_str()),
                ];
                endpoint.ask(&form).await.map(Some)
            }
            Way::App { url, header } => {
                Ok(identity(url, ("x-identity-header", header.expose().as_str())).await)
            }
            Way::Instance { url } => Ok(identity(url, ("metadata", "true")).await),
            Way::Az(env) => {
                let args = ["account", "get-access-token", "--resource", &self.resource];
                let args = [&args[..], &["--query", "accessToken", "--output", "tsv"]].concat();
                Ok(vendor_cli::token("az", &args, env).await)
            }
        }
    }
}

/// Everything that may have a token here, in order.
fn ways(place: &Place, around: &Surroundings) -> Result<Vec<(&'static str, Way)>, TargetError> {
    let mut ways = Vec::new();
    let variable = |name: &str| around.variable(name).map(str::trim).filter(|text| !text.is_empty());
    let (tenant, id) = (variable("AZURE_TENANT_ID"), variable("AZURE_CLIENT_ID"));
    if let (Some(tenant), Some(id), Some(secret)) = (tenant, id, variable("AZURE_CLIENT_SECRET")) {
        let authority = variable("AZURE_AUTHORITY_HOST").unwrap_or(place.authority).trim_end_matches('/');
        let authority =
            if authority.contains("://") { authority.to_owned() } else { format!("https://{authority}") };
        let hint =
            "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; secrets of applications run out";
        let endpoint =
            TokenEndpoint::new(&format!("{authority}/{}/oauth2/v2.0/token", encoded(tenant)), hint)?;
        ways.push((
            "AZURE_CLIENT_SECRET",
            Way::Client { endpoint, id: id.to_owned(), secret: Secret::new(secret.to_owned()) },
        ));
    }
    let whose = id.map(|id| format!("&client_id={}", encoded(id))).unwrap_or_default();
    let resource = encoded(&place.resource);
    match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
        (Some(endpoint), Some(header)) => {
            let url = format!("{endpoint}?api-version=2019-08-01&resource={resource}{whose}");
            ways.push((
                "the managed identity of the app",
                Way::App { url, header: Secret::new(header.to_owned()) },
            ));
        }
        _ => {
            let host = variable(INSTANCE.1).unwrap_or(INSTANCE.0).trim_end_matches('/');
            let url = format!(
                "{host}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{whose}"
            );
            ways.push(("the managed identity of the machine", Way::Instance { url }));
        }
    }
    let given = around.env.iter().filter(|(name, _)| FOR_AZ.contains(&name.as_str()));
    ways.push(("az account get-access-token", Way::Az(given.map(|(n, v)| (n.clone(), v.clone())).collect())));
    Ok(ways)
}

async fn identity(url: &str, header: (&'static str, &str)) -> Option<Secret<String>> {
    let (_, body) = link_local::get(url, &[header]).await?;
    let granted = serde_json::from_slice::<Granted>(body.expose()).ok()?;
    Some(Secret::new(granted.access_token))
}

#[async_trait]
impl Tokens for Credential {
    fn place(&self) -> String {
        self.place.to_owned()
    }

    async fn fetch(&self) -> Result<Secret<String>, TargetError> {
        self.ask().await?.ok_or_else(|| TargetError::Denied {
            target: self.place.to_owned(),
            what: "it gives no further token".into(),
            hint: None,
        })
    }
}
