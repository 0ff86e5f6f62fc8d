//! Killed while it takes a version.

use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::soak;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use super::push::fill;
use super::rest::{Bucket, assert_no_temporary, assert_only_here, rows};
use super::{CANARY, Work, mortal};
use crate::crash::{Content, backups, siblings, unrecorded};

/// Pulls of what another machine pushes; into a clean folder, or over edits that are kept.
pub(super) struct Pulling {
    pub(super) place: Place,
    pub(super) ann: Machine,
    pub(super) ben: Machine,
    over_edits: bool,
    round: u64,
    pub(super) old: Content,
    pub(super) new: Content,
}

impl Pulling {
    pub(super) fn new(over_edits: bool) -> Self {
        let (place, mut ann) = (Place::folder(), Machine::new("ann"));
        let mut ben = mortal("ben").with("VSYNC_POLL_INTERVAL", "1h");
        ben.settings("keep_replaced: 10ms\n");
        ann.start();
        ben.start();
        team::init(&ann, &place, "dev");
        fill(&ann, 0);
        ann.ok(&["push", "dev"]);
        team::join(&ann, &ben, "dev");
        let (old, new) = Default::default();
        Self { place, ann, ben, over_edits, round: 0, old, new }
    }

    /// The folder is one or the other, and nothing lies elsewhere.
    pub(super) fn assert_old_or_new(&self) -> bool {
        let now = folder::read(&self.ben.vault("dev"));
        assert!(now == self.old || now == self.new, "neither the old nor the new folder: {:?}", now.keys());
        assert_only_here(&self.ben, &self.ben.vault("dev"), &[]);
        Bucket::look(&self.place);
        now == self.new
    }

    /// What is beside the folder is on record; in the long form, until it is gone.
    pub(super) fn assert_tidy(&self) {
        let vault = self.ben.vault("dev");
        until("every sibling is on record", || unrecorded(&self.ben, &vault).is_empty());
        if soak::rounds(0, 1) == 1 {
            self.wait_gone();
        }
        assert_no_temporary(&self.ben);
    }

    /// Waits until nothing is beside the folder any more.
    pub(super) fn wait_gone(&self) {
        until("replaced folders are gone", || siblings(&self.ben.vault("dev")).is_empty());
    }

    fn verb(&self) -> &'static [&'static str] {
        if self.over_edits { &["pull", "dev", "--backup"] } else { &["pull", "dev"] }
    }
}

impl Work for Pulling {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ben
    }

    fn prepare(&mut self) {
        self.round += 1;
        self.new = fill(&self.ann, self.round);
        self.ann.ok(&["push", "dev"]);
        let vault = self.ben.vault("dev");
        if self.over_edits {
            write(&vault, "mine/secret", format!("by hand {} {CANARY}", self.round), 0o600);
        }
        self.old = folder::read(&vault);
    }

    fn run(&mut self) -> Ran {
        self.ben.ctl(self.verb())
    }

    fn settle(&mut self) {
        self.wait_gone();
    }

    fn end(&mut self) {
        self.wait_gone();
    }

    fn at_rest(&mut self, ran: &Ran) {
        let new = self.assert_old_or_new();
        assert!(new || ran.code != 0, "it said that it was done");
    }

    fn recover(&mut self, _: &Ran) {
        let vault = self.ben.vault("dev");
        let swapped = folder::read(&vault) == self.new;
        self.ben.start();
        if self.over_edits && !swapped {
            self.ben.wait_state("dev", "diverged");
            assert!(folder::read(&vault) == self.old, "an edit was touched");
        } else {
            until("the new version comes by itself", || folder::read(&vault) == self.new);
        }
        self.ben.ok(self.verb());
        assert!(folder::read(&vault) == self.new, "not the new version");
        let pair = self.ben.wait_state("dev", "ok");
        assert_eq!(pair["notices"], serde_json::json!([]), "nobody wrote into a replaced folder");
        if self.over_edits {
            assert!(backups(&self.ben, "look").contains(&self.old), "the edit is in no backup");
            for file in std::fs::read_dir(self.ben.path("config/vsync/backups")).unwrap().flatten() {
                // Keeps the next rounds short: what they look for is made by them.
                let _ = std::fs::remove_file(file.path());
            }
        }
        self.assert_tidy();
        let version = pair["version"].as_str().unwrap().to_owned();
        until("the pull is in the audit log", || rows(&self.place, "pull", &version) > 0);
    }
}
