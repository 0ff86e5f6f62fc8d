//! The caller's profile in `~/.aws/config` and `~/.aws/credentials`.

use std::path::PathBuf;

use aws_config::meta::region::ProvideRegion as _;
#[expect(
    deprecated,
    reason = "the builders take this type; its newer name is in a crate that is not ours to depend on"
)]
use aws_config::profile::profile_file::{Builder as FilesBuilder, ProfileFileKind, ProfileFiles};
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use vsync_core::secret::Secret;

use super::super::routing::Surroundings;
use super::super::{TargetError, own_file};

/// The variables that name the files, and where they are without.
const CONFIG: (&str, &str) = ("AWS_CONFIG_FILE", ".aws/config");
const CREDENTIALS: (&str, &str) = ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");

/// A named profile and the text of the files that may hold it. They are read here, not by the SDK, which
/// would look at the daemon's variables and trust files of strangers: a profile can name a program to run.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: String,
    config: Option<Secret<String>>,
    credentials: Option<Secret<String>>,
}

impl Profile {
    /// The caller's profile; `None` when there are no files and none is named.
    pub(super) async fn find(around: &Surroundings) -> Result<Option<Self>, TargetError> {
        let named = around.variable("AWS_PROFILE").or_else(|| around.variable("AWS_DEFAULT_PROFILE"));
        let (config, credentials) = (text(around, CONFIG).await?, text(around, CREDENTIALS).await?);
        let name = named.unwrap_or("default").to_owned();
        if config.is_some() || credentials.is_some() {
            return Ok(Some(Self { name, config, credentials }));
        }
        if named.is_none() {
            return Ok(None);
        }
        Err(TargetError::Denied {
            target: format!("the AWS profile '{}'", name.escape_debug()),
            what: "there are no profiles".into(),
            hint: Some(
                "AWS_PROFILE names one, but ~/.aws/config and ~/.aws/credentials are not there".into(),
            ),
        })
    }

    /// Its region, or that of the profile that it builds on.
    pub(super) async fn region(&self) -> Option<String> {
        let provider =
            ProfileFileRegionProvider::builder().profile_name(&self.name).profile_files(self.files()).build();
        provider.region().await.map(|region| region.to_string())
    }

    /// What gives its credentials.
    pub(super) fn provider(
        &self,
        config: &ProviderConfig,
        sources: impl FnOnce(
            aws_config::profile::credentials::Builder,
        ) -> aws_config::profile::credentials::Builder,
    ) -> ProfileFileCredentialsProvider {
        let builder = ProfileFileCredentialsProvider::builder()
            .configure(config)
            .profile_name(&self.name)
            .profile_files(self.files());
        sources(builder).build()
    }

    #[expect(deprecated, reason = "as above")]
    fn files(&self) -> ProfileFiles {
        let kinds =
            [(ProfileFileKind::Config, &self.config), (ProfileFileKind::Credentials, &self.credentials)];
        let given = kinds.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?)));
        given
            .fold(FilesBuilder::new(), |files, (kind, text)| {
                files.with_contents(kind, text.expose().as_str())
            })
            .build()
    }
}

async fn text(
    around: &Surroundings,
    (variable, usual): (&str, &str),
) -> Result<Option<Secret<String>>, TargetError> {
    let home = around.variable("HOME").map(PathBuf::from);
    let file = match around.variable(variable) {
        Some(named) => match (named.strip_prefix("~/"), &home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(named),
        },
        None => match home {
            Some(home) => home.join(usual),
            None => return Ok(None),
        },
    };
    own_file::read(file).await.map_err(|what| TargetError::Denied {
        target: format!("~/{usual}"),
        what: what.to_owned(),
        hint: Some("let it be your own and keep others from writing it: chmod 600".into()),
    })
}
