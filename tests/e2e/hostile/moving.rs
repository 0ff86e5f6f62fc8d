//! Files and folders that change while they are read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vsync_tests::folder::{Entry, read, write};
use vsync_tests::machine::Machine;
use vsync_tests::soak;
use vsync_tests::team::Place;

use super::{published, reader};

/// Pushes while somebody writes, in CI and in the long form.
const ROUNDS: (u64, u64) = (6, 200);

/// Pushes again and again while `disturb` is at work, and has `judge` look at what each push that
/// succeeded published. The others say that something changes, or is no plain file.
fn push_while(disturb: impl Fn(&Machine, u64) + Sync, judge: impl Fn(&str, &Entry)) {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let ben = reader(&ann);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                disturb(&ann, turn);
                turn += 1;
            }
        });
        let stopped = Stop(&stop);
        for _ in 0..soak::rounds(ROUNDS.0, ROUNDS.1) {
            let (code, answer) = ann.json(&["push", "dev"]);
            if code != 0 {
                let word = answer["error"]["code"].as_str().unwrap();
                assert!(
                    ["folder_changing", "vault_not_plain", "folder_not_usable"].contains(&word),
                    "{answer}"
                );
                assert_eq!(code, 1, "{answer}");
                continue;
            }
            ben.ok(&["pull", "dev"]);
            read(&ben.vault("dev")).iter().for_each(|(name, entry)| judge(name, entry));
        }
        drop(stopped);
    });
    // At rest it is published as it is.
    ann.ok(&["push", "dev"]);
    ben.ok(&["pull", "dev"]);
    assert!(read(&ben.vault("dev")) == read(&ann.vault("dev")), "the folders differ");
    ann.wait_state("dev", "ok");
}

/// Ends the writer also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_file_that_grows_is_published_as_it_was_at_one_moment() {
    push_while(
        |ann, turn| {
            let path = ann.vault("dev").join("growing");
            let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
            // Bounded: it must not become too large for a bundle.
            if turn < 20_000 {
                file.write_all(format!("{turn:07}\n").as_bytes()).unwrap();
            } else {
                thread::yield_now();
            }
        },
        |name, entry| {
            if let ("growing", Entry::File { content, .. }) = (name, entry) {
                let lines: Vec<&[u8]> = content.chunks(8).collect();
                for (number, line) in lines.iter().enumerate() {
                    assert_eq!(*line, format!("{number:07}\n").as_bytes(), "not what was ever there");
                }
            }
        },
    );
}

#[test]
fn a_file_that_is_replaced_and_cut_short_is_never_a_mixture() {
    const LEN: usize = 300_000;
    push_while(
        |ann, turn| {
            let vault = ann.vault("dev");
            let content = vec![b'a' + u8::try_from(turn % 20).unwrap(); LEN];
            if turn % 2 == 0 {
                // As editors do it.
                fs::write(ann.path("next"), &content).unwrap();
                fs::rename(ann.path("next"), vault.join("x")).unwrap();
            } else {
                // As careless programs do it: empty for a moment, then ever longer.
                fs::write(vault.join("x"), &content).unwrap();
            }
        },
        |name, entry| {
            if let ("x", Entry::File { content, .. }) = (name, entry) {
                assert!(content.iter().all(|byte| *byte == content[0]), "two contents in one file");
            }
        },
    );
}

#[test]
fn nothing_from_outside_is_published_through_a_folder_that_turns_into_a_link() {
    push_while(
        |ann, turn| {
            let (outside, sub, aside) =
                (ann.path("outside"), ann.vault("dev").join("sub"), ann.path("aside"));
            if turn == 0 {
                write(&outside, "inner/file", "outside\n", 0o600);
                write(&sub, "inner/file", "inside\n", 0o600);
            }
            fs::rename(&sub, &aside).unwrap();
            symlink(&outside, &sub).unwrap();
            fs::remove_file(&sub).unwrap();
            fs::rename(&aside, &sub).unwrap();
        },
        |name, entry| {
            if let Entry::File { content, .. } = entry {
                assert_ne!(content, b"outside\n", "{name} came from outside the vault");
            }
        },
    );
}
