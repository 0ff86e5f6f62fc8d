//! Other users: refused by the folder, and by the daemon where the folder lets them through.
//! Becoming another user takes root; elsewhere these stories say that they cannot be told.

use std::fs;
#[cfg(target_os = "linux")]
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use vsync_tests::machine::{Ran, binary};
use vsync_tests::wait::until;

use super::*;

/// Who the daemon runs as, and somebody else. Neither has an account.
const OWNER: u32 = 54_321;
const OTHER: u32 = 54_322;

/// A daemon that an unprivileged user runs, with its programs where everybody can start them.
struct Owned {
    machine: Machine,
    programs: TempDir,
    daemon: Child,
}

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Owned {
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("not told: only root can become another user");
            return None;
        }
        let programs = tempfile::Builder::new().prefix("vs-bin-").tempdir().unwrap();
        fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["vsyncd", "vsyncctl"] {
            fs::copy(binary(name), programs.path().join(name)).unwrap();
        }
        let machine = Machine::new("owner");
        give(&machine.path("."), OWNER);
        let mut command = machine.command(&programs.path().join("vsyncd"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).uid(OWNER).gid(OWNER).current_dir("/");
        let daemon = command.spawn().expect("vsyncd starts");
        let owned = Self { machine, programs, daemon };
        until("the daemon answers", || owned.status_as(OWNER).code == 0);
        Some(owned)
    }

    /// `vsyncctl status` as somebody, who is told the socket.
    fn status_as(&self, uid: u32) -> Ran {
        let mut command = Command::new(self.programs.path().join("vsyncctl"));
        command.env_clear().env("HOME", "/nonexistent").current_dir("/").uid(uid).gid(uid);
        command.args(["--json", "--no-start", "--socket"]).arg(self.machine.socket());
        command.args(["status"]).output().expect("vsyncctl starts").into()
    }

    #[cfg(target_os = "linux")]
    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.daemon.id())
    }
}

/// Gives a folder and what is in it to a user.
fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

#[test]
fn another_user_is_refused_and_root_is_not() {
    let Some(owned) = Owned::start() else { return };
    let socket = owned.machine.socket();
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    assert_eq!(owned.status_as(0).code, 0, "root may speak to it");
    let refused = owned.status_as(OTHER);
    assert_ne!(refused.code, 0, "{refused:?}");

    // Where file modes do not help, the daemon looks at who it is.
    for open in [owned.machine.path("."), owned.machine.path("run"), owned.machine.path("run/vsync")] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let refused = owned.status_as(OTHER);
    assert_eq!(refused.code, 6, "{refused:?}");
    let said: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(said["error"]["code"], "peer_refused");
    assert_eq!(owned.status_as(OWNER).code, 0, "its owner may still speak to it");
}

/// Memory and environment of the daemon belong to nobody else, also not to other processes of
/// its user, and no core is ever written.
#[test]
#[cfg(target_os = "linux")]
fn nobody_looks_into_the_daemon() {
    let Some(owned) = Owned::start() else { return };
    // Of a process that can be dumped these files belong to its user.
    assert_eq!(fs::metadata(owned.proc("environ")).unwrap().uid(), 0);
    for uid in [OWNER, OTHER] {
        let mut cat = Command::new("cat");
        cat.arg(owned.proc("environ")).uid(uid).gid(uid).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(!cat.status().unwrap().success(), "uid {uid} reads the daemon's environment");
    }
    let limits = fs::read_to_string(owned.proc("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<&str> = core.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}
