//! The hidden folders beside a vault folder: staged ones and displaced ones.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use vsync_core::id::Env;
use vsync_core::version::{LEN, Version};

use super::fault::cannot;
use super::folder::{Folder, FolderId, facts_at, names};

/// What a sibling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiblingKind {
    /// `.vsync-<env>.new-<stamp>.part`: being filled; was never in the vault folder's place.
    Part,
    /// `.vsync-<env>.new-<stamp>`: staged whole, or what an exchange has just displaced.
    Staged,
    /// `.vsync-<env>.new-<stamp>.aside`: the old folder while the system could not exchange.
    Aside,
    /// `.vsync-<env>.old-<deadline>`: a displaced folder that is kept for a while.
    Old,
}

/// A sibling folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub kind: SiblingKind,
    /// Its stamp: when it was staged, or the deadline of an old one. UTC.
    pub stamp: Version,
    /// Which folder it is.
    pub id: FolderId,
}

/// The name of a sibling. `serial` tells those of one second apart; the first is 1.
pub(crate) fn name(env: &Env, kind: SiblingKind, stamp: Version, serial: u32) -> OsString {
    let (word, end) = match kind {
        SiblingKind::Part => ("new", ".part"),
        SiblingKind::Staged => ("new", ""),
        SiblingKind::Aside => ("new", ".aside"),
        SiblingKind::Old => ("old", ""),
    };
    let serial = if serial > 1 { format!("-{serial}") } else { String::new() };
    format!(".vsync-{env}.{word}-{stamp}{serial}{end}").into()
}

/// The patterns that keep siblings out of a repository, for its `.gitignore`.
pub const IGNORE_PATTERNS: [&str; 2] = [".vsync-*.new-*", ".vsync-*.old-*"];

/// The siblings of the vault folder of `env` that lies in `parent`, by name. Only folders; a
/// missing parent has none.
///
/// # Errors
/// The system's, with the path.
pub fn siblings(parent: &Path, env: &Env) -> io::Result<Vec<Sibling>> {
    let list = || -> io::Result<Vec<Sibling>> {
        let open = match Folder::parent_of(&parent.join("x")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?.0,
        };
        let mut found = Vec::new();
        for name in names(&open)? {
            let Some((kind, stamp)) = name.to_str().ok().and_then(|name| parse(env, name)) else {
                continue;
            };
            if let Some(facts) = facts_at(&open, name.as_c_str())?
                && facts.kind == FileType::Directory
            {
                let path = parent.join(std::ffi::OsStr::from_bytes(name.as_bytes()));
                found.push(Sibling { path, kind, stamp, id: facts.id });
            }
        }
        Ok(found)
    };
    list().map_err(cannot("list", parent.display()))
}

fn parse(env: &Env, name: &str) -> Option<(SiblingKind, Version)> {
    let rest = name.strip_prefix(".vsync-")?.strip_prefix(env.as_str())?.strip_prefix('.')?;
    let (kind, rest) = if let Some(rest) = rest.strip_prefix("old-") {
        (SiblingKind::Old, rest)
    } else {
        let rest = rest.strip_prefix("new-")?;
        if let Some(rest) = rest.strip_suffix(".part") {
            (SiblingKind::Part, rest)
        } else if let Some(rest) = rest.strip_suffix(".aside") {
            (SiblingKind::Aside, rest)
        } else {
            (SiblingKind::Staged, rest)
        }
    };
    let stamp = rest.get(..LEN)?.parse().ok()?;
    let serial = &rest[LEN..];
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (serial.is_empty() || serial.strip_prefix('-').is_some_and(digits)).then_some((kind, stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_environments_kept_apart() {
        let stamp: Version = "20260523-114201".parse().unwrap();
        let (dev, odd) = (Env::new("dev").unwrap(), Env::new("dev.new-x").unwrap());
        let kinds = [SiblingKind::Part, SiblingKind::Staged, SiblingKind::Aside, SiblingKind::Old];
        for kind in kinds {
            for serial in [1, 2, 13] {
                let name = name(&dev, kind, stamp, serial).into_string().unwrap();
                assert_eq!(parse(&dev, &name), Some((kind, stamp)), "{name}");
                assert_eq!(parse(&odd, &name), None, "{name}");
            }
            let name = name(&odd, kind, stamp, 1).into_string().unwrap();
            assert_eq!(parse(&dev, &name), None, "{name}");
        }
        for name in [".vsync-dev.new-20260523-114201x", ".vsync-dev.old-20261323-114201", ".vsync-dev.new-é"]
        {
            assert_eq!(parse(&dev, name), None, "{name}");
        }
    }

    #[test]
    fn only_folders_are_siblings() {
        let temp = tempfile::tempdir().unwrap();
        let dev = Env::new("dev").unwrap();
        assert_eq!(siblings(&temp.path().join("none"), &dev).unwrap(), []);
        std::fs::write(temp.path().join(".vsync-dev.new-20260523-114201"), "").unwrap();
        std::os::unix::fs::symlink("/", temp.path().join(".vsync-dev.old-20260523-114201")).unwrap();
        std::fs::create_dir(temp.path().join(".vsync-dev.old-20260523-114202-2")).unwrap();
        let found = siblings(temp.path(), &dev).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, temp.path().join(".vsync-dev.old-20260523-114202-2"));
        assert_eq!(found[0].stamp.to_string(), "20260523-114202");
    }
}
