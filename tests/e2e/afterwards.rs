//! What a verb leaves for later is done soon, and a daemon that dies before that loses nothing by it.

use std::fs;
use std::path::PathBuf;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

fn backups(machine: &Machine) -> usize {
    let (code, list) = machine.json(&["backup", "list", "dev"]);
    assert_eq!(code, 0, "{list}");
    list.as_array().expect("a list of backups").len()
}

/// Ann publishes a round's content; returns its version.
fn publish(ann: &Machine, round: u32) -> String {
    write(&ann.vault("dev"), ".env.dev", format!("ROUND={round}\n"), 0o600);
    ann.ok(&["push", "dev"]);
    ann.status("dev")["version"].as_str().expect("a version").to_owned()
}

fn arrives(ann: &Machine, ben: &Machine) {
    until("the version arrives", || {
        ben.vault("dev").is_dir() && folder::read(&ben.vault("dev")) == folder::read(&ann.vault("dev"))
    });
}

/// Journals of one machine's checkouts that are still there.
fn journals(machine: &Machine) -> Vec<PathBuf> {
    let folders = fs::read_dir(machine.path("state/vsync/folders")).expect("the checkouts' state");
    let files = folders.flat_map(|folder| {
        let folder = folder.expect("an entry").path();
        ["publish.json", "swap.json"].map(|name| folder.join(name))
    });
    files.filter(|file| file.exists()).collect()
}

#[test]
fn a_clean_folder_needs_no_backup_while_its_bundle_is_kept() {
    let place = Place::s3();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    let kept = ben.path("state/vsync/pairs/acme_web/dev/bundles");
    for round in 1..=3 {
        let version = publish(ann, round);
        arrives(ann, ben);
        until("the bundle is kept", || kept.join(&version).exists());
    }
    assert_eq!(backups(ben), 0, "what a bundle holds was backed up");
    until("the swap is over", || journals(ben).is_empty());
    fs::remove_dir_all(&kept).expect("the kept bundles");
    publish(ann, 4);
    arrives(ann, ben);
    assert_eq!(backups(ben), 1, "without a bundle the old content needs a backup");
}

#[test]
fn journals_go_when_what_they_tell_is_durable() {
    let place = Place::folder();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    publish(ann, 1);
    arrives(ann, ben);
    until("no journal is left", || journals(ann).is_empty() && journals(ben).is_empty());
}

/// The daemons are killed the moment the verb has answered, whatever they had left to do.
#[test]
fn a_kill_right_after_the_answer_changes_nothing() {
    let place = Place::folder();
    let mut team = team::of(&place, &["ann", "ben"]);
    for round in 1..=4 {
        publish(&team[0], round);
        team[0].kill();
        team[1].ok(&["pull", "dev"]);
        team[1].kill();
        for machine in &mut team {
            machine.start();
            let pair = machine.wait_state("dev", "ok");
            assert_eq!(pair["gen"], round, "{pair}");
        }
        let (ann, ben) = (&team[0], &team[1]);
        assert_eq!(folder::read(&ann.vault("dev")), folder::read(&ben.vault("dev")));
        let backups = [backups(ann), backups(ben)];
        assert!(backups[0] == 0 && backups[1] <= round as usize, "{backups:?}");
    }
}
