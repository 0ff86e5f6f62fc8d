//! Encrypted backups: files in one folder, named for pair and time.
//!
//! Whether a backup's content is also in the bucket is remembered by an empty file of the same
//! name in the folder `.published` beside it. Without that mark a backup counts as the only copy
//! of something and is never removed by itself, so losing the marks loses no backup.

use std::io;
use std::path::Path;

use rustix::fs::FileType;
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::version::{LEN, Version};

use super::atomic;
use super::fault::cannot;
use super::folder::{Folder, facts_at, names};

/// How many published backups of a pair are kept by default.
pub const KEEP: usize = 20;

const SUFFIX: &str = ".zip.enc";
const MARKS: &str = ".published";

/// One backup file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its file name.
    pub name: String,
    /// The repository; `None` in names of the older form `<env>-<ts>.zip.enc`.
    pub repo: Option<Repo>,
    /// The environment.
    pub env: Env,
    /// When it was made, UTC.
    pub at: Version,
    /// Size in bytes.
    pub size: u64,
    /// True when its content is known to be in the bucket as well.
    pub published: bool,
}

/// Stores a backup under the first free second from `at` on, 0600, and returns its name.
/// `published` says that the content is in the bucket as well.
///
/// # Errors
/// The system's, with the path.
pub fn store(dir: &Path, pair: &Pair, at: Version, ciphertext: &[u8], published: bool) -> io::Result<String> {
    atomic::create_private_dirs(dir)?;
    let mut at = at;
    let name = loop {
        let name = format!("{}-{}-{at}{SUFFIX}", pair.repo, pair.env);
        // A mark that outlived its file must not vouch for another one.
        if !dir.join(MARKS).join(&name).exists() {
            match atomic::write_new(&dir.join(&name), ciphertext, 0o600) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => break other.map(|()| name)?,
            }
        }
        let next = at.successor();
        if next == at {
            return Err(cannot("store a backup in", dir.display())(io::Error::from(
                io::ErrorKind::AlreadyExists,
            )));
        }
        at = next;
    };
    if published && let Err(error) = mark_published(dir, &name) {
        // Without its mark it would be kept for ever, and each further try would add one.
        let _ = discard(dir, &name);
        return Err(error);
    }
    Ok(name)
}

/// Removes a backup that turned out not to be needed: what it holds is where it was.
///
/// # Errors
/// The system's, with the path.
pub fn discard(dir: &Path, name: &str) -> io::Result<()> {
    // The mark first: a file without one is kept, a mark without a file would lie.
    match atomic::remove(&dir.join(MARKS).join(name)) {
        // Where no marks can be there is none.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
        other => drop(other?),
    }
    atomic::remove(&dir.join(name)).map(|_| ())
}

/// Notes that a backup's content is in the bucket as well.
fn mark_published(dir: &Path, name: &str) -> io::Result<()> {
    let marks = dir.join(MARKS);
    atomic::create_private_dirs(&marks)?;
    atomic::write(&marks.join(name), b"", 0o600)
}

/// The backups in `dir`, newest first; with a pair, those whose name is or may be that pair's
/// (the older form names no repository). A missing folder holds none.
///
/// # Errors
/// The system's, with the path.
pub fn list(dir: &Path, pair: Option<&Pair>) -> io::Result<Vec<Backup>> {
    let list = || -> io::Result<Vec<Backup>> {
        let open = match Folder::parent_of(&dir.join("x")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?.0,
        };
        let mut found = Vec::new();
        for name in names(&open)? {
            let Some((name, (repo, env, at))) = name.to_str().ok().and_then(|n| Some((n, parse(n, pair)?)))
            else {
                continue;
            };
            if let Some(facts) = facts_at(&open, name)?
                && facts.kind == FileType::RegularFile
            {
                let published = dir.join(MARKS).join(name).exists();
                found.push(Backup { name: name.to_owned(), repo, env, at, size: facts.stat.size, published });
            }
        }
        found.sort_by(|a, b| (b.at, &b.name).cmp(&(a.at, &a.name)));
        Ok(found)
    };
    list().map_err(cannot("list", dir.display()))
}

/// Removes the oldest backups of a pair whose content is in the bucket, beyond the newest
/// `keep` of those, and returns their names. Others neither count nor are removed.
///
/// # Errors
/// The system's, with the path.
pub fn prune(dir: &Path, pair: &Pair, keep: usize) -> io::Result<Vec<String>> {
    let all = list(dir, Some(pair))?;
    let surplus = all.into_iter().filter(|backup| backup.repo.is_some() && backup.published).skip(keep);
    let mut removed = Vec::new();
    for backup in surplus {
        discard(dir, &backup.name)?;
        removed.push(backup.name);
    }
    Ok(removed)
}

/// Splits a name. A repository has no `-`, an environment may: what stands before the first one
/// is taken for a repository, unless the pair asked for says otherwise.
fn parse(name: &str, pair: Option<&Pair>) -> Option<(Option<Repo>, Env, Version)> {
    let stem = name.strip_suffix(SUFFIX)?;
    let cut = stem.len().checked_sub(LEN + 1)?;
    let at = stem.get(cut + 1..)?.parse().ok()?;
    let who = stem.get(..cut).filter(|_| stem.as_bytes()[cut] == b'-')?;
    if let Some(pair) = pair {
        let full = who.strip_prefix(pair.repo.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let repo = (full == Some(pair.env.as_str())).then(|| pair.repo.clone());
        return (repo.is_some() || who == pair.env.as_str()).then(|| (repo, pair.env.clone(), at));
    }
    let exact_repo = |text: &str| Repo::new(text).ok().filter(|repo| repo.as_str() == text);
    let exact_env = |text: &str| Env::new(text).ok().filter(|env| env.as_str() == text);
    let full = who.split_once('-').and_then(|(repo, env)| Some((Some(exact_repo(repo)?), exact_env(env)?)));
    let (repo, env) = full.or_else(|| Some((None, exact_env(who)?)))?;
    Some((repo, env, at))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn pair(repo: &str, env: &str) -> Pair {
        Pair::new(Repo::new(repo).unwrap(), Env::new(env).unwrap())
    }

    fn at(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_taken_second_moves_to_the_next() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("backups");
        let pair = pair("web", "eu-1");
        let names: Vec<_> =
            (0_u8..3).map(|n| store(&dir, &pair, at("20261231-235959"), &[n], false).unwrap()).collect();
        assert_eq!(names[0], "web-eu-1-20261231-235959.zip.enc");
        assert_eq!(names[2], "web-eu-1-20270101-000001.zip.enc");
        assert_eq!(std::fs::read(dir.join(&names[1])).unwrap(), [1]);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join(&names[0]))), (0o700, 0o600));
    }

    #[test]
    fn a_backup_that_cannot_be_marked_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, pair) = (temp.path(), pair("web", "dev"));
        std::fs::write(dir.join(MARKS), "in the way").unwrap();
        assert!(store(dir, &pair, at("20261231-235959"), b"x", true).is_err());
        assert_eq!(list(dir, None).unwrap(), []);
        let name = store(dir, &pair, at("20261231-235959"), b"x", false).unwrap();
        std::fs::remove_file(dir.join(MARKS)).unwrap();
        discard(dir, &name).unwrap();
        assert_eq!(list(dir, None).unwrap(), []);
    }

    #[test]
    fn both_forms_of_names_are_listed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        assert_eq!(list(&dir.join("none"), None).unwrap(), []);
        for name in [
            "web-dev-20260101-000000.zip.enc",
            "dev-20260102-000000.zip.enc",
            "api-dev-20260103-000000.zip.enc",
            "web-eu-1-20260104-000000.zip.enc",
            "dev-20260102-000000.zip",
            "dev-20269902-000000.zip.enc",
            "note.txt",
        ] {
            std::fs::write(dir.join(name), "x").unwrap();
        }
        let names = |pair: Option<&Pair>| -> Vec<String> {
            list(dir, pair).unwrap().into_iter().map(|backup| backup.name[..7].to_owned()).collect()
        };
        assert_eq!(names(None), ["web-eu-", "api-dev", "dev-202", "web-dev"]);
        assert_eq!(names(Some(&pair("web", "dev"))), ["dev-202", "web-dev"]);
        assert_eq!(names(Some(&pair("web", "eu-1"))), ["web-eu-"]);
        let old = &list(dir, Some(&pair("web", "dev"))).unwrap()[0];
        assert_eq!((&old.repo, old.env.as_str(), old.published), (&None, "dev", false));
    }

    #[test]
    fn only_published_ones_are_pruned_and_without_marks_nothing_is() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        let (mine, other) = (pair("web", "dev"), pair("web", "dev-2"));
        for day in 1..=9 {
            let at = at(&format!("2026010{day}-000000"));
            store(dir, &mine, at, b"x", day % 3 != 0).unwrap();
            store(dir, &other, at, b"x", true).unwrap();
        }
        let removed = prune(dir, &mine, 2).unwrap();
        assert_eq!(removed.len(), 4);
        assert_eq!(prune(dir, &mine, 2).unwrap(), Vec::<String>::new());
        let left: Vec<_> = list(dir, Some(&mine)).unwrap().iter().map(|b| b.at.to_string()).collect();
        let days: Vec<_> = left.iter().map(|at| &at[6..8]).collect();
        assert_eq!(days, ["09", "08", "07", "06", "03"]);
        assert_eq!(list(dir, Some(&other)).unwrap().len(), 9);

        std::fs::remove_dir_all(dir.join(MARKS)).unwrap();
        assert_eq!(prune(dir, &other, 0).unwrap(), Vec::<String>::new());
        assert_eq!(list(dir, Some(&other)).unwrap().len(), 9);
    }
}
