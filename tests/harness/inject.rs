//! Faults of system calls in a running daemon: strace is attached to it, and detached again, which is
//! how the cause goes away without a restart. Linux only, and only where one may trace.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// One traced call that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The thread.
    pub thread: u32,
    /// Its name.
    pub name: String,
    /// The whole line, as strace wrote it.
    pub line: String,
    /// It was made to fail.
    pub injected: bool,
}

/// A daemon under strace.
#[derive(Debug)]
pub struct Injection {
    strace: Option<Child>,
    log: PathBuf,
}

impl Injection {
    /// Attaches to a process and all its threads, and returns once every one is traced. `calls` is a
    /// list for `trace=`; `inject` what follows `inject=`, nothing to look on only.
    ///
    /// # Panics
    /// When strace cannot be started, or attaches to nothing.
    pub fn attach(pid: u32, log: &Path, calls: &str, inject: Option<&str>) -> Self {
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "64", "-e", "signal=none", "-o"]).arg(log);
        command.args(["-e", &format!("trace={calls}")]);
        if let Some(inject) = inject {
            command.args(["-e", &format!("inject={inject}")]);
        }
        let mut strace = command
            .args(["-p", &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts");
        let said = BufReader::new(strace.stderr.take().expect("its standard error"));
        let mut attached = false;
        let mut lines = said.lines();
        for line in lines.by_ref() {
            let line = line.expect("what strace says");
            assert!(!line.contains("ptrace"), "strace does not attach: {line}");
            if line.contains("attached") {
                attached = true;
                break;
            }
        }
        assert!(attached, "strace attaches to {pid}");
        // It reports each new thread; somebody has to read that.
        std::thread::spawn(move || lines.for_each(drop));
        Self { strace: Some(strace), log: log.to_owned() }
    }

    /// Lets the process go and returns what it called.
    ///
    /// # Panics
    /// When strace does not end.
    pub fn detach(mut self) -> Vec<Call> {
        self.end();
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter_map(call).collect()
    }

    fn end(&mut self) {
        let Some(mut strace) = self.strace.take() else { return };
        let pid = rustix::process::Pid::from_child(&strace);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        strace.wait().expect("strace ends");
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        self.end();
    }
}

/// A call's first line; what is resumed later has been counted.
fn call(line: &str) -> Option<Call> {
    let (thread, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    let name = rest.split_once('(')?.0;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return None;
    }
    let injected = line.contains("(INJECTED)");
    Some(Call { thread: thread.parse().ok()?, name: name.to_owned(), line: rest.to_owned(), injected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_strace_are_read() {
        let line = "12  fsync(9</tmp/x>)   = -1 EIO (Input/output error) (INJECTED)";
        let found = call(line).unwrap();
        assert_eq!((found.thread, found.name.as_str(), found.injected), (12, "fsync", true));
        assert!(!call("7 unlinkat(3</tmp>, \"a\", 0 <unfinished ...>").unwrap().injected);
        for other in ["12  <... fsync resumed>) = 0", "12  +++ exited with 0 +++", "strace: x", ""] {
            assert_eq!(call(other), None, "{other}");
        }
    }
}
