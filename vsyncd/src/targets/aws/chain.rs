//! Where AWS credentials come from: the order of the SDK's default chain.
//!
//! The SDK's own chain reads the daemon's variables, and offers no way to give it others; so it is put
//! together here from the SDK's providers, with the caller's variables and files. Only the services beside
//! the machine (containers, instances) are the daemon's: they tell who the machine is, not who the caller.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_config::{Region, imds};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::tls;

use super::super::TargetError;
use super::super::routing::Surroundings;
use super::profile::Profile;

/// How long a machine that is no instance of EC2 is kept waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// The providers in their order, each with its name for people.
#[derive(Debug)]
pub(super) struct Chain(Vec<(String, SharedCredentialsProvider)>);

impl Chain {
    pub(super) fn new(around: &Surroundings, profile: Option<&Profile>, region: &str) -> Self {
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_http_client(
                aws_smithy_http_client::Builder::new()
                    .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
                    .build_https(),
            );
        let mut chain = Vec::new();
        let keys = variables(around);
        if let Some(keys) = &keys {
            chain.push(("AWS_ACCESS_KEY_ID".to_owned(), SharedCredentialsProvider::new(keys.clone())));
        }
        if let Some(profile) = profile {
            let provider = profile.provider(&config, |builder| {
                let builder = builder.with_custom_provider("Ec2InstanceMetadata", instance(&config));
                match keys {
                    Some(keys) => builder.with_custom_provider("Environment", keys),
                    None => builder,
                }
            });
            chain.push((format!("profile {}", profile.name), SharedCredentialsProvider::new(provider)));
        }
        if let Some(identity) = web_identity(around) {
            let provider = WebIdentityTokenCredentialsProvider::builder()
                .configure(&config)
                .static_configuration(identity)
                .build();
            chain.push(("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(), SharedCredentialsProvider::new(provider)));
        }
        let container = EcsCredentialsProvider::builder().configure(&config).build();
        chain.push(("the role of the container".to_owned(), SharedCredentialsProvider::new(container)));
        let disabled = around.variable("AWS_EC2_METADATA_DISABLED");
        if !disabled.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            let provider = SharedCredentialsProvider::new(instance(&config));
            chain.push(("the role of the instance".to_owned(), provider));
        }
        Self(chain)
    }

    /// The first credentials, and the place that had them.
    pub(super) async fn credentials(&self) -> Result<(String, Credentials), TargetError> {
        for (place, provider) in &self.0 {
            match provider.provide_credentials().await {
                Ok(credentials) => return Ok((place.clone(), credentials)),
                Err(CredentialsError::CredentialsNotLoaded(_)) => {}
                Err(error) => return Err(broken(place, &error)),
            }
        }
        Err(TargetError::NoCredential {
            target: "aws",
            looked: "AWS_ACCESS_KEY_ID, the profile (AWS_PROFILE, ~/.aws/config, ~/.aws/credentials), \
                     AWS_WEB_IDENTITY_TOKEN_FILE, the role of the container, the role of the instance"
                .into(),
        })
    }
}

/// What a provider that is there but fails means. Its own words may quote what a program printed or a
/// file holds, so they are not shown.
fn broken(place: &str, error: &CredentialsError) -> TargetError {
    let target = place.to_owned();
    let hint = "check it with: aws sts get-caller-identity; a login through IAM Identity Center is renewed with: \
                aws sso login";
    match error {
        CredentialsError::ProviderTimedOut(_) => {
            TargetError::Unreachable { target, what: "it gave no AWS credentials in time".into() }
        }
        CredentialsError::InvalidConfiguration(_) => {
            TargetError::Denied { target, what: "its settings make no sense".into(), hint: Some(hint.into()) }
        }
        _ => TargetError::Denied {
            target,
            what: "it gives no AWS credentials".into(),
            hint: Some(hint.into()),
        },
    }
}

fn instance(config: &ProviderConfig) -> ImdsCredentialsProvider {
    let client = imds::Client::builder()
        .configure(config)
        .max_attempts(2)
        .connect_timeout(PATIENCE)
        .read_timeout(PATIENCE)
        .build();
    ImdsCredentialsProvider::builder().configure(config).imds_client(client).build()
}

/// Keys in the caller's variables.
fn variables(around: &Surroundings) -> Option<Credentials> {
    let id = around.variable("AWS_ACCESS_KEY_ID").map(str::trim).filter(|id| !id.is_empty())?;
    let key = around.variable("AWS_SECRET_ACCESS_KEY").map(str::trim).filter(|key| !key.is_empty())?;
    let session = around.variable("AWS_SESSION_TOKEN").map(|token| token.trim().to_owned());
    let builder = Credentials::builder().access_key_id(id).secret_access_key(key).provider_name("caller");
    let mut builder = match around.variable("AWS_ACCOUNT_ID") {
        Some(account) => builder.account_id(account),
        None => builder,
    };
    builder.set_session_token(session);
    Some(builder.build())
}

/// The habit of Kubernetes on EKS: a file with a token, and a role to take with it.
fn web_identity(around: &Surroundings) -> Option<StaticConfiguration> {
    Some(StaticConfiguration {
        web_identity_token_file: around.variable("AWS_WEB_IDENTITY_TOKEN_FILE")?.into(),
        role_arn: around.variable("AWS_ROLE_ARN")?.to_owned(),
        session_name: around.variable("AWS_ROLE_SESSION_NAME").unwrap_or("vsync").to_owned(),
    })
}
