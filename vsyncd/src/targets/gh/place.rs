//! Which repository, which part of it, behind which API.

use reqwest::Url;

use super::super::TargetError;
use super::super::percent::encoded;

/// The service for everybody.
const GITHUB: &str = "github.com";
/// The service for enterprises that GitHub runs: each has a host of its own below.
const TENANTS: &str = ".ghe.com";

/// Whose secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of one environment of the repository.
    Environment(String),
    /// Those of the repository, for all its workflows.
    Repository,
}

/// A repository as it is named by people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// The host, when it was named by a URL.
    host: Option<String>,
    owner: String,
    name: String,
}

impl Repository {
    /// Reads `owner/name`, `host/owner/name` or `https://host/owner/name`, with or without `.git`.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, TargetError> {
        let text = text.ok_or_else(|| routing("it is not known which GitHub repository is meant".into()))?;
        let bare = text.trim().trim_end_matches('/');
        let bare = bare.strip_prefix("https://").unwrap_or(bare);
        let parts: Vec<&str> = bare.split('/').collect();
        let (host, owner, name) = match parts.as_slice() {
            [owner, name] => (None, *owner, *name),
            [host, owner, name] if host.contains('.') => (Some(*host), *owner, *name),
            _ => return Err(refused(text)),
        };
        let name = name.strip_suffix(".git").unwrap_or(name);
        let plain = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !part.is_empty() && part.chars().all(fits) && !part.chars().all(|c| c == '.')
        };
        if !plain(owner) || !plain(name) || !host.is_none_or(is_host) {
            return Err(refused(text));
        }
        Ok(Self { host: host.map(str::to_lowercase), owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The host, when it was named by a URL.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// `owner/name`.
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The path of the repository in the API.
    pub(super) fn path(&self) -> String {
        format!("/repos/{}/{}", self.owner, self.name)
    }

    /// The path of its environment, or of its secrets.
    pub(super) fn secrets_path(&self, scope: &Scope) -> String {
        match scope {
            Scope::Environment(name) => format!("{}/secrets", self.environment_path(name)),
            Scope::Repository => format!("{}/actions/secrets", self.path()),
        }
    }

    pub(super) fn environment_path(&self, name: &str) -> String {
        format!("{}/environments/{}", self.path(), encoded(name))
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:".contains(c))
}

fn refused(text: &str) -> TargetError {
    routing(format!("'{}' is no GitHub repository", text.escape_debug()))
}

fn routing(what: String) -> TargetError {
    let hint = "write it as OWNER/NAME: --gh-repo, the saved sync.gh.repo, or GITHUB_REPO in the env file";
    TargetError::Routing { what, hint: hint.into() }
}

/// The API of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Api {
    /// The base URL.
    pub(super) base: String,
    /// The host as `gh` names it.
    pub(super) host: String,
}

impl Api {
    /// The API to use: the one that was given, else that of the repository's host, else that of the host
    /// in `GH_HOST`, else github.com.
    pub(super) fn choose(base_url: Option<&str>, repository: &Repository, gh_host: Option<&str>) -> Self {
        if let Some(base) = base_url {
            let url = Url::parse(base).ok();
            let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
            let host = match host.strip_prefix("api.") {
                Some(rest) if rest == GITHUB || rest.ends_with(TENANTS) => rest,
                _ => host,
            };
            return Self { base: base.to_owned(), host: host.to_owned() };
        }
        let named = gh_host.map(str::trim).filter(|host| is_host(host));
        let host = repository.host.as_deref().or(named).unwrap_or(GITHUB).to_lowercase();
        let base = if host == GITHUB || host.ends_with(TENANTS) {
            format!("https://api.{host}")
        } else {
            format!("https://{host}/api/v3")
        };
        Self { base, host }
    }

    /// Whether it is an installation of somebody's own, for which tokens of github.com mean nothing.
    pub(super) fn is_enterprise(&self) -> bool {
        self.host != GITHUB && !self.host.ends_with(TENANTS)
    }

    /// How a description goes on when it is not github.com: two places never read the same.
    pub(super) fn suffix(&self) -> String {
        if self.base == "https://api.github.com" {
            return String::new();
        }
        let bare = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        format!(" on {}", bare.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_read_as_people_write_them() {
        for text in ["acme/web", "https://github.com/acme/web.git", "github.com/acme/web/", " acme/web "] {
            assert_eq!(Repository::parse(Some(text)).unwrap().full_name(), "acme/web", "{text}");
        }
        assert!(Repository::parse(None).is_err());
        let bad = [
            "",
            "web",
            "a/b/c",
            "acme/",
            "/web",
            "acme/..",
            "a b/c",
            "http://h.x/a/b",
            "a/b?c",
            "acme/web/x/y",
        ];
        for text in bad {
            let error = Repository::parse(Some(text)).unwrap_err();
            assert!(
                matches!(&error, TargetError::Routing { hint, .. } if hint.contains("--gh-repo")),
                "{text}"
            );
        }
    }

    #[test]
    fn the_api_follows_the_host() {
        let plain = Repository::parse(Some("acme/web")).unwrap();
        let url = Repository::parse(Some("https://GHE.corp.example/acme/web")).unwrap();
        let cases = [
            (None, &plain, None, "https://api.github.com", "github.com", false),
            (None, &plain, Some("ghe.corp"), "https://ghe.corp/api/v3", "ghe.corp", true),
            (None, &plain, Some("acme.ghe.com"), "https://api.acme.ghe.com", "acme.ghe.com", false),
            (None, &plain, Some("evil/../x"), "https://api.github.com", "github.com", false),
            (None, &url, Some("ghe.corp"), "https://ghe.corp.example/api/v3", "ghe.corp.example", true),
            (Some("http://127.0.0.1:1"), &url, None, "http://127.0.0.1:1", "127.0.0.1", true),
            (
                Some("https://api.github.com"),
                &plain,
                Some("x"),
                "https://api.github.com",
                "github.com",
                false,
            ),
        ];
        for (base_url, repository, gh_host, base, host, enterprise) in cases {
            let api = Api::choose(base_url, repository, gh_host);
            assert_eq!((api.base.as_str(), api.host.as_str()), (base, host));
            assert_eq!(api.is_enterprise(), enterprise, "{base}");
            assert_eq!(api.suffix().is_empty(), base == "https://api.github.com");
        }
    }

    #[test]
    fn environments_with_a_slash_stay_one_part_of_the_path() {
        let repository = Repository::parse(Some("acme/web")).unwrap();
        let scope = Scope::Environment("eu/prod".into());
        assert_eq!(repository.secrets_path(&scope), "/repos/acme/web/environments/eu%2Fprod/secrets");
        assert_eq!(repository.secrets_path(&Scope::Repository), "/repos/acme/web/actions/secrets");
    }
}
