//! Putting a staged folder in place of the vault folder.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;
use vsync_core::id::Env;
use vsync_core::version::Version;

use super::atomic;
use super::fault::cannot;
use super::folder::{Folder, FolderId, facts_at, split};
use super::rename;
use super::sibling::{self, SiblingKind};
use super::stage::Staged;
use crate::fail_point;

/// Why a vault folder was not exchanged. It is then what it was before.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The vault folder is where something is mounted.
    #[error("'{0}' is a mount point and cannot be exchanged; mount the folder above it instead")]
    MountPoint(PathBuf),
    /// The vault folder is a symlink.
    #[error("'{0}' is a symlink; configure the folder that it points to")]
    Symlink(PathBuf),
    /// Something else than a folder has the vault folder's name.
    #[error("'{0}' is not a folder")]
    NotADirectory(PathBuf),
    /// A folder is not (any more) the one that this is about.
    #[error("'{0}' is not the folder that was expected there")]
    Moved(PathBuf),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An exchange that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The old folder, now beside the vault folder; `None` when there was none.
    pub displaced: Option<Displaced>,
    /// False when the system cannot exchange and the vault folder was missing for a moment.
    pub atomic: bool,
}

/// A folder that had the vault folder's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Displaced {
    /// Where it lies now: under the staged folder's name, or with `.aside` at its end.
    pub path: PathBuf,
    /// Which folder it is.
    pub id: FolderId,
}

/// Puts the staged folder in place of `target`, in one step where the system can. Durable once the
/// folder above is synced; after a crash before that, the folders themselves tell which one is in
/// place.
///
/// # Errors
/// [`ExchangeError`]; the vault folder and the staged one are then where they were.
pub fn exchange(staged: &Staged, target: &Path) -> Result<Exchanged, ExchangeError> {
    swap(&staged.path, staged.id, target)
}

/// Makes what was exchanged beside `target` durable.
///
/// # Errors
/// The system's, with the path. The exchange has happened all the same.
pub fn settle(target: &Path) -> io::Result<()> {
    atomic::sync_folder(split(target)?.0)?;
    fail_point::reach("exchange", "lasting");
    Ok(())
}

/// Undoes an exchange: the displaced folder takes its place again, the staged one is back under
/// its own name. For a displaced folder that turns out to hold an edit nobody has seen.
///
/// # Errors
/// [`ExchangeError::Moved`] when either folder was replaced meanwhile, or as [`exchange`].
pub fn put_back(staged: &Staged, displaced: &Displaced, target: &Path) -> Result<(), ExchangeError> {
    let (parent, name) = Folder::parent_of(target)?;
    if facts_at(&parent, name)?.map(|facts| facts.id) != Some(staged.id) {
        return Err(ExchangeError::Moved(target.to_owned()));
    }
    // Where the system has no exchange the staged folder comes out under yet another name.
    let undone = swap(&displaced.path, displaced.id, target)?;
    match undone.displaced {
        Some(back) if back.path != staged.path => {
            let (parent, name) = Folder::parent_of(&back.path)?;
            let (_, home) = split(&staged.path)?;
            rename::folder_to_free(&parent, name, home).map_err(cannot("rename", back.path.display()))?;
        }
        _ => {}
    }
    // The folders stay as they are now: their journal goes.
    let _ = settle(target);
    Ok(())
}

/// Gives a displaced folder the name under which it is kept, `.vsync-<env>.old-<deadline>`, and
/// returns its path. Processes that stand in it notice nothing. Durable as [`exchange`] is.
///
/// # Errors
/// The system's, with the path.
pub fn keep(displaced: &Path, env: &Env, deadline: Version) -> io::Result<PathBuf> {
    let (parent, name) = Folder::parent_of(displaced)?;
    let beside = split(displaced)?.0;
    for serial in 1..1000 {
        let kept = sibling::name(env, SiblingKind::Old, deadline, serial);
        match rename::folder_to_free(&parent, name, kept.as_os_str()) {
            Ok(()) => {
                fail_point::reach("displaced", "renamed");
                return Ok(beside.join(kept));
            }
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            Err(error) => return Err(cannot("rename", displaced.display())(error)),
        }
    }
    Err(cannot("rename", displaced.display())(io::Error::from(io::ErrorKind::AlreadyExists)))
}

fn swap(from: &Path, id: FolderId, target: &Path) -> Result<Exchanged, ExchangeError> {
    let (parent, name) = Folder::parent_of(target)?;
    let refuse = |error: Errno| match error {
        Errno::BUSY => ExchangeError::MountPoint(target.to_owned()),
        error => ExchangeError::Io(cannot("exchange", target.display())(error)),
    };
    let old = facts_at(&parent, name)?;
    match old.map(|old| (old.kind, old.id.device == parent.id().device)) {
        None | Some((FileType::Directory, true)) => {}
        Some((FileType::Directory, false)) => return Err(ExchangeError::MountPoint(target.to_owned())),
        Some((FileType::Symlink, _)) => return Err(ExchangeError::Symlink(target.to_owned())),
        Some(_) => return Err(ExchangeError::NotADirectory(target.to_owned())),
    }
    let (beside, from_name) = split(from)?;
    if beside != split(target)?.0 || facts_at(&parent, from_name)?.map(|facts| facts.id) != Some(id) {
        return Err(ExchangeError::Moved(from.to_owned()));
    }
    let Some(old) = old else {
        rename::folder_to_free(&parent, from_name, name).map_err(refuse)?;
        fail_point::reach("exchange", "done");
        return Ok(Exchanged { displaced: None, atomic: true });
    };
    let exchanged = rustix::fs::renameat_with(&parent, from_name, &parent, name, RenameFlags::EXCHANGE);
    let (path, atomic) = match exchanged {
        Ok(()) => (from.to_owned(), true),
        Err(error) if rename::unsupported(error) => {
            (beside.join(step_by_step(&parent, from_name, name).map_err(refuse)?), false)
        }
        Err(error) => return Err(refuse(error)),
    };
    if atomic && facts_at(&parent, from_name)?.map(|facts| facts.id) != Some(old.id) {
        // Somebody replaced the vault folder between the look and the exchange.
        rustix::fs::renameat_with(&parent, from_name, &parent, name, RenameFlags::EXCHANGE)
            .map_err(refuse)?;
        return Err(ExchangeError::Moved(target.to_owned()));
    }
    fail_point::reach("exchange", "done");
    Ok(Exchanged { displaced: Some(Displaced { path, id: old.id }), atomic })
}

/// Two renames where the system has no exchange. The old folder is then found under the
/// `.aside` name that is returned, also by the next start when this one ends in between.
fn step_by_step(parent: &Folder, from: &OsStr, target: &OsStr) -> rustix::io::Result<OsString> {
    let mut aside = from.to_owned();
    aside.push(".aside");
    rename::folder_to_free(parent, target, aside.as_os_str())?;
    if let Err(error) = rename::folder_to_free(parent, from, target) {
        rename::folder_to_free(parent, aside.as_os_str(), target)?;
        return Err(error);
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_exchange_the_old_folder_steps_aside_and_comes_back_on_failure() {
        let temp = tempfile::tempdir().unwrap();
        for (name, file) in [("old", "o"), ("new", "n")] {
            std::fs::create_dir(temp.path().join(name)).unwrap();
            std::fs::write(temp.path().join(name).join(file), "").unwrap();
        }
        let (parent, _) = Folder::parent_of(&temp.path().join("old")).unwrap();
        let step = |from: &str| step_by_step(&parent, OsStr::new(from), OsStr::new("old"));
        assert!(step("none").is_err());
        assert!(temp.path().join("old/o").exists());
        assert_eq!(step("new").unwrap(), "new.aside");
        assert!(temp.path().join("old/n").exists());
        assert!(temp.path().join("new.aside/o").exists());
    }
}
