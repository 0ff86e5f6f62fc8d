//! A daemon under strace: what it asks of the system is counted, and it can be killed right before
//! any of these calls. strace counts for each thread and each call by itself, so its own `when=` cannot
//! name the n-th of all; here its output is read while it runs, and a short delay before each call
//! leaves the time to kill before the call happens.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::Machine;
use crate::wait::until;

/// The calls after which something else is on the disk, or would be after a power cut.
pub const DURABLE: &str = "?write,?pwrite64,?writev,?fsync,?fdatasync,?syncfs,?rename,?renameat,?renameat2,\
                           ?link,?linkat,?symlinkat,?unlink,?unlinkat,?rmdir,?mkdir,?mkdirat,?ftruncate,\
                           ?fallocate,?fchmod,?fchmodat,?copy_file_range";
/// How long each call waits before it happens, in microseconds.
const DELAY: &str = "3000";

/// Whether strace is here and may trace.
pub fn works() -> bool {
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", "trace=unlink", "true"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Starts the machine's daemon under strace with these arguments, which may inject what they like, and
/// waits until it answers or has ended. The process that was started is the daemon itself.
///
/// # Panics
/// When neither happens.
pub fn start(machine: &mut Machine, output: &Path, arguments: &[&str]) {
    let output = output.display().to_string();
    let all = [&["strace", "-D", "-f", "-qq", "-y", "-o", &output][..], arguments].concat();
    machine.spawn(&all);
    until("the traced daemon answers or ends", || {
        machine.ended().is_some() || machine.ctl(&["daemon", "status"]).code == 0
    });
}

/// What was counted, and when to kill.
#[derive(Debug, Default)]
struct Count {
    seen: AtomicU64,
    /// Kill at this one; 0 for never.
    at: AtomicU64,
    /// The daemon, once it is known.
    daemon: AtomicU64,
    calls: Mutex<Vec<String>>,
}

/// A daemon whose durable calls below some folders are counted.
#[derive(Debug)]
pub struct Counted {
    count: Arc<Count>,
    reader: Option<JoinHandle<()>>,
}

impl Counted {
    /// Starts the machine's daemon so. `at` kills it at that call already while it starts; 0 lets it
    /// start. Calls on its log do not count.
    ///
    /// # Panics
    /// When strace cannot be started.
    pub fn start(machine: &mut Machine, below: &[&Path], at: u64) -> Self {
        let pipe = machine.path("strace");
        let _ = fs::remove_file(&pipe);
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success(), "no pipe for strace");
        let count = Arc::new(Count::default());
        count.at.store(at, Ordering::SeqCst);
        let below: Vec<String> = below.iter().map(|path| path.display().to_string()).collect();
        let (source, counting) = (pipe.clone(), Arc::clone(&count));
        let reader = std::thread::spawn(move || read(&source, &below, &counting));
        let (trace, inject) = (format!("trace={DURABLE}"), format!("inject={DURABLE}:delay_enter={DELAY}"));
        let output = pipe.display().to_string();
        let tracer = ["strace", "-D", "-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-o", &output];
        machine.spawn(&[&tracer[..], &["-e", "signal=none", "-e", &trace, "-e", &inject]].concat());
        count.daemon.store(machine.pid().into(), Ordering::SeqCst);
        until("the traced daemon answers or ends", || {
            machine.ended().is_some() || machine.ctl(&["daemon", "status"]).code == 0
        });
        Self { count, reader: Some(reader) }
    }

    /// Counts from here on, and kills right before the n-th call; 0 for never.
    pub fn arm(&self, at: u64) {
        self.lock().clear();
        self.count.at.store(at, Ordering::SeqCst);
        self.count.seen.store(0, Ordering::SeqCst);
    }

    /// The calls since then, in order.
    pub fn calls(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.count.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for strace to end, after the daemon has.
    ///
    /// # Panics
    /// When reading its output failed.
    pub fn end(mut self) -> Vec<String> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("strace's output is read");
        }
        self.calls()
    }
}

/// Reads lines while they are written: the part before a call is there before the call happens.
fn read(pipe: &Path, below: &[String], count: &Count) {
    let mut pipe = fs::File::open(pipe).expect("strace's pipe");
    let (mut line, mut counted) = (String::new(), false);
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut chunk) {
        for piece in String::from_utf8_lossy(&chunk[..length]).split_inclusive('\n') {
            line.push_str(piece);
            if !counted && shows(&line, below) {
                counted = true;
                note(&line, count);
            }
            if line.ends_with('\n') {
                line.clear();
                counted = false;
            }
        }
    }
}

/// True for the beginning of a call that counts; `<... write resumed>` is the end of one.
fn shows(line: &str, below: &[String]) -> bool {
    let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let named = call.split_once('(').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    named && below.iter().any(|path| call.contains(path)) && !call.contains("vsyncd.log>")
}

fn note(line: &str, count: &Count) {
    let number = count.seen.fetch_add(1, Ordering::SeqCst) + 1;
    if number == count.at.load(Ordering::SeqCst) {
        // Between the start of strace and that of the daemon its number is not known yet.
        let mut daemon = 0;
        until("the daemon's number", || {
            daemon = count.daemon.load(Ordering::SeqCst);
            daemon != 0
        });
        let pid = i32::try_from(daemon).ok().and_then(Pid::from_raw).expect("a process id");
        let _ = kill_process(pid, Signal::KILL);
    }
    count.calls.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim_end().to_owned());
}
