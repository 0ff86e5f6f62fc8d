//! How long much content takes, beside the floor of the same round.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use vsync_tests::folder::{self, noise, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::Place;
use vsync_tests::wait::until;

use crate::floor;
use crate::plain_s3::PlainS3;
use crate::table::Line;
use crate::travel::{pair, time};

/// What is promised of all this: so many times the floor.
const AT_MOST: f64 = 1.5;

/// A kind of content.
#[derive(Clone, Copy)]
struct Content {
    what: &'static str,
    files: u64,
    bytes: usize,
    rounds: u64,
}

const SMALL: Content = Content { what: "200 small files", files: 200, bytes: 600, rounds: 9 };
const LARGE: Content = Content { what: "50 MiB", files: 1, bytes: 50 << 20, rounds: 7 };
const MANY: Content = Content { what: "1000 files", files: 1000, bytes: 2048, rounds: 9 };

impl Content {
    /// Lays the folder out anew: every file is another one in every round, and does not compress.
    fn lay_out(&self, folder: &Path, round: u64) {
        for number in 0..self.files {
            let name = format!("{}/{number}", number % 10);
            write(folder, &name, noise(round << 32 | number, self.bytes), 0o600);
        }
    }
}

/// Lets everything that goes on behind a verb come to its end, and the disk write what it holds:
/// what is timed next begins from nothing.
fn quiet() {
    std::thread::sleep(Duration::from_millis(400));
    rustix::fs::sync();
}

fn run(mut command: Command) -> Duration {
    command.stdout(Stdio::null());
    quiet();
    time(|| assert!(command.status().expect("the process starts").success(), "{command:?} failed"))
}

/// Push and pull as whole processes, each beside the floor's process.
fn verbs(content: Content) -> Vec<Line> {
    let place = Place::s3();
    let server = floor::plain(place.server());
    let (ann, ben) = pair(&place, "1h");
    let (mut push, mut push_floor) = (Vec::new(), Vec::new());
    let (mut pull, mut pull_floor) = (Vec::new(), Vec::new());
    for round in 0..content.rounds {
        content.lay_out(&ann.vault("dev"), round);
        let target = ben.path("floor");
        push_floor.push(run(floor::program("push", &server, &ann.vault("dev"))));
        push.push(run(ann.ctl_command(&["push", "dev"])));
        pull_floor.push(run(floor::program("pull", &server, &target)));
        pull.push(run(ben.ctl_command(&["pull", "dev"])));
        let wanted = folder::read(&ann.vault("dev"));
        assert!(folder::read(&ben.vault("dev")) == wanted, "the folders differ");
        assert!(folder::read(&target).len() == wanted.len(), "the floor lost something");
        std::fs::remove_dir_all(&target).expect("the floor's folder");
    }
    let what = content.what;
    vec![
        Line::over(&format!("push of {what}"), push, push_floor, AT_MOST),
        Line::over(&format!("pull of {what}"), pull, pull_floor, AT_MOST),
    ]
}

/// 200 files of 600 bytes.
pub(crate) fn small() -> Vec<Line> {
    let mut lines = verbs(SMALL);
    lines.push(seen_to_visible(SMALL).0);
    lines
}

/// One file that does not compress.
pub(crate) fn large() -> Vec<Line> {
    let mut lines = verbs(LARGE);
    lines.push(seen_to_visible(LARGE).0);
    lines
}

/// 1000 files into place.
pub(crate) fn swap() -> Vec<Line> {
    let (seen, swapped) = seen_to_visible(MANY);
    vec![swapped, seen]
}

/// From the HEAD that saw a version, and from the GET that fetched it, to the new folder in its place;
/// beside the same without a daemon, and beside one write and one sync.
fn seen_to_visible(content: Content) -> (Line, Line) {
    let place = Place::s3();
    let server = floor::plain(place.server());
    let (ann, ben) = pair(&place, "1h");
    let ben = restarted(ben, "50ms");
    let mut found = [const { Vec::new() }; 4];
    for round in 0..content.rounds {
        content.lay_out(&ann.vault("dev"), round);
        for (times, time) in found.iter_mut().zip(one_round(&place, &server, &ann, &ben)) {
            times.push(time);
        }
    }
    let [seen, seen_floor, swapped, swapped_floor] = found;
    let what = content.what;
    (
        Line::over(&format!("HEAD to visible, {what}"), seen, seen_floor, AT_MOST),
        Line::over(&format!("GET to visible, {what}, over write and sync"), swapped, swapped_floor, AT_MOST),
    )
}

/// The machine with a daemon that polls this often.
fn restarted(mut machine: Machine, poll: &str) -> Machine {
    machine.stop();
    machine = machine.with("VSYNC_POLL_INTERVAL", poll);
    machine.start();
    machine
}

/// From the HEAD, its floor, from the GET, its floor.
fn one_round(place: &Place, server: &PlainS3, ann: &Machine, ben: &Machine) -> [Duration; 4] {
    let (target, folder) = (ben.path("floor"), ben.vault("dev"));
    let sealed = floor::sealed(&ann.vault("dev"));
    server.put(floor::OBJECT, &sealed);
    quiet();
    let fetched = time(|| floor::pull(server, &target));
    std::fs::remove_dir_all(&target).expect("the floor's folder");
    let mut opened = Vec::new();
    let names = folder::read(&ann.vault("dev"));
    for (name, entry) in &names {
        if let folder::Entry::File { content, .. } = entry {
            opened.push((name.as_str(), content.as_slice()));
        }
    }
    quiet();
    let written = time(|| floor::write(&opened, &target));
    std::fs::remove_dir_all(&target).expect("the floor's folder");
    let before = inode(&folder);
    // Whoever pushes has ended before the other one sees it.
    signal(ben, Signal::STOP);
    ann.ok(&["push", "dev"]);
    quiet();
    signal(ben, Signal::CONT);
    let mut visible = Instant::now();
    until("the version arrives", || {
        while inode(&folder) == before && visible.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_micros(200));
        }
        visible = Instant::now();
        inode(&folder) != before
    });
    let since = |method, key| {
        let asked = place.server().last_request(method, key).expect("a request");
        visible.saturating_duration_since(asked)
    };
    let (seen, got) = (since("HEAD", "/manifest"), since("GET", "/v="));
    until("the pull ends", || folder::read(&folder) == names && ben.status("dev")["state"] == "ok");
    [seen, fetched, got, written]
}

fn signal(machine: &Machine, signal: Signal) {
    let pid = i32::try_from(machine.pid()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("the daemon can be signalled");
}

fn inode(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    folder.metadata().map_or(0, |about| about.ino())
}
