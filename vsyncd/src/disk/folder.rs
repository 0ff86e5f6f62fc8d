//! An open folder: everything below it is reached through its descriptor.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};
use vsync_core::relpath::RelPath;

use super::facts::Facts;

/// Which folder it is, whatever it is called: survives renames, ends with the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FolderId {
    /// Device number of its file system.
    pub device: u64,
    /// Inode number there.
    pub inode: u64,
}

/// Why a path is not a folder to work on.
#[derive(Debug, thiserror::Error)]
pub enum NotAFolder {
    /// Nothing is there.
    #[error("there is no such folder")]
    Missing,
    /// Its last component is a symlink.
    #[error("it is a symlink; name the folder that it points to")]
    Symlink,
    /// A file or something else.
    #[error("it is not a folder")]
    Other,
    /// It cannot be looked at.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A folder held open. Renaming or exchanging it does not change what this reaches.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    id: FolderId,
}

/// Which folder lies at a path; `None` when none does.
///
/// # Errors
/// The system's.
pub fn id_of(target: &Path) -> io::Result<Option<FolderId>> {
    let (open, name) = match Folder::parent_of(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    Ok(facts_at(&open, name)?.filter(|facts| facts.kind == FileType::Directory).map(|facts| facts.id))
}

/// The first symlink between the top of a checkout and a vault folder below it, that folder
/// included. Such a link could lead what is read and written anywhere, and a commit of somebody
/// else may bring one.
pub fn link_on_the_way(root: &Path, folder: &Path) -> Option<PathBuf> {
    let mut path = root.to_owned();
    folder.strip_prefix(root).ok()?.components().find_map(|part| {
        path.push(part);
        path.symlink_metadata().is_ok_and(|about| about.is_symlink()).then(|| path.clone())
    })
}

const DIR_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens a folder whose last component must not be a symlink (those before it may be).
    pub(crate) fn open(path: &Path) -> Result<Self, NotAFolder> {
        // A trailing slash would make the system follow a symlink: components() drops it.
        let path = path.components().as_path();
        let facts = facts_at(CWD, path)?.ok_or(NotAFolder::Missing)?;
        match facts.kind {
            FileType::Directory => {}
            FileType::Symlink => return Err(NotAFolder::Symlink),
            _ => return Err(NotAFolder::Other),
        }
        let fd = rustix::fs::openat(CWD, path, DIR_FLAGS | OFlags::NOFOLLOW, Mode::empty());
        let fd = fd.map_err(io::Error::from)?;
        let id = Facts::from(&rustix::fs::fstat(&fd).map_err(io::Error::from)?).id;
        Ok(Self { fd, id })
    }

    /// Opens the folder that holds `path`, which may itself be reached through symlinks, and
    /// returns it with the last component of `path`.
    pub(crate) fn parent_of(path: &Path) -> io::Result<(Self, &OsStr)> {
        let (parent, name) = split(path)?;
        let fd = rustix::fs::openat(CWD, parent, DIR_FLAGS, Mode::empty())?;
        let id = Facts::from(&rustix::fs::fstat(&fd)?).id;
        Ok((Self { fd, id }, name))
    }

    /// Opens a folder that lies directly in another; `name` is one component.
    pub(crate) fn child(parent: &Self, name: impl rustix::path::Arg) -> io::Result<Self> {
        let fd = rustix::fs::openat(&parent.fd, name, DIR_FLAGS | OFlags::NOFOLLOW, Mode::empty())?;
        let id = Facts::from(&rustix::fs::fstat(&fd)?).id;
        Ok(Self { fd, id })
    }

    /// Which folder this is.
    pub(crate) const fn id(&self) -> FolderId {
        self.id
    }

    /// Another descriptor of the same folder.
    #[cfg(target_os = "linux")]
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.fd.try_clone()
    }

    /// Opens a folder below this one, following no symlink on the way. `path` is relative and
    /// `/`-separated; the empty one is this folder.
    pub(crate) fn below(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut fd = rustix::fs::openat(&self.fd, ".", DIR_FLAGS, Mode::empty())?;
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            fd = rustix::fs::openat(&fd, part, DIR_FLAGS | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(fd)
    }

    /// Opens the folder that holds an entry below this one. Going there step by step also reaches
    /// what lies deeper than the longest path that the system takes.
    pub(crate) fn holding(&self, path: &RelPath) -> io::Result<OwnedFd> {
        self.below(path.as_str().as_bytes().strip_suffix(path.name().as_bytes()).unwrap_or_default())
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The folder part and the last component of a path; a path without a last component, such as
/// `/` or `..`, is refused.
pub(crate) fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let name = path.file_name();
    let name =
        name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no last component"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")), name))
}

/// The metadata of an entry itself, not of what a symlink points to; `None` when there is none.
pub(crate) fn facts_at(dir: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Option<Facts>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Facts::from(&stat))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The names in an open folder, without `.` and `..`, sorted.
pub(crate) fn names(dir: impl AsFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.as_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symlink_is_refused_even_with_a_trailing_slash() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", temp.path().join("link")).unwrap();
        assert!(Folder::open(&temp.path().join("real/")).is_ok());
        assert!(matches!(Folder::open(&temp.path().join("link")), Err(NotAFolder::Symlink)));
        assert!(matches!(Folder::open(&temp.path().join("link/")), Err(NotAFolder::Symlink)));
        assert!(matches!(Folder::open(&temp.path().join("none")), Err(NotAFolder::Missing)));
        let real = Folder::open(&temp.path().join("real")).unwrap();
        assert!(real.below(b"../link").is_ok_and(|_| false) || real.below(b"link").is_err());
    }

    #[test]
    fn a_link_below_the_top_is_found_and_one_above_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let path = |name: &str| temp.path().join(name);
        std::fs::create_dir_all(path("top/infra/vault/dev")).unwrap();
        std::os::unix::fs::symlink("top", path("alias")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("top/dangling")).unwrap();
        std::os::unix::fs::symlink("infra", path("top/link")).unwrap();
        let found = |root: &str, folder: &str| link_on_the_way(&path(root), &path(folder));
        assert_eq!(found("alias", "alias/infra/vault/dev"), None);
        assert_eq!(found("top", "top/infra/none/dev"), None);
        assert_eq!(found("top", "top/link/vault/dev"), Some(path("top/link")));
        assert_eq!(found("top", "top/dangling/dev"), Some(path("top/dangling")));
        assert_eq!(found("top/infra", "elsewhere"), None);
    }

    #[test]
    fn nothing_below_is_reached_through_a_symlink() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join("a/b")).unwrap();
        std::os::unix::fs::symlink("/", temp.path().join("a/out")).unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        assert!(folder.below(b"a/b").is_ok());
        assert!(folder.below(b"a/out").is_err());
        assert!(folder.below(b"a/out/tmp").is_err());
    }
}
