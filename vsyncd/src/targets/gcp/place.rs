//! Which project, behind which address.

use super::super::TargetError;
use super::super::routing::{Routing, Surroundings};

/// The public service.
pub(super) const PUBLIC: &str = "https://secretmanager.googleapis.com";
/// The habit of `gcloud`: another address, another project.
const ENDPOINT: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER";
const PROJECT: &str = "CLOUDSDK_CORE_PROJECT";

/// A project and where its secrets are spoken about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The project's id or number.
    pub(super) project: String,
    /// The address, without the version of the API.
    pub(super) base: String,
}

impl Place {
    pub(super) fn choose(routing: &Routing, around: &Surroundings) -> Result<Self, TargetError> {
        let project = routing.gcp_project.as_deref().or_else(|| around.variable(PROJECT));
        let project =
            project.ok_or_else(|| routing_error("it is not known which Google Cloud project is meant"))?;
        let project = project.trim();
        let project = project.strip_prefix("projects/").unwrap_or(project);
        if !is_project(project) {
            let shown = project.escape_debug();
            return Err(routing_error(&format!("'{shown}' is no id or number of a Google Cloud project")));
        }
        let base = routing.base_url.as_deref().or_else(|| around.variable(ENDPOINT)).unwrap_or(PUBLIC);
        let base = base.trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base);
        Ok(Self { project: project.to_owned(), base: base.to_owned() })
    }

    /// For people, and the place's identity.
    pub(super) fn describe(&self) -> String {
        let bare = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        let suffix = if self.base == PUBLIC { String::new() } else { format!(" on {bare}") };
        format!("Google Cloud project {}{suffix}", self.project)
    }

    /// The path of a secret.
    pub(super) fn secret(&self, name: &str) -> String {
        format!("/v1/projects/{}/secrets/{name}", self.project)
    }

    /// The path under which a secret is made.
    pub(super) fn create(&self, name: &str) -> String {
        format!("/v1/projects/{}/secrets?secretId={name}", self.project)
    }
}

/// Ids have lower-case letters, digits and hyphens, older ones a domain and a colon in front.
fn is_project(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 100
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c))
        && !text.contains("..")
}

fn routing_error(what: &str) -> TargetError {
    TargetError::Routing {
        what: what.to_owned(),
        hint: "give its id: --gcp-project, the saved sync.gcp.project, or GCP_PROJECT_ID in the env file"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(project: Option<&str>, base: Option<&str>, env: &[(&str, &str)]) -> Result<Place, TargetError> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let routing = Routing {
            gcp_project: project.map(str::to_owned),
            base_url: base.map(str::to_owned),
            ..Routing::default()
        };
        Place::choose(&routing, &Surroundings { env, ..Surroundings::default() })
    }

    #[test]
    fn projects_are_ids_or_numbers() {
        for (text, project) in [
            ("acme-prod-1", "acme-prod-1"),
            (" projects/123456789012 ", "123456789012"),
            ("example.com:acme", "example.com:acme"),
        ] {
            assert_eq!(choose(Some(text), None, &[]).unwrap().project, project);
        }
        for text in ["", "Acme", "a/b", "a b", "-a", "a-", "..", "a..b", "a?b", "ü"] {
            let error = choose(Some(text), None, &[]).unwrap_err();
            assert!(
                matches!(&error, TargetError::Routing { hint, .. } if hint.contains("--gcp-project")),
                "{text}"
            );
        }
        assert!(choose(None, None, &[]).is_err());
        assert_eq!(choose(None, None, &[(PROJECT, "habit")]).unwrap().project, "habit");
        assert_eq!(choose(Some("flag"), None, &[(PROJECT, "habit")]).unwrap().project, "flag");
    }

    #[test]
    fn the_address_may_be_another_one() {
        let base = |base, env: &[(&str, &str)]| choose(Some("p"), base, env).unwrap().base;
        assert_eq!(base(None, &[]), PUBLIC);
        assert_eq!(base(Some("http://127.0.0.1:1/v1/"), &[]), "http://127.0.0.1:1");
        assert_eq!(base(None, &[(ENDPOINT, "http://127.0.0.1:2/")]), "http://127.0.0.1:2");
        assert_eq!(base(Some("https://x/y"), &[(ENDPOINT, "http://127.0.0.1:2/")]), "https://x/y");
        let place = choose(Some("p"), Some("https://x/y"), &[]).unwrap();
        assert_eq!(place.describe(), "Google Cloud project p on x/y");
        assert_eq!(choose(Some("p"), None, &[]).unwrap().describe(), "Google Cloud project p");
    }
}
