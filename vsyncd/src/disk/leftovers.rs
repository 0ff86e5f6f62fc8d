//! Temporary files that writers left behind when they died. They may hold keys.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::atomic;
use crate::fail_point;

/// Removes the temporary files below a folder of ours whose writers are gone, and returns how
/// many. For the start, when this process has written nothing there: what bears its number is an
/// earlier one's. Links are not followed; what cannot be read or removed stays.
pub fn sweep(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => removed += sweep(&entry.path()),
            Ok(kind)
                if kind.is_file() && atomic::maker(entry.file_name().as_bytes()).is_some_and(is_gone) =>
            {
                removed += usize::from(remove(&entry.path()).is_ok());
            }
            _ => {}
        }
    }
    removed
}

/// Removes what dead processes left beside one file of a folder that is not ours, at any time; returns
/// how many.
pub fn sweep_beside(file: &Path) -> usize {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return 0 };
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let begins = [b".", name.as_bytes(), b"."].concat();
    let left = entries.flatten().filter(|entry| {
        let other = entry.file_name();
        let maker = atomic::maker(other.as_bytes()).filter(|_| other.as_bytes().starts_with(&begins));
        maker.is_some_and(|process| process != std::process::id() && is_gone(process))
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    left.filter(|entry| remove(&entry.path()).is_ok()).count()
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path).inspect_err(|error| {
        tracing::warn!(path = %path.display(), %error, "cannot remove what a dead process left");
    })?;
    fail_point::reach("leftover", "removed");
    Ok(())
}

fn is_gone(process: u32) -> bool {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw);
    process == std::process::id() || number.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_dead_writers_left_goes_and_all_else_stays() {
        let temp = tempfile::tempdir().unwrap();
        let (below, beside) = (temp.path().join("state/keys/acme_web"), temp.path().join("beside"));
        atomic::create_private_dirs(&below).unwrap();
        atomic::create_private_dirs(&beside).unwrap();
        symlink(&beside, below.join("link")).unwrap();
        let mut living = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let put = |folder: &Path, name: String| atomic::write(&folder.join(name), b"key", 0o600).unwrap();
        let (dead, own) = (dead.id(), std::process::id());
        put(&below, format!(".prod.{dead}-0.tmp"));
        put(&below, format!(".prod.{own}-77.tmp"));
        put(&below, format!(".prod.{}-1.tmp", living.id()));
        put(&below, "prod".to_owned());
        put(&beside, format!(".prod.{dead}-0.tmp"));
        assert_eq!(sweep(&temp.path().join("state")), 2);
        let mut left: Vec<_> = fs::read_dir(&below).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [format!(".prod.{}-1.tmp", living.id()).as_str(), "link", "prod"]);
        assert_eq!(fs::read_dir(&beside).unwrap().count(), 1, "links are not followed");
        assert_eq!(sweep(&temp.path().join("none")), 0);
        put(&beside, format!(".prod.{own}-78.tmp"));
        put(&beside, format!(".other.{dead}-0.tmp"));
        assert_eq!(sweep_beside(&beside.join("prod")), 1);
        assert_eq!(fs::read_dir(&beside).unwrap().count(), 2, "its own and another file's stay");
        drop(living.stdin.take());
        living.wait().unwrap();
    }
}
