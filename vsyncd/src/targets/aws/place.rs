//! Which region, behind which address, under which prefix.

use super::super::TargetError;
use super::super::routing::{Routing, Surroundings};
use super::profile::Profile;

/// Variables that name a region, the first one first.
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
/// Variables with another address, the nearer one first, and the one that switches them off.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"];
const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// A region and what names begin with there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) base: String,
    pub(super) prefix: String,
    public: bool,
}

impl Place {
    pub(super) async fn choose(
        routing: &Routing,
        around: &Surroundings,
        profile: Option<&Profile>,
    ) -> Result<Self, TargetError> {
        let named = routing.aws_region.as_deref();
        let named =
            named.or_else(|| REGIONS.iter().find_map(|name| around.variable(name))).map(str::to_owned);
        let region = match (named, profile) {
            (None, Some(profile)) => profile.region().await,
            (named, _) => named,
        };
        let region = region.ok_or_else(|| refused("it is not known which AWS region is meant".into()))?;
        let region = region.trim();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || region.len() > 40 || !region.chars().all(fits) {
            return Err(refused(format!("'{}' is no AWS region", region.escape_debug())));
        }
        let ignored = around.variable(IGNORE_ENDPOINTS).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let habit = || ENDPOINTS.iter().find_map(|name| around.variable(name)).filter(|_| !ignored);
        let other = routing.base_url.as_deref().or_else(habit);
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let public = format!("https://secretsmanager.{region}.{domain}");
        Ok(Self {
            region: region.to_owned(),
            base: other.unwrap_or(&public).trim_end_matches('/').to_owned(),
            prefix: routing.aws_secret_prefix.clone().unwrap_or_default(),
            public: other.is_none(),
        })
    }

    /// The name of a secret in AWS.
    pub(super) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// For people, and the place's identity; `account` where the credential tells it.
    pub(super) fn describe(&self, account: Option<&str>) -> String {
        let mut text = format!("AWS Secrets Manager in {}", self.region);
        if let Some(account) = account {
            text.push_str(&format!(", account {account}"));
        }
        if !self.prefix.is_empty() {
            text.push_str(&format!(", names from {}", self.prefix));
        }
        if !self.public {
            let bare = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
            text.push_str(&format!(", on {bare}"));
        }
        text
    }
}

fn refused(what: String) -> TargetError {
    TargetError::Routing {
        what,
        hint:
            "name it: --aws-region, the saved sync.aws.region, AWS_REGION, AWS_DEFAULT_REGION, or region in \
               the profile of ~/.aws/config"
                .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn choose(routing: Routing, env: &[(&str, &str)]) -> Result<Place, TargetError> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Place::choose(&routing, &Surroundings { env, ..Surroundings::default() }, None).await
    }

    fn region(text: &str) -> Routing {
        Routing { aws_region: Some(text.into()), ..Routing::default() }
    }

    #[tokio::test]
    async fn the_address_follows_the_region() {
        let base = async |routing, env: &[(&str, &str)]| choose(routing, env).await.unwrap().base;
        assert_eq!(
            base(region("eu-central-1"), &[]).await,
            "https://secretsmanager.eu-central-1.amazonaws.com"
        );
        assert_eq!(
            base(region("cn-north-1"), &[]).await,
            "https://secretsmanager.cn-north-1.amazonaws.com.cn"
        );
        let env = [
            ("AWS_DEFAULT_REGION", "b-1"),
            ("AWS_REGION", "a-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1/"),
        ];
        assert_eq!(base(Routing::default(), &env).await, "http://127.0.0.1:1");
        assert_eq!(choose(Routing::default(), &env).await.unwrap().region, "a-1");
        let nearer = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2"), env[2]];
        assert_eq!(base(region("a-1"), &nearer).await, "http://127.0.0.1:2");
        let ignored = [(IGNORE_ENDPOINTS, "True"), env[2]];
        assert_eq!(base(region("a-1"), &ignored).await, "https://secretsmanager.a-1.amazonaws.com");
        let given = Routing { base_url: Some("https://x".into()), ..region("a-1") };
        assert_eq!(base(given, &nearer).await, "https://x");
    }

    #[tokio::test]
    async fn a_region_is_needed_and_checked() {
        let none = choose(Routing::default(), &[]).await.unwrap_err();
        assert!(matches!(&none, TargetError::Routing { hint, .. } if hint.contains("AWS_REGION")), "{none}");
        for text in ["EU", "a.b", "a/b", "evil.example/?", " "] {
            assert!(matches!(choose(region(text), &[]).await, Err(TargetError::Routing { .. })), "{text}");
        }
    }

    #[tokio::test]
    async fn places_have_names_of_their_own() {
        let place = choose(region("a-1"), &[]).await.unwrap();
        assert_eq!(place.describe(None), "AWS Secrets Manager in a-1");
        let other = Routing {
            aws_secret_prefix: Some("app/".into()),
            base_url: Some("https://x".into()),
            ..region("a-1")
        };
        let place = choose(other, &[]).await.unwrap();
        assert_eq!(place.describe(Some("1")), "AWS Secrets Manager in a-1, account 1, names from app/, on x");
        assert_eq!(place.name("KEY"), "app/KEY");
    }
}
