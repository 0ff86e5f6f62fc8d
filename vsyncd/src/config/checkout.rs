//! Which repository a folder belongs to.

use std::io;
use std::path::{Path, PathBuf};

use vsync_core::id::{BadName, Repo};

use super::worktree::{Worktree, read_small};
use super::{origin, pin};

/// A checkout and the repository it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The git top level (a worktree's own one); without git the folder itself. No symlinks.
    pub root: PathBuf,
    /// The repository's name.
    pub repo: Repo,
    /// What gave the name.
    pub named_by: NamedBy,
    /// The URL of the remote `origin` without credentials, whatever gave the name. Recorded with
    /// the pair, so that another origin of the same name is noticed ([`origin::same`]).
    pub origin: Option<String>,
    /// Whether git manages the folder.
    pub is_git: bool,
}

/// What gave a checkout its repository name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// `--repo`.
    Flag,
    /// The `.vsync` file at the top level.
    Pin,
    /// The URL of the remote `origin`.
    Origin,
}

/// Why a folder has no repository.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// None of the three ways gives a name.
    #[error(
        "cannot tell which repository {root} belongs to: pass --repo NAME, write repo=NAME into {root}/{file}, \
         or give the git checkout a remote called origin",
        root = .0.display(), file = pin::FILE
    )]
    Unnamed(PathBuf),
    /// The name that was found cannot be used.
    #[error("the repository name from {from} cannot be used: {source}")]
    BadName {
        /// `--repo`, the `.vsync` file or the origin.
        from: String,
        /// Which rule it breaks.
        source: BadName,
    },
    /// A file that decides it cannot be read.
    #[error("cannot look at the checkout in {path}: {source}", path = path.display())]
    Io {
        /// The folder that was asked about.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Checkout {
    /// Finds the checkout around `cwd`. Its name is `--repo` when given, else what the `.vsync`
    /// file at the top level says, else what the origin's URL gives.
    ///
    /// # Errors
    /// [`CheckoutError`]; without any name it lists the three ways to give one.
    pub fn find(cwd: &Path, repo_flag: Option<&str>) -> Result<Self, CheckoutError> {
        let failed = |source| CheckoutError::Io { path: cwd.to_owned(), source };
        let tree = Worktree::find(cwd).map_err(failed)?;
        let origin = match tree.origin() {
            Ok(url) => url.as_deref().map(origin::without_credentials),
            // The flag decides; the origin would only have been recorded.
            Err(_) if repo_flag.is_some() => None,
            Err(error) => return Err(failed(error)),
        };
        let (named_by, from, repo) = if let Some(name) = repo_flag {
            (NamedBy::Flag, "--repo".to_owned(), Repo::new(name))
        } else if let Some(name) = pinned(&tree.root).map_err(failed)? {
            (NamedBy::Pin, tree.root.join(pin::FILE).display().to_string(), Repo::new(&name))
        } else if let Some(url) = &origin {
            (NamedBy::Origin, format!("the origin {url}"), Repo::from_origin(url))
        } else {
            return Err(CheckoutError::Unnamed(tree.root));
        };
        let repo = repo.map_err(|source| CheckoutError::BadName { from, source })?;
        let is_git = tree.is_git();
        Ok(Self { root: tree.root, repo, named_by, origin, is_git })
    }
}

fn pinned(root: &Path) -> io::Result<Option<String>> {
    Ok(read_small(&root.join(pin::FILE))?.as_deref().and_then(pin::repo).map(str::to_owned))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests lay out checkouts")]
mod tests {
    use std::fs;

    use super::*;

    fn checkout(config: Option<&str>, pin: Option<&str>) -> tempfile::TempDir {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir_all(temp.path().join("src")).unwrap();
        if let Some(config) = config {
            fs::create_dir_all(temp.path().join(".git")).unwrap();
            fs::write(temp.path().join(".git/config"), config).unwrap();
        }
        if let Some(pin) = pin {
            fs::write(temp.path().join(".vsync"), pin).unwrap();
        }
        temp
    }

    const ORIGIN: &str = "[remote \"origin\"]\nurl = https://me:token@github.com/acme/web.git\n";

    #[test]
    fn flag_then_pin_then_origin_gives_the_name() {
        let temp = checkout(Some(ORIGIN), Some("repo=pinned\n"));
        let cwd = temp.path().join("src");
        let found = Checkout::find(&cwd, Some("Acme/Flag")).unwrap();
        assert_eq!((found.repo.as_str(), found.named_by), ("acme_flag", NamedBy::Flag));
        assert_eq!(found.root, fs::canonicalize(temp.path()).unwrap());
        let found = Checkout::find(&cwd, None).unwrap();
        assert_eq!((found.repo.as_str(), found.named_by), ("pinned", NamedBy::Pin));
        fs::remove_file(temp.path().join(".vsync")).unwrap();
        let found = Checkout::find(&cwd, None).unwrap();
        assert_eq!((found.repo.as_str(), found.named_by, found.is_git), ("acme_web", NamedBy::Origin, true));
    }

    #[test]
    fn the_recorded_origin_has_no_credentials() {
        let temp = checkout(Some(ORIGIN), None);
        let found = Checkout::find(temp.path(), Some("x")).unwrap();
        assert_eq!(found.origin.as_deref(), Some("https://github.com/acme/web.git"));
        assert!(!format!("{found:?}").contains("token"));
    }

    #[test]
    fn without_a_name_all_three_ways_are_said() {
        for temp in [checkout(Some("[core]\n"), None), checkout(None, Some("# nothing\n"))] {
            let error = Checkout::find(temp.path(), None).unwrap_err().to_string();
            for way in ["--repo NAME", ".vsync", "origin"] {
                assert!(error.contains(way), "{error}");
            }
        }
    }

    #[test]
    fn without_git_a_flag_or_a_pin_is_needed() {
        let temp = checkout(None, None);
        let cwd = temp.path().join("src");
        let found = Checkout::find(&cwd, Some("web")).unwrap();
        assert_eq!(found.root, fs::canonicalize(&cwd).unwrap());
        assert_eq!((found.is_git, found.origin), (false, None));
        fs::write(cwd.join(".vsync"), "repo = web\n").unwrap();
        assert_eq!(Checkout::find(&cwd, None).unwrap().named_by, NamedBy::Pin);
    }

    #[test]
    fn a_name_that_cannot_be_used_says_where_it_comes_from() {
        for (flag, pin, part) in
            [(Some("profiles"), None, "--repo"), (None, Some("repo=.."), ".vsync"), (Some("!"), None, "'!'")]
        {
            let error = Checkout::find(checkout(None, pin).path(), flag).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let temp = checkout(Some("[remote \"origin\"]\nurl = https://github.com\n"), None);
        let error = Checkout::find(temp.path(), None).unwrap_err().to_string();
        assert!(error.contains("the origin https://github.com"), "{error}");
        assert!(Checkout::find(Path::new("/nonexistent"), Some("x")).is_err());
    }
}
