//! An ordinary user for a machine, also where root runs the test.

use std::fs;
use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::machine::binary;

/// A user that nobody is.
const NOBODY: u32 = 65534;
/// Where the programs lie in the user's home.
const PROGRAMS: &str = "bin";

/// Somebody whose home this is, and who may do no more than others.
#[derive(Debug)]
pub(crate) struct Ordinary(());

impl Ordinary {
    /// Gives a home to such a user; `None` where whoever runs the test is one.
    pub(crate) fn settle(home: &Path) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        // The build may lie where only root gets.
        let programs = home.join(PROGRAMS);
        fs::create_dir(&programs).expect("a folder for the programs");
        for name in ["vsyncd", "vsyncctl"] {
            let (from, to) = (binary(name), programs.join(name));
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).expect("a copy of the program");
            }
        }
        let user = Self(());
        user.give(home);
        Some(user)
    }

    /// Gives everything below a path to the user; the programs stay whose they are.
    pub(crate) fn give(&self, path: &Path) {
        lchown(path, Some(NOBODY), Some(NOBODY))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if path.symlink_metadata().is_ok_and(|about| about.is_dir()) && !path.ends_with(PROGRAMS) {
            // What the daemon takes away meanwhile is gone.
            fs::read_dir(path).expect("a folder").flatten().for_each(|entry| self.give(&entry.path()));
        }
    }

    /// Has a command run as the user.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(NOBODY).gid(NOBODY);
    }

    /// Where the user finds a program.
    pub(crate) fn program(&self, home: &Path, name: &str) -> PathBuf {
        home.join(PROGRAMS).join(name)
    }
}
