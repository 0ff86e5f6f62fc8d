//! What the programs hold in memory stays there: no core dump has it, and no other process gets at it.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use vsync_tests::folder::write;
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, PASSPHRASE, Place};
use vsync_tests::wait::until;

use super::{CONTENT, files, holds};

/// Becomes the program that follows, without a limit for core dumps where that may be lifted.
const UNLIMITED: [&str; 3] = ["/bin/sh", "-c", r#"ulimit -c unlimited 2>/dev/null; exec "$0" "$@""#];
/// Signals that end a process with a core dump.
const FATAL: [Signal; 3] = [Signal::SEGV, Signal::ABORT, Signal::QUIT];

/// Sends a signal until the process has ended: the first SIGSEGV from outside looks to the standard
/// library like a stack that overflowed elsewhere.
fn crash(process: &mut Child, signal: Signal) -> ExitStatus {
    let mut ended = None;
    until("the process crashes", || {
        let _ = kill_process(Pid::from_child(process), signal);
        ended = process.try_wait().unwrap();
        ended.is_some()
    });
    ended.unwrap()
}

fn left_no_core(ended: ExitStatus, signal: Signal) {
    assert_eq!(ended.signal(), Some(signal.as_raw()));
    assert!(!ended.core_dumped(), "{signal:?} left a core dump");
}

/// No file of the machine outside its vault holds a secret.
fn nothing_is_left(machine: &Machine, secrets: &[&str]) {
    let mut all = Vec::new();
    files(&machine.path(""), &mut all);
    let meant = |file: &Path| file.starts_with(machine.vault("dev")) || file.ends_with("passphrase");
    for file in all.iter().filter(|file| !meant(file)) {
        let bytes = fs::read(file).unwrap();
        for secret in secrets {
            assert!(!holds(&bytes, secret), "{} has a secret", file.display());
        }
    }
}

#[test]
fn a_daemon_that_crashes_leaves_nothing_to_read() {
    let place = Place::folder();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    assert_eq!(ann.stop(), 0);
    for (number, signal) in FATAL.into_iter().enumerate() {
        ann.spawn(&UNLIMITED);
        until("the daemon answers", || ann.ctl(&["daemon", "status"]).code == 0);
        write(&ann.vault("dev"), "a.env", format!("{CONTENT} {number}"), 0o600);
        ann.ok(&["push", "dev"]);
        let pid = Pid::from_raw(ann.pid().try_into().unwrap()).unwrap();
        until("the daemon crashes", || {
            let _ = kill_process(pid, signal);
            ann.ended().is_some()
        });
        left_no_core(ann.ended().unwrap(), signal);
        ann.kill();
    }
    nothing_is_left(&ann, &[CONTENT]);
}

#[test]
fn a_client_that_crashes_with_a_passphrase_leaves_nothing_to_read() {
    let place = Place::folder();
    let team = team::of(&place, &["ann", "ben"]);
    let ann = &team[0];
    let out = ann.path("never.share").display().to_string();
    let export = ann.ctl_command(&["export", "dev", "--out", &out, "--passphrase-file", "/dev/stdin"]);
    for signal in [Signal::SEGV, Signal::ABORT] {
        let mut command = ann.command(Path::new(UNLIMITED[0]));
        command.args(&UNLIMITED[1..]).arg(export.get_program()).args(export.get_args());
        // The pipe stays open, so that the client waits for the rest of what it has read.
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut client = command.stdin(reader.try_clone().unwrap()).spawn().unwrap();
        writer.write_all(PASSPHRASE.as_bytes()).unwrap();
        until("the client has the passphrase", || rustix::io::ioctl_fionread(&reader).unwrap() == 0);
        left_no_core(crash(&mut client, signal), signal);
    }
    assert_eq!(ann.ctl(&["status", "dev"]).code, 0, "the daemon is well");
    nothing_is_left(ann, &[PASSPHRASE]);
}

/// Reads a file of a process as the machine's user does; `None` when the system refuses.
#[cfg(target_os = "linux")]
fn look(machine: &Machine, pid: u32, file: &str) -> Option<Vec<u8>> {
    let path = format!("/proc/{pid}/{file}");
    let output = machine.command(Path::new("/bin/cat")).arg(path).output().unwrap();
    output.status.success().then_some(output.stdout)
}

#[cfg(target_os = "linux")]
#[test]
fn another_process_of_the_same_user_gets_at_nothing() {
    let mut ann = Machine::new("ann").unprivileged();
    ann.start();
    let mut other = ann.command(Path::new("/bin/sleep")).arg("600").env("MARK", "seen").spawn().unwrap();
    until("the other process has begun", || {
        look(&ann, other.id(), "environ").is_some_and(|environment| holds(&environment, "MARK=seen"))
    });
    for file in ["environ", "maps", "auxv", "stack", "syscall"] {
        assert_eq!(look(&ann, ann.pid(), file), None, "{file} of the daemon can be read");
    }
    let list = |pid: u32| {
        let listed = ann.command(Path::new("/bin/ls")).arg(format!("/proc/{pid}/fd")).output().unwrap();
        listed.status.success()
    };
    assert!(list(other.id()) && !list(ann.pid()), "the daemon's descriptors can be listed");
    other.kill().unwrap();
    other.wait().unwrap();
}
