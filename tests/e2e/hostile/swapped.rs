//! The vault folder, or a folder above it, is something else of a sudden.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::soak;
use vsync_tests::team::Place;

use super::{published, reader, refused};

/// Pulls while a folder above the vault is a link at one moment and none at the next.
const ROUNDS: (u64, u64) = (8, 200);

/// A machine whose looks are frequent, with an edit that nobody has published, and a folder outside that
/// looks like a vault.
fn scene(place: &Place) -> Machine {
    let ann = Machine::new("ann");
    ann.settings("poll:\n  rescan: 200ms\n");
    let ann = published(ann, place);
    write(&ann.path("outside"), "vault/dev/evil.env", "EVIL=1\n", 0o600);
    write(&ann.vault("dev"), "mine.env", "MINE=1\n", 0o600);
    ann.wait_state("dev", "edited");
    ann
}

/// Moves what is there aside, puts something else in its place, and undoes it after the story.
fn in_place_of(path: &Path, put: impl FnOnce(&Path), story: impl FnOnce()) {
    let aside = path.with_extension("aside");
    fs::rename(path, &aside).unwrap();
    put(path);
    story();
    fs::remove_file(path).unwrap();
    fs::rename(&aside, path).unwrap();
}

#[test]
fn a_vault_folder_that_is_reached_through_a_link_is_left_alone() {
    let place = Place::folder();
    let ann = scene(&place);
    let (outside, before) = (ann.path("outside"), folder::read(&ann.vault("dev")));
    let foreign = folder::read(&outside);
    let links = [("infra", ""), ("infra/vault", "vault"), ("infra/vault/dev", "vault/dev")];
    for (folder, target) in links {
        let at = ann.repo().join(folder);
        in_place_of(
            &at,
            |at| symlink(outside.join(target), at).unwrap(),
            || {
                refused(&ann, &place, "folder_not_usable", "symlink");
                let (code, answer) = ann.json(&["sync", "dev", "gh", "--dry-run"]);
                assert_eq!((code, &answer["error"]["code"]), (1, &"folder_not_usable".into()), "{answer}");
                assert_eq!(folder::read(&outside), foreign, "{folder}");
            },
        );
        ann.wait_state("dev", "edited");
        assert_eq!(folder::read(&ann.vault("dev")), before, "{folder}");
    }
    in_place_of(
        &ann.vault("dev"),
        |at| fs::write(at, "a file").unwrap(),
        || {
            refused(&ann, &place, "folder_not_usable", "not a folder");
        },
    );
    ann.wait_state("dev", "edited");
    ann.ok(&["push", "dev"]);
    let ben = reader(&ann);
    assert_eq!(folder::read(&ben.vault("dev")), before);
}

#[test]
fn a_daemon_that_starts_behind_a_link_touches_nothing_there() {
    let place = Place::folder();
    let mut ann = scene(&place);
    let outside = ann.path("outside");
    assert_eq!(ann.stop(), 0);
    // As a leftover of a swap would be called.
    write(&outside, "vault/.vsync-dev.old-20200101-000000/x", "x", 0o600);
    let foreign = folder::read(&outside);
    let infra = ann.repo().join("infra");
    fs::rename(&infra, infra.with_extension("aside")).unwrap();
    symlink(&outside, &infra).unwrap();
    ann.start();
    refused(&ann, &place, "folder_not_usable", "symlink");
    assert_eq!(folder::read(&outside), foreign);
    fs::remove_file(&infra).unwrap();
    fs::rename(infra.with_extension("aside"), &infra).unwrap();
    ann.wait_state("dev", "edited");
    ann.ok(&["push", "dev"]);
}

#[test]
fn a_pull_never_lands_behind_a_link() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let ben = reader(&ann);
    let (vaults, outside) = (ben.repo().join("infra/vault"), ben.path("outside"));
    write(&outside, "dev/evil.env", "EVIL=1\n", 0o600);
    let foreign = folder::read(&outside);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let aside = vaults.with_extension("aside");
            while !stop.load(Ordering::Relaxed) {
                fs::rename(&vaults, &aside).unwrap();
                symlink(&outside, &vaults).unwrap();
                fs::remove_file(&vaults).unwrap();
                fs::rename(&aside, &vaults).unwrap();
                // A pull has to have a chance.
                thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        for round in 0..soak::rounds(ROUNDS.0, ROUNDS.1) {
            write(&ann.vault("dev"), "a.env", format!("A={round}\n"), 0o600);
            ann.ok(&["push", "dev", "--force"]);
            let (code, answer) = ben.json(&["pull", "dev", "--force"]);
            assert!([0, 1].contains(&code), "{answer}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (code, answer) = ben.json(&["pull", "dev", "--force"]);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
    assert_eq!(folder::read(&outside), foreign, "something was written outside the checkout");
}
