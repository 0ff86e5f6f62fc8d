//! A daemon that a client started has nothing of the client's.

use std::fs;
use std::process::Stdio;

use vsync_tests::machine::{Ran, binary};

use super::*;

/// Ends the daemon that was started in passing.
struct Stopped<'a>(&'a Machine);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.ctl(&["daemon", "stop"]);
    }
}

#[test]
fn a_daemon_started_by_a_client_inherits_nothing() {
    let machine = Machine::new("ann");
    let marker = machine.path("marker");
    fs::write(&marker, "held open by the shell").unwrap();
    let stop = Stopped(&machine);
    let script = format!(
        "exec 9<'{}' 8>'{}' && exec '{}' status",
        marker.display(),
        machine.path("marker-2").display(),
        binary("vsyncctl").display()
    );
    let mut shell = machine.command(Path::new("/bin/sh"));
    let ran: Ran = shell.args(["-c", &script]).stdin(Stdio::null()).output().unwrap().into();
    assert_eq!(ran.code, 0, "{ran:?}");

    let (_, info) = machine.json(&["daemon", "status"]);
    let pid = info["pid"].as_u64().unwrap_or_else(|| panic!("no pid in {info}"));
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<String> = open
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .collect();
    assert!(open.len() > 3, "{open:?}");
    assert!(!open.iter().any(|target| target.contains("marker")), "{open:?}");
    assert!(!open.iter().any(|target| target.contains("pts") || target.contains("tty")), "{open:?}");
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!(after_name[3], pid.to_string(), "it leads a session of its own");

    machine.ok(&["daemon", "stop"]);
    drop(stop);
    assert!(!machine.socket().exists(), "the socket goes with the daemon");
}
