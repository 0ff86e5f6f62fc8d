//! What a vault is called: its repository and its environment.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// The longest repository name that is accepted, in bytes.
pub const REPO_MAX: usize = 200;

/// The name of a repository: `[a-z0-9._]`, never starting with a dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Repo(String);

/// The name of an environment: `[a-z0-9][a-z0-9._-]{0,63}`, lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Env(String);

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing usable is left of the repository name.
    #[error("'{0}' leaves no usable repository name")]
    EmptyRepo(String),
    /// The repository name starts with a dot or is too long.
    #[error("'{0}' is not a repository name: at most {REPO_MAX} of a-z 0-9 . _ and no leading dot")]
    Repo(String),
    /// The folder of that name means something else in the configuration folder.
    #[error("the repository name '{0}' is reserved")]
    Reserved(String),
    /// Not an environment name.
    #[error("'{0}' is not an environment name: 1 to 64 of a-z 0-9 . _ - starting with a letter or digit")]
    Env(String),
}

impl Repo {
    /// Names that are folders of their own beside the repositories' in the configuration tree.
    const RESERVED: [&'static str; 3] = ["profiles", "backups", "config"];

    /// Normalises what a person, a `.vsync` file or an origin path calls the repository: lower
    /// case, each run of `/` and `-` becomes one `_`, other characters outside `[a-z0-9._]` go.
    ///
    /// # Errors
    /// [`BadName`] when nothing is left, or the rest is reserved or starts with a dot.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let mut name = String::with_capacity(text.len());
        let mut in_run = false;
        for c in text.trim_matches('/').chars().flat_map(char::to_lowercase) {
            match c {
                '/' | '-' if in_run => {}
                '/' | '-' => {
                    in_run = true;
                    name.push('_');
                }
                'a'..='z' | '0'..='9' | '.' | '_' => {
                    in_run = false;
                    name.push(c);
                }
                _ => {}
            }
        }
        if name.is_empty() {
            return Err(BadName::EmptyRepo(text.to_owned()));
        }
        if name.starts_with('.') || name.len() > REPO_MAX {
            return Err(BadName::Repo(text.to_owned()));
        }
        if Self::RESERVED.contains(&name.as_str()) {
            return Err(BadName::Reserved(name));
        }
        Ok(Self(name))
    }

    /// The name of the repository an `origin` URL points to: its whole path without host, port
    /// and `.git`, normalised. Understands URLs, `user@host:path` and plain paths.
    ///
    /// # Errors
    /// As [`Repo::new`].
    pub fn from_origin(url: &str) -> Result<Self, BadName> {
        let url = url.trim();
        let path = if let Some((_, rest)) = url.split_once("://") {
            rest.split_once('/').map_or("", |(_, path)| path)
        } else if let Some((host, path)) = url.split_once(':').filter(|(host, _)| !host.contains('/')) {
            // `C:/work/x` is a path, not a host of one letter.
            if host.len() == 1 { url } else { path }
        } else {
            url
        };
        let path = path.trim_end_matches('/');
        Self::new(path.strip_suffix(".git").unwrap_or(path))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Env {
    /// Lower-cases and checks the name.
    ///
    /// # Errors
    /// [`BadName::Env`].
    pub fn new(text: &str) -> Result<Self, BadName> {
        let name = text.to_lowercase();
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let rest =
            bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'));
        if first && rest && name.len() <= 64 { Ok(Self(name)) } else { Err(BadName::Env(text.to_owned())) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One vault: what the bucket's prefix, the configuration file and the key belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// The repository.
    pub repo: Repo,
    /// The environment.
    pub env: Env,
}

impl Pair {
    /// Puts the two together.
    pub const fn new(repo: Repo, env: Env) -> Self {
        Self { repo, env }
    }
}

/// `<repo>/<env>`, which is also the account name in the keychain.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.repo, self.env)
    }
}

macro_rules! text_like {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
text_like!(Repo);
text_like!(Env);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_give_the_name_of_the_whole_path() {
        for (url, name) in [
            ("https://github.com/acme/web.git", "acme_web"),
            ("https://user:pw@git.acme.dev:8443/group/sub-group/My-App", "group_sub_group_my_app"),
            ("ssh://git@github.com:22/acme/web.git/", "acme_web"),
            ("git@github.com:acme-corp/tiny--app.git", "acme_corp_tiny_app"),
            ("host:x", "x"),
            ("/srv/git/web.git", "srv_git_web"),
            ("file:///srv/git/web.git", "srv_git_web"),
            ("C:/work/web", "c_work_web"),
        ] {
            assert_eq!(Repo::from_origin(url).unwrap().as_str(), name, "{url}");
        }
        assert!(Repo::from_origin("https://github.com").is_err());
    }

    #[test]
    fn repositories_that_would_be_another_folder_are_refused() {
        for name in ["", "---/..", ".hidden", "config", "Profiles", "backups", "..", "."] {
            let repo = Repo::new(name);
            assert!(repo.is_err() || repo.as_ref().is_ok_and(|r| r.as_str() == "_.."), "{name}: {repo:?}");
        }
        assert!(Repo::new(&"a".repeat(REPO_MAX + 1)).is_err());
    }

    #[test]
    fn environments_are_lower_cased_and_checked() {
        assert_eq!(Env::new("Prod").unwrap().as_str(), "prod");
        assert_eq!(Env::new("eu-1.blue_green").unwrap().as_str(), "eu-1.blue_green");
        for name in ["", ".env", "-x", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(Env::new(name).is_err(), "{name}");
        }
    }
}
