//! Removing a whole folder without ever leaving it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::atomic;
use super::fault::cannot;
use super::folder::{Folder, facts_at, names};
use crate::fail_point;

/// How often the folder is gone through when somebody keeps writing into it.
const PASSES: usize = 4;

/// Removes a folder and everything in it, durably. Symlinks are removed, not followed; folders
/// without write permission are opened up first. What is mounted inside is not touched. A folder
/// that is not there is fine.
///
/// # Errors
/// The system's, with the path; a path that is no folder; something mounted inside.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let removed = || -> io::Result<()> {
        let (parent, name) = Folder::parent_of(path)?;
        let name = std::os::unix::ffi::OsStrExt::as_bytes(name);
        remove_in(&parent, &std::ffi::CString::new(name)?)?;
        fail_point::reach("tree", "removed");
        atomic::sync(parent)?;
        fail_point::reach("tree", "lasting");
        Ok(())
    };
    removed().map_err(cannot("remove", path.display()))
}

/// Removes the folder `name` in an open folder.
pub(crate) fn remove_in(parent: &Folder, name: &CStr) -> io::Result<()> {
    match facts_at(parent, name)?.map(|facts| facts.kind) {
        None => return Ok(()),
        Some(FileType::Directory) => {}
        Some(_) => return Err(Errno::NOTDIR.into()),
    }
    let top = open_up(parent, name)?;
    for pass in 1.. {
        let emptied = empty(&top, name)
            .and_then(|()| rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(io::Error::from));
        match emptied {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && pass < PASSES => {}
            other => return other,
        }
    }
    Ok(())
}

/// Removes what is in an open folder.
fn empty(top: &OwnedFd, name: &CStr) -> io::Result<()> {
    let device = rustix::fs::fstat(top)?.st_dev;
    let mut pending = vec![Vec::new()];
    let mut folders = Vec::new();
    while let Some(path) = pending.pop() {
        let dir = below(top, &path)?;
        if rustix::fs::fstat(&dir)?.st_dev != device {
            let where_ = format!("{}/{}", name.to_string_lossy(), String::from_utf8_lossy(&path));
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("something is mounted on {where_}"),
            ));
        }
        for entry in names(&dir)? {
            match facts_at(&dir, entry.as_c_str())?.map(|facts| facts.kind) {
                None => {}
                Some(FileType::Directory) => {
                    open_up(&dir, &entry)?;
                    let mut inner = path.clone();
                    inner.push(b'/');
                    inner.extend_from_slice(entry.as_bytes());
                    pending.push(inner);
                }
                Some(_) => {
                    rustix::fs::unlinkat(&dir, &entry, AtFlags::empty()).or_else(gone_is_fine)?;
                    fail_point::reach("tree", "emptied");
                }
            }
        }
        folders.push(path);
    }
    // Each folder was found after the one it lies in.
    for path in folders.iter().skip(1).rev() {
        let cut = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let dir = below(top, &path[..cut])?;
        rustix::fs::unlinkat(&dir, &path[cut + 1..], AtFlags::REMOVEDIR).or_else(gone_is_fine)?;
    }
    Ok(())
}

fn gone_is_fine(error: Errno) -> rustix::io::Result<()> {
    if error == Errno::NOENT { Ok(()) } else { Err(error) }
}

/// Opens a folder below; `path` starts with `/` or is empty.
fn below(top: &OwnedFd, path: &[u8]) -> io::Result<OwnedFd> {
    let mut fd = top.try_clone()?;
    for part in path.split(|byte| *byte == b'/').skip(1) {
        fd = open(&fd, part)?;
    }
    Ok(fd)
}

fn open(dir: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// Opens a folder and makes sure that its entries can be removed.
fn open_up(dir: impl AsFd, name: &CStr) -> io::Result<OwnedFd> {
    let fd = match open(&dir, name) {
        // Only without privileges: a process with more rights than the folder's owner never gets
        // here, so a symlink that is swapped in now gains its maker nothing.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(&dir, name, Mode::RWXU, AtFlags::empty())?;
            open(&dir, name)?
        }
        other => other?,
    };
    let mode = Mode::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode);
    if !mode.contains(Mode::RWXU) {
        rustix::fs::fchmod(&fd, Mode::RWXU)?;
    }
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn removes_closed_folders_and_odd_names_but_nothing_outside() {
        let temp = tempfile::tempdir().unwrap();
        let outside = temp.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("keep"), "x").unwrap();
        let top = temp.path().join("top");
        std::fs::create_dir_all(top.join("a/b/c")).unwrap();
        std::fs::write(top.join("a/b/c/file"), "x").unwrap();
        std::fs::write(top.join("a/new\nline"), "x").unwrap();
        let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"a/\xff\xfe");
        std::fs::write(top.join(bytes), "x").unwrap();
        symlink(&outside, top.join("a/link")).unwrap();
        for (path, mode) in [("a/b/c", 0o500), ("a/b", 0o000), ("a", 0o500), ("", 0o500)] {
            std::fs::set_permissions(top.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        remove_tree(&top).unwrap();
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        assert!(outside.join("keep").exists());
        let link = temp.path().join("link");
        symlink(&outside, &link).unwrap();
        assert!(remove_tree(&link).is_err());
        assert!(outside.join("keep").exists());
    }

    #[test]
    fn a_deep_tree_needs_no_more_descriptors_than_a_flat_one() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().join("top");
        let deep = top.join(vec!["d"; 1500].join("/"));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("file"), "x").unwrap();
        remove_tree(&top).unwrap();
        assert!(!top.exists());
    }
}
