//! The daemon dies with SIGKILL at a random moment; nothing is half, nothing is lost.

mod answers;
mod init;
mod pull;
mod push;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vsync_tests::folder::{self, Entry, noise, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::soak::{self, Chance};
use vsync_tests::team::{self, Place};

/// Kills per story in CI: with fifty of each the stories take several minutes on two cores.
const SLICE: u64 = 8;
/// Kills per story in the long form, `VSYNC_SOAK=1`.
const ALL: u64 = 50;

fn kills() -> u64 {
    soak::rounds(SLICE, ALL)
}

/// What a folder holds.
pub(crate) type Content = BTreeMap<String, Entry>;

/// Gives a folder the content of a round: of two rounds in a row no file is the same, one is
/// added and one is gone. Large enough for a kill to hit every stage.
fn fill(vault: &Path, round: u64) -> Content {
    let large = usize::try_from(2 + round % 3).unwrap() << 20;
    write(vault, "large.bin", noise(round, large), 0o600);
    write(vault, ".env.dev", format!("ROUND={round}\n"), 0o600);
    write(vault, "tls/server.key", noise(round + 1000, 3000), 0o640);
    write(vault, "bin/run", format!("#!/bin/sh\necho {round}\n"), 0o755);
    for number in 0..24 {
        write(vault, &format!("many/{number}"), format!("{number} of {round}"), 0o600);
    }
    write(vault, &format!("only/{round}"), "", 0o600);
    let _ = fs::remove_file(vault.join(format!("only/{}", round.wrapping_sub(1))));
    folder::read(vault)
}

/// Two machines on a folder store. The second looks at the remote when it is asked to, or
/// starts, so that a story decides when it pulls; replaced folders go soon.
fn pair(place: &Place) -> (Machine, Machine) {
    let mut ann = Machine::new("ann");
    let mut ben = Machine::new("ben").with("VSYNC_POLL_INTERVAL", "1h");
    ben.settings("keep_replaced: 1s\n");
    ann.start();
    ben.start();
    team::init(&ann, place, "dev");
    team::join(&ann, &ben, "dev");
    (ann, ben)
}

/// Runs a verb and kills the daemon under it after a while.
fn killed(machine: &mut Machine, verb: &[&str], after: Duration) -> Ran {
    let mut command = machine.ctl_command(verb);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.expect("vsyncctl starts");
    std::thread::sleep(after);
    machine.kill();
    child.wait_with_output().expect("vsyncctl ends").into()
}

/// Random moments in the middle of something, drawn until enough of them have hit it.
struct Aim {
    chance: Chance,
    window: Duration,
    tries: u64,
    hits: u64,
}

impl Aim {
    /// Moments within a time that was measured.
    fn new(seed: u64, window: Duration) -> Self {
        Self { chance: Chance::new(seed), window, tries: 0, hits: 0 }
    }

    /// The next moment; `None` when there were enough hits.
    ///
    /// # Panics
    /// When most moments miss: the story would show nothing.
    fn next(&mut self) -> Option<Duration> {
        if self.hits >= kills() {
            println!("{} kills, {} of them in the middle", self.tries, self.hits);
            return None;
        }
        assert!(self.tries < 4 * kills(), "{} kills, but only {} in the middle", self.tries, self.hits);
        self.tries += 1;
        Some(self.chance.within(self.window))
    }

    /// Takes note of whether the work was cut short. How long it takes changes with what else
    /// the machine does, so the window follows.
    fn note(&mut self, cut: bool) {
        self.hits += u64::from(cut);
        self.window = if cut { self.window.mul_f32(1.05) } else { self.window.mul_f32(0.85) };
    }
}

/// How long something takes.
fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The hidden folders beside a vault folder.
pub(crate) fn siblings(vault: &Path) -> Vec<PathBuf> {
    let listed =
        fs::read_dir(vault.parent().unwrap()).into_iter().flatten().map(|entry| entry.unwrap().path());
    listed.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".vsync-")).collect()
}

/// The siblings that no record of the machine explains.
pub(crate) fn unrecorded(machine: &Machine, vault: &Path) -> Vec<PathBuf> {
    let mut records = String::new();
    for (name, entry) in folder::read(&machine.path("state/vsync/folders")) {
        if let (true, Entry::File { content, .. }) = (name.ends_with("kept.json"), entry) {
            records.push_str(&String::from_utf8_lossy(&content));
        }
    }
    let mut found = siblings(vault);
    found.retain(|path| !records.contains(&path.display().to_string()));
    found
}

/// Everything below a folder that another user could read is a fault; folders protect what lies
/// in them.
fn assert_private(folder: &Path) {
    let Ok(about) = folder.symlink_metadata() else { return };
    let mode = about.permissions().mode() & 0o777;
    if !about.is_dir() {
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", folder.display());
    } else if mode & 0o077 != 0 {
        // A folder may go while it is looked at: a staged one that is removed.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            assert_private(&entry.path());
        }
    }
}

/// Nothing of a vault is readable by others: not the folder, not what a crash left beside it,
/// not the state.
pub(crate) fn assert_nothing_readable(machine: &Machine, vault: &Path) {
    assert_private(vault);
    siblings(vault).iter().for_each(|path| assert_private(path));
    for below in ["state", "config", "cache"] {
        assert_private(&machine.path(below));
    }
}

/// The contents of all backups of a machine.
pub(crate) fn backups(machine: &Machine, scratch: &str) -> Vec<Content> {
    let (code, list) = machine.json(&["backup", "list", "dev"]);
    assert_eq!(code, 0, "{list}");
    let names = list.as_array().expect("a list of backups").iter();
    names
        .enumerate()
        .map(|(number, backup)| {
            let into = machine.path(&format!("{scratch}-{number}"));
            let name = backup["name"].as_str().unwrap();
            machine.ok(&["backup", "restore", "dev", name, &into.display().to_string()]);
            let content = folder::read(&into);
            fs::remove_dir_all(into).unwrap();
            content
        })
        .collect()
}
