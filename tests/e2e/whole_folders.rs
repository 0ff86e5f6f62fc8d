//! A folder that is opened once is one version, whole; what is written into a replaced one is
//! not lost.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags};
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

/// The files of the vault that is swapped, in two folders.
const NAMES: [&str; 6] = ["a.env", "b.env", "c.key", "inner/d", "inner/e", "inner/deep/f"];

/// What one reader saw.
#[derive(Debug, Default)]
struct Seen {
    rounds: u64,
    versions: BTreeSet<String>,
    faults: Vec<String>,
}

/// Opens the folder once per round and reads every file through that descriptor.
fn read_on(vault: &Path, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = match rustix::fs::open(vault, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(error) => {
                seen.faults.push(format!("the folder is missing: {error}"));
                continue;
            }
        };
        let mut contents = BTreeSet::new();
        for name in NAMES {
            let file = rustix::fs::openat(&dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
            let mut text = String::new();
            match file.map(fs::File::from).map(|mut file| file.read_to_string(&mut text)) {
                Ok(Ok(_)) => drop(contents.insert(text)),
                other => seen.faults.push(format!("{name}: {other:?}")),
            }
        }
        if contents.len() != 1 {
            seen.faults.push(format!("a mixture: {contents:?}"));
        }
        seen.versions.extend(contents);
        seen.rounds += 1;
    }
    seen
}

fn fill(vault: &Path, version: u32) {
    for name in NAMES {
        write(vault, name, format!("version {version}\n"), 0o600);
    }
}

/// A slice of sixty swaps; all five hundred with `VSYNC_SOAK=1`, where the time is there.
#[test]
fn a_reader_sees_one_version_whole() {
    let swaps = if std::env::var_os("VSYNC_SOAK").is_some() { 500 } else { 60 };
    let place = Place::folder();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    fill(&ann.vault("dev"), 0);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the first version is there", |pair| pair["gen"] == 1);
    let stop = AtomicBool::new(false);
    let vault = ben.vault("dev");
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_on(&vault, &stop));
        let driven = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for version in 1..=swaps {
                fill(&ann.vault("dev"), version);
                ann.ok(&["push", "dev"]);
                ben.ok(&["pull", "dev"]);
            }
        }));
        stop.store(true, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        driven.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        seen
    });
    assert_eq!(seen.faults, Vec::<String>::new());
    assert!(seen.rounds > u64::from(swaps), "the reader hardly ran: {} rounds", seen.rounds);
    assert!(seen.versions.len() > 10, "the reader saw {} versions only", seen.versions.len());
    assert_eq!(fs::read_to_string(vault.join("a.env")).unwrap(), format!("version {swaps}\n"));
}

/// A shell that stands in a folder.
struct Shell {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    fn stand_in(machine: &Machine, folder: &Path) -> Self {
        let mut command = machine.command(Path::new("sh"));
        let command = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shell = Self { child, orders, answers: BufReader::new(answers) };
        shell.run("true");
        shell
    }

    /// Runs a line and waits until it is done.
    fn run(&mut self, line: &str) {
        writeln!(self.orders, "{line}; echo done").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{line}");
    }

    fn leave(mut self) {
        drop(self.orders);
        self.child.wait().unwrap();
    }
}

/// The replaced folders beside the vault folder.
fn replaced(vault: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(vault.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_old = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(".vsync-dev.old-");
    entries.filter(is_old).collect()
}

#[test]
fn what_a_shell_writes_into_a_replaced_folder_is_saved_and_reported() {
    let (mut ann, mut ben) = (Machine::new("ann"), Machine::new("ben"));
    ben.settings("keep_replaced: 1s\n");
    ann.start();
    ben.start();
    let place = Place::folder();
    team::init(&ann, &place, "dev");
    fill(&ann.vault("dev"), 1);
    ann.ok(&["push", "dev"]);
    team::join(&ann, &ben, "dev");
    let vault = ben.vault("dev");
    let mut before = folder::read(&vault);

    let mut shell = Shell::stand_in(&ben, &vault);
    fill(&ann.vault("dev"), 2);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the second version is there", |pair| pair["gen"] == 2);
    // The empty folder that the import replaced may still be there too.
    let occupied = replaced(&vault).into_iter().find(|folder| folder.join("a.env").exists()).unwrap();
    shell.run("umask 077; printf 'typed too late' > late.txt; printf 'other' > a.env");

    // A younger replaced folder, in which nobody stands, goes; the shell's stays.
    fill(&ann.vault("dev"), 3);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the third version is there", |pair| pair["gen"] == 3);
    until("the free folder goes", || replaced(&vault) == [occupied.clone()]);
    assert_eq!(fs::read_to_string(occupied.join("late.txt")).unwrap(), "typed too late");
    assert_eq!(ben.status("dev")["notices"], serde_json::json!([]));

    shell.leave();
    let told = ben.wait_status("dev", "the late write is reported", |pair| pair["notices"][0].is_object());
    until("the shell's folder goes", || replaced(&vault).is_empty());
    let notice = &told["notices"][0];
    let name = notice["backup"].as_str().unwrap();
    assert!(notice["text"].as_str().unwrap().contains(name), "{notice}");
    assert!(ben.ok(&["status", "dev"]).contains(name), "the status for people names the backup");
    assert!(ben.ok(&["backup", "list", "dev"]).contains(name));
    let saved = ben.path("saved");
    ben.ok(&["backup", "restore", "dev", name, &saved.display().to_string()]);
    let file = |text: &str| folder::Entry::File { mode: 0o600, content: text.into() };
    before.insert("late.txt".into(), file("typed too late"));
    before.insert("a.env".into(), file("other"));
    assert_eq!(folder::read(&saved), before);
    assert_eq!(folder::read(&vault), folder::read(&ann.vault("dev")));
}
