//! Where the token comes from: the first place that has one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Deserialize;
use vsync_core::secret::Secret;

use super::super::bearer::Tokens;
use super::super::routing::Surroundings;
use super::super::{TargetError, link_local, own_file, vendor_cli};
use super::key_file::KeyFile;

const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const TOKEN: &str = "CLOUDSDK_AUTH_ACCESS_TOKEN";
/// Below the folder of `gcloud`.
const LOGIN: &str = "application_default_credentials.json";
/// The service beside the machine, and the variable with another address.
const METADATA: (&str, &str) = ("metadata.google.internal", "GCE_METADATA_HOST");
/// What `gcloud` needs to find its own settings.
const FOR_GCLOUD: [&str; 2] = ["HOME", "PATH"];

/// A way to have tokens, and the place that offers it.
#[derive(Debug)]
pub(super) struct Credential {
    place: String,
    way: Way,
}

#[derive(Debug)]
enum Way {
    KeyFile(KeyFile),
    /// A token that was given and cannot be renewed.
    Given(Secret<String>),
    /// The host of the metadata server.
    Metadata(String),
    /// The environment of `gcloud`.
    Gcloud(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl Credential {
    /// Looks at the files, variables and services in which Google's own tools look, and has a first token.
    pub(super) async fn find(around: &Surroundings) -> Result<(Self, Secret<String>), TargetError> {
        if let Some(found) = Self::of_files(around).await? {
            let token = found.fetch().await?;
            return Ok((found, token));
        }
        let host = around.variable(METADATA.1).unwrap_or(METADATA.0).to_owned();
        let env = around.env.iter();
        let env =
            env.filter(|(name, _)| FOR_GCLOUD.contains(&name.as_str()) || name.starts_with("CLOUDSDK_"));
        let env = env.map(|(name, value)| (name.clone(), value.clone())).collect();
        let last = [
            ("the metadata server", Way::Metadata(host)),
            ("gcloud auth print-access-token", Way::Gcloud(env)),
        ];
        for (place, way) in last {
            if let Some(token) = way.ask().await? {
                return Ok((Self { place: place.to_owned(), way }, token));
            }
        }
        Err(TargetError::NoCredential {
            target: "gcp",
            looked: format!(
                "{FILE} of the env file, {FILE}, {TOKEN}, {LOGIN} of gcloud, the metadata server, gcloud auth \
                 print-access-token"
            ),
        })
    }

    /// What needs no request to be found.
    async fn of_files(around: &Surroundings) -> Result<Option<Self>, TargetError> {
        if let Some(path) = around.value(FILE) {
            return Self::of_file(&around.vault_root.join(path), &format!("{FILE} of the env file"), true)
                .await;
        }
        if let Some(path) = around.variable(FILE) {
            return Self::of_file(Path::new(path), FILE, true).await;
        }
        if let Some(token) = around.variable(TOKEN).map(str::trim).filter(|token| !token.is_empty()) {
            let way = Way::Given(Secret::new(token.to_owned()));
            return Ok(Some(Self { place: TOKEN.to_owned(), way }));
        }
        let folder = around.variable("CLOUDSDK_CONFIG").map(PathBuf::from);
        let home = || Some(Path::new(around.variable("HOME")?).join(".config/gcloud"));
        match folder.or_else(home).filter(|folder| folder.is_absolute()) {
            Some(folder) => Self::of_file(&folder.join(LOGIN), &format!("{LOGIN} of gcloud"), false).await,
            None => Ok(None),
        }
    }

    async fn of_file(path: &Path, place: &str, named: bool) -> Result<Option<Self>, TargetError> {
        let refuse = |what: &str| TargetError::Denied {
            target: place.to_owned(),
            what: what.to_owned(),
            hint: Some("name a credential file of your own that nobody else can write".into()),
        };
        match own_file::read(path.to_owned()).await.map_err(refuse)? {
            Some(text) => {
                let way = Way::KeyFile(KeyFile::read(text.expose(), place)?);
                Ok(Some(Self { place: place.to_owned(), way }))
            }
            None if named => Err(refuse("there is no such file")),
            None => Ok(None),
        }
    }

    /// The project that has to be named as the one that pays, where the credential says so.
    pub(super) fn quota_project(&self) -> Option<&str> {
        match &self.way {
            Way::KeyFile(file) => file.quota_project.as_deref(),
            _ => None,
        }
    }
}

impl Way {
    async fn ask(&self) -> Result<Option<Secret<String>>, TargetError> {
        match self {
            Self::KeyFile(file) => file.fetch().await.map(Some),
            Self::Given(token) => Ok(Some(token.clone())),
            Self::Metadata(host) => {
                let path = "computeMetadata/v1/instance/service-accounts/default/token";
                let url = format!("http://{host}/{path}");
                let Some((headers, body)) = link_local::get(&url, &[("metadata-flavor", "Google")]).await
                else {
                    return Ok(None);
                };
                // Somebody else may answer at that address in other places.
                if headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
                    return Ok(None);
                }
                let granted = serde_json::from_slice::<Granted>(body.expose()).ok();
                Ok(granted.map(|granted| Secret::new(granted.access_token)))
            }
            Self::Gcloud(env) => Ok(vendor_cli::token("gcloud", &["auth", "print-access-token"], env).await),
        }
    }
}

#[async_trait]
impl Tokens for Credential {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn fetch(&self) -> Result<Secret<String>, TargetError> {
        self.way.ask().await?.ok_or_else(|| TargetError::Denied {
            target: self.place.clone(),
            what: "it gives no further token".into(),
            hint: None,
        })
    }
}
