//! Killed while it takes a version, at any moment and around the exchange in particular.

use std::process::Stdio;

use super::*;
use vsync_tests::wait::until;

/// Waits for the staged folder to appear beside the vault folder; gives up when the verb ends.
fn staged(vault: &Path) {
    let begun = Instant::now();
    let known = siblings(vault);
    while begun.elapsed() < Duration::from_secs(5) {
        if siblings(vault).iter().any(|path| !known.contains(path)) {
            return;
        }
        std::thread::yield_now();
    }
}

/// Kills pulls, each `aim`ed at a moment; every time the folder is one version or the other.
fn pulls_die(seed: u64, at_the_swap: bool) {
    let place = Place::folder();
    let (ann, mut ben) = pair(&place);
    let (here, there) = (ann.vault("dev"), ben.vault("dev"));
    let mut longest = Duration::ZERO;
    for round in 1..=3 {
        fill(&here, round);
        ann.ok(&["push", "dev"]);
        longest = longest.max(time(|| drop(ben.ok(&["pull", "dev"]))));
    }
    // From the first staged file to the renaming of the old folder: about half the pull.
    let window = if at_the_swap { longest / 2 } else { longest };
    let (mut aim, mut swapped, mut round) = (Aim::new(seed, window), 0, 3);
    while let Some(moment) = aim.next() {
        round += 1;
        let old = folder::read(&there);
        let new = fill(&here, round);
        ann.ok(&["push", "dev"]);
        let done = if at_the_swap {
            let mut command = ben.ctl_command(&["pull", "dev"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            staged(&there);
            std::thread::sleep(moment);
            ben.kill();
            child.wait().unwrap().success()
        } else {
            killed(&mut ben, &["pull", "dev"], moment).code == 0
        };
        aim.note(!done);
        let now = folder::read(&there);
        assert!(now == old || now == new, "round {round}: neither the old nor the new folder");
        swapped += u64::from(!done && now == new);
        assert_nothing_readable(&ben, &there);
        ben.start();
        ben.wait_state("dev", "ok");
        until("the new version is there", || folder::read(&there) == new);
        until("every sibling is on record", || unrecorded(&ben, &there).is_empty());
        let status = ben.status("dev");
        assert_eq!(status["gen"], round);
        assert_eq!(status["notices"], serde_json::json!([]), "round {round}");
    }
    until("replaced folders are gone", || siblings(&there).is_empty());
    write(&there, "next", "edit", 0o600);
    ben.ok(&["push", "dev"]);
    println!("{swapped} pulls died after the exchange");
}

#[test]
fn a_pull_that_dies_leaves_the_old_or_the_new_folder() {
    pulls_die(3, false);
}

#[test]
fn a_swap_that_dies_leaves_the_old_or_the_new_folder() {
    pulls_die(5, true);
}

/// What the user wrote is in the folder or in a backup, whenever `pull --backup` dies.
#[test]
fn a_pull_over_edits_that_dies_loses_no_edit() {
    let place = Place::folder();
    let (ann, mut ben) = pair(&place);
    let (here, there) = (ann.vault("dev"), ben.vault("dev"));
    fill(&here, 1);
    ann.ok(&["push", "dev"]);
    ben.ok(&["pull", "dev"]);
    let next = |ben: &Machine, round: u64| {
        let new = fill(&here, round);
        ann.ok(&["push", "dev"]);
        write(&ben.vault("dev"), "mine/secret", format!("written by hand in round {round}"), 0o600);
        (folder::read(&ben.vault("dev")), new)
    };
    next(&ben, 2);
    let longest = time(|| drop(ben.ok(&["pull", "dev", "--backup"])));
    let (mut aim, mut round) = (Aim::new(13, longest), 2);
    while let Some(moment) = aim.next() {
        round += 1;
        let (edited, new) = next(&ben, round);
        let ran = killed(&mut ben, &["pull", "dev", "--backup"], moment);
        aim.note(ran.code != 0);
        let now = folder::read(&there);
        assert!(now == edited || now == new, "round {round}: neither the old nor the new folder");
        assert_nothing_readable(&ben, &there);
        ben.start();
        if now == new {
            assert!(backups(&ben, "look").contains(&edited), "round {round}: the edit is gone");
        }
        ben.ok(&["pull", "dev", "--backup"]);
        assert!(folder::read(&there) == new, "round {round}: not the new version");
        assert!(backups(&ben, "look").contains(&edited), "round {round}: the edit is in no backup");
        for file in fs::read_dir(ben.path("config/vsync/backups")).unwrap() {
            // Keeps the next rounds short: what they look for is made by them.
            let file = file.unwrap().path();
            if file.is_file() {
                fs::remove_file(file).unwrap();
            }
        }
    }
}
