//! The checkout around a folder, as git's own files describe it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::gitconfig;

/// No file that is read here is larger than this, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// The top level of a checkout, or a folder without git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worktree {
    /// The top level; without git the folder itself. No symlinks in it.
    pub root: PathBuf,
    /// The repository's configuration file; `None` without git.
    pub config: Option<PathBuf>,
}

impl Worktree {
    /// Looks from `cwd` upwards for a `.git` folder, or the `.git` file of a worktree or
    /// submodule.
    ///
    /// # Errors
    /// When `cwd` does not exist, or a `.git` on the way cannot be read.
    pub fn find(cwd: &Path) -> io::Result<Self> {
        let cwd = fs::canonicalize(cwd)?;
        for folder in cwd.ancestors() {
            let dot_git = folder.join(".git");
            let git_dir = match fs::metadata(&dot_git) {
                Ok(found) if found.is_dir() => dot_git,
                Ok(found) if found.is_file() => match linked(&dot_git, "gitdir:")? {
                    Some(git_dir) => git_dir,
                    None => continue,
                },
                Ok(_) => continue,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => continue,
                Err(error) => return Err(error),
            };
            // A worktree has a git folder of its own and shares the configuration.
            let shared = linked(&git_dir.join("commondir"), "")?.unwrap_or(git_dir);
            return Ok(Self { root: folder.to_owned(), config: Some(shared.join("config")) });
        }
        Ok(Self { root: cwd, config: None })
    }

    /// Whether git manages the folder.
    pub const fn is_git(&self) -> bool {
        self.config.is_some()
    }

    /// The URL of the remote `origin` as it is configured. It may hold credentials.
    ///
    /// # Errors
    /// When the configuration is there and cannot be read.
    pub fn origin(&self) -> io::Result<Option<String>> {
        let Some(config) = &self.config else { return Ok(None) };
        let text = read_small(config)?.unwrap_or_default();
        Ok(gitconfig::values(&text, "remote", Some("origin"), "url").into_iter().next())
    }

    /// `user.email` as git would use it: the repository's, the one in `~/.gitconfig`, the one in
    /// `<xdg_config>/git/config`. Files that cannot be read count as absent: the address only
    /// decorates the audit.
    pub fn user_email(&self, home: &Path, xdg_config: &Path) -> Option<String> {
        let files = [home.join(".gitconfig"), xdg_config.join("git/config")];
        self.config.iter().chain(&files).find_map(|file| {
            let text = read_small(file).ok().flatten()?;
            gitconfig::values(&text, "user", None, "email").pop()
        })
    }
}

/// The path a one-line file holds behind `prefix`, relative to the file's folder; `None` when
/// there is no such file or it holds something else.
fn linked(file: &Path, prefix: &str) -> io::Result<Option<PathBuf>> {
    let text = read_small(file)?;
    let path = text.as_deref().and_then(|text| text.strip_prefix(prefix)).map(str::trim);
    Ok(path.filter(|path| !path.is_empty()).map(|path| file.with_file_name(path)))
}

/// A text file, invalid UTF-8 replaced; `None` when there is none or it is no plain file.
pub(super) fn read_small(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT {
        let text = format!("{} has more than {FILE_LIMIT} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests lay out checkouts")]
mod tests {
    use super::*;

    fn lay(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    const CONFIG: &str = "[remote \"origin\"]\n\turl = git@github.com:acme/web.git\n";

    #[test]
    fn the_top_level_is_found_from_any_folder_inside() {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        lay(&root, &[("web/.git/config", CONFIG), ("web/a/b/file", "")]);
        for cwd in ["web", "web/a/b"] {
            let tree = Worktree::find(&root.join(cwd)).unwrap();
            assert_eq!(tree.root, root.join("web"));
            assert_eq!(tree.origin().unwrap().unwrap(), "git@github.com:acme/web.git");
        }
        std::os::unix::fs::symlink(root.join("web/a"), root.join("link")).unwrap();
        assert_eq!(Worktree::find(&root.join("link")).unwrap().root, root.join("web"));
    }

    #[test]
    fn a_worktree_has_its_own_root_and_the_shared_configuration() {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        let git_dir = root.join("web/.git/worktrees/fix");
        lay(
            &root,
            &[
                ("web/.git/config", CONFIG),
                ("web/.git/worktrees/fix/commondir", "../..\n"),
                ("fix/.git", &format!("gitdir: {}\n", git_dir.display())),
                ("sub/.git", "gitdir: ../web/.git/modules/sub\n"),
                ("web/.git/modules/sub/config", "[remote \"origin\"]\nurl = https://host/sub\n"),
            ],
        );
        let tree = Worktree::find(&root.join("fix")).unwrap();
        assert_eq!(tree.root, root.join("fix"));
        assert_eq!(tree.origin().unwrap().unwrap(), "git@github.com:acme/web.git");
        let submodule = Worktree::find(&root.join("sub")).unwrap();
        assert_eq!(submodule.origin().unwrap().unwrap(), "https://host/sub");
    }

    #[test]
    fn without_git_the_folder_itself_is_the_root() {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        lay(&root, &[("a/.git", "not a link")]);
        let tree = Worktree::find(&root.join("a")).unwrap();
        assert_eq!(tree, Worktree { root: root.join("a"), config: None });
        assert!(!tree.is_git());
        assert_eq!(tree.origin().unwrap(), None);
        assert!(Worktree::find(&root.join("missing")).is_err());
    }

    #[test]
    fn the_email_is_the_repositorys_then_the_users() {
        let temp = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(temp.path()).unwrap();
        let email = |address: &str| format!("[user]\nemail = {address}\n");
        lay(&root, &[("web/.git/config", CONFIG), ("xdg/git/config", &email("xdg@x"))]);
        let tree = Worktree::find(&root.join("web")).unwrap();
        let find = || tree.user_email(&root, &root.join("xdg"));
        assert_eq!(find().unwrap(), "xdg@x");
        lay(&root, &[(".gitconfig", &email("home@x"))]);
        assert_eq!(find().unwrap(), "home@x");
        lay(&root, &[("web/.git/config", &email("repo@x"))]);
        assert_eq!(find().unwrap(), "repo@x");
    }

    #[test]
    fn git_itself_agrees() {
        let temp = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let done = std::process::Command::new("git").args(args).current_dir(temp.path()).output();
            done.is_ok_and(|output| output.status.success())
        };
        if !git(&["init", "-q", "."]) {
            return; // no git on this machine
        }
        assert!(git(&["remote", "add", "origin", "https://host/a \"b\";c#d.git"]));
        let tree = Worktree::find(temp.path()).unwrap();
        assert_eq!(tree.origin().unwrap().unwrap(), "https://host/a \"b\";c#d.git");
    }
}
