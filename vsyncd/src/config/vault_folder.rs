//! Where in a checkout a vault may lie.

use std::path::{Path, PathBuf};

use vsync_core::id::Env;
use vsync_core::relpath::{BadPath, RelPath};

/// The folder that holds the vaults of all environments unless another is chosen.
pub const DEFAULT_PARENT: &str = "infra/vault";
/// Stands for the environment's name in `--vault-folder`.
const PLACEHOLDER: &str = "<env>";

/// Why a folder cannot be a vault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFolder {
    /// Not a path inside the checkout.
    #[error(
        "'{folder}' cannot be a vault folder: {source}; give a path relative to the checkout's top level"
    )]
    Path {
        /// What was asked for.
        folder: String,
        /// Which rule it breaks.
        source: BadPath,
    },
    /// The top level itself.
    #[error("the top level of the checkout cannot be the vault folder; choose a folder inside")]
    Root,
    /// Inside git's own folder.
    #[error("'{0}' lies in git's own folder")]
    Git(String),
    /// A placeholder that does not exist, or a character that no line of `.gitignore` can hold.
    #[error("'{0}' cannot be a vault folder: only <env> may stand for something, and no control characters")]
    Characters(String),
    /// Another vault lies in it, or it lies in another vault, or it is one.
    #[error("{folder} and the vault folder {other} lie in each other", folder = folder.display(), other = other.display())]
    Nested {
        /// What was asked for.
        folder: PathBuf,
        /// The folder that is registered.
        other: PathBuf,
    },
}

/// The vault folder of an environment, relative to the checkout's top level: the one asked for
/// (`<env>` is replaced) or `infra/vault/<env>`.
///
/// # Errors
/// [`BadFolder`]; nesting is judged by [`check_nesting`].
pub fn resolve(asked: Option<&str>, env: &Env) -> Result<RelPath, BadFolder> {
    let default = format!("{DEFAULT_PARENT}/{PLACEHOLDER}");
    let asked = asked.unwrap_or(&default);
    let folder = asked.replace(PLACEHOLDER, env.as_str());
    let trimmed = folder.trim_start_matches("./").trim_end_matches('/');
    if matches!(trimmed, "" | ".") && !folder.starts_with('/') {
        return Err(BadFolder::Root);
    }
    if trimmed.chars().any(|c| c.is_control() || matches!(c, '<' | '>')) {
        return Err(BadFolder::Characters(asked.escape_default().to_string()));
    }
    let path = RelPath::new(trimmed)
        .map_err(|source| BadFolder::Path { folder: asked.escape_default().to_string(), source })?;
    // Some file systems take .GIT for .git.
    if path.components().any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err(BadFolder::Git(asked.to_owned()));
    }
    Ok(path)
}

/// Refuses a folder that is, lies in or contains one of the registered vault folders (all
/// absolute; leave out the pair's own). Case is ignored, for some file systems do.
///
/// # Errors
/// [`BadFolder::Nested`] names the first such folder.
pub fn check_nesting<'a>(
    folder: &Path,
    registered: impl IntoIterator<Item = &'a Path>,
) -> Result<(), BadFolder> {
    let fold = |path: &Path| PathBuf::from(path.to_string_lossy().to_lowercase());
    let ours = fold(folder);
    match registered.into_iter().find(|other| {
        let other = fold(other);
        ours.starts_with(&other) || other.starts_with(&ours)
    }) {
        Some(other) => Err(BadFolder::Nested { folder: folder.to_owned(), other: other.to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(asked: &str) -> Result<String, BadFolder> {
        resolve(Some(asked), &Env::new("dev").unwrap()).map(|path| path.as_str().to_owned())
    }

    #[test]
    fn the_environment_is_filled_in() {
        assert_eq!(resolve(None, &Env::new("Prod").unwrap()).unwrap().as_str(), "infra/vault/prod");
        assert_eq!(resolved("secrets/<env>/").unwrap(), "secrets/dev");
        assert_eq!(resolved("./secrets").unwrap(), "secrets");
        assert_eq!(resolved("<env>-<env>").unwrap(), "dev-dev");
    }

    #[test]
    fn nothing_outside_the_checkout_or_special_is_taken() {
        for asked in ["", ".", "./", "././"] {
            assert_eq!(resolved(asked), Err(BadFolder::Root), "{asked:?}");
        }
        for asked in ["/", "/etc", "../x", "a/../b", "a/./b", "a//b", "a\\b", "C:/x"] {
            assert!(matches!(resolved(asked), Err(BadFolder::Path { .. })), "{asked:?}");
        }
        for asked in [".git", ".git/x", "sub/.GIT/x"] {
            assert!(matches!(resolved(asked), Err(BadFolder::Git(_))), "{asked:?}");
        }
        for asked in ["<repo>/x", "a\nb", "a>"] {
            assert!(matches!(resolved(asked), Err(BadFolder::Characters(_))), "{asked:?}");
        }
    }

    #[test]
    fn vaults_never_lie_in_each_other() {
        let registered = ["/w/web/infra/vault/dev", "/w/api/secrets"].map(Path::new);
        let check = |folder: &str| check_nesting(Path::new(folder), registered);
        for folder in ["/w/web/infra/vault/prod", "/w/api/secrets2", "/w/apis"] {
            assert_eq!(check(folder), Ok(()), "{folder}");
        }
        for folder in
            ["/w/web/infra/vault/dev", "/w/web/infra/vault/dev/x", "/w/web/infra", "/w/API/Secrets/a"]
        {
            assert!(matches!(check(folder), Err(BadFolder::Nested { .. })), "{folder}");
        }
    }
}
