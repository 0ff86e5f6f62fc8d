//! Whether a process still works in a folder.

use std::path::Path;

/// True when a process, as far as this user may look, has its working directory or an open file
/// or folder in this folder. This process does not count. Always false where the system has no
/// `/proc`.
pub fn busy(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return linux::busy(path);
    #[cfg(not(target_os = "linux"))]
    return {
        let _ = path;
        false
    };
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::os::fd::OwnedFd;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, StatxFlags};

    use crate::disk::folder::{Folder, facts_at, names};

    /// Device (major, minor) and inode.
    type Id = (u32, u32, u64);

    pub(super) fn busy(path: &Path) -> bool {
        let Ok(folder) = Folder::open(path) else {
            return false;
        };
        let Ok(resolved) = path.canonicalize() else {
            return false;
        };
        let ids = ids(&folder);
        let own = std::process::id().to_string();
        let Ok(processes) = Path::new("/proc").read_dir() else {
            return false;
        };
        processes.filter_map(Result::ok).any(|process| {
            let name = process.file_name();
            let number = name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
            number && name != *own && links(&process.path()).iter().any(|link| inside(link, &resolved, &ids))
        })
    }

    /// The links to everything that a process holds open.
    fn links(process: &Path) -> Vec<PathBuf> {
        let mut links = vec![process.join("cwd"), process.join("root")];
        // Of another user: not ours to look at.
        if let Ok(open) = process.join("fd").read_dir() {
            links.extend(open.filter_map(Result::ok).map(|entry| entry.path()));
        }
        links
    }

    fn inside(link: &Path, folder: &Path, ids: &BTreeSet<Id>) -> bool {
        let Ok(text) = std::fs::read_link(link) else {
            return false;
        };
        // Sockets, pipes and the like have texts that are no paths. A path may be told as
        // another mount namespace sees it, so the number counts where the text does not match.
        text.is_absolute() && (text.starts_with(folder) || id(link).is_some_and(|id| ids.contains(&id)))
    }

    /// Without asking a server that may not answer.
    fn id(path: &Path) -> Option<Id> {
        let flags = AtFlags::STATX_DONT_SYNC;
        let stat = rustix::fs::statx(CWD, path, flags, StatxFlags::INO).ok()?;
        Some((stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino))
    }

    /// The folder itself and everything in it.
    fn ids(folder: &Folder) -> BTreeSet<Id> {
        let mut ids = BTreeSet::new();
        let mut pending = vec![Vec::new()];
        while let Some(path) = pending.pop() {
            let Ok(dir) = folder.below(&path) else {
                continue;
            };
            note(&dir, c"", &mut ids);
            for name in names(&dir).unwrap_or_default() {
                note(&dir, &name, &mut ids);
                let kind = facts_at(&dir, name.as_c_str()).ok().flatten().map(|facts| facts.kind);
                if kind == Some(rustix::fs::FileType::Directory) {
                    pending.push([&path[..], b"/", name.as_bytes()].concat());
                }
            }
        }
        ids
    }

    fn note(dir: &OwnedFd, name: &std::ffi::CStr, ids: &mut BTreeSet<Id>) {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        if let Ok(stat) = rustix::fs::statx(dir, name, flags, StatxFlags::INO) {
            ids.insert((stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino));
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_process_that_stands_in_the_folder_or_holds_a_file_of_it_counts() {
        let temp = tempfile::tempdir().unwrap();
        let (folder, moved) = (temp.path().join("folder"), temp.path().join("moved"));
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("sub/file"), "x").unwrap();
        assert!(!busy(&folder));

        let sleep = |command: &mut Command| Running(command.arg("600").spawn().unwrap());
        let standing = sleep(Command::new("sleep").current_dir(folder.join("sub")));
        std::fs::rename(&folder, &moved).unwrap();
        assert!(busy(&moved), "the folder is found under its new name");
        assert!(!busy(&folder));
        drop(standing);
        assert!(!busy(&moved));

        let file = std::fs::File::open(moved.join("sub/file")).unwrap();
        let holding = sleep(Command::new("sleep").stdin(Stdio::from(file)));
        assert!(busy(&moved));
        drop(holding);
        assert!(!busy(&moved));
    }
}
