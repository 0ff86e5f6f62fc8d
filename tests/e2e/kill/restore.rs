//! Killed while it writes a backup out into a new folder.

use std::fs;
use std::path::PathBuf;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use super::push::fill;
use super::rest::{assert_no_temporary, assert_only_here};
use super::{CANARY, Work, mortal};
use crate::crash::{Content, assert_nothing_readable, siblings};

/// `backup restore` into a folder far from any vault.
pub(super) struct Restoring {
    _place: Place,
    ann: Machine,
    name: String,
    content: Content,
    into: PathBuf,
}

impl Restoring {
    pub(super) fn new() -> Self {
        let (place, mut ann) = (Place::folder(), mortal("ann"));
        ann.start();
        team::init(&ann, &place, "dev");
        fill(&ann, 0);
        ann.ok(&["push", "dev"]);
        write(&ann.vault("dev"), "mine", CANARY, 0o600);
        let content = folder::read(&ann.vault("dev"));
        ann.ok(&["pull", "dev", "--force"]);
        let (_, list) = ann.json(&["backup", "list", "dev"]);
        let name = list[0]["name"].as_str().expect("a backup").to_owned();
        // What that has left for later is no step of a restore.
        assert_eq!(ann.stop(), 0);
        ann.start();
        let into = ann.path("far/away/restored");
        fs::create_dir_all(into.parent().unwrap()).unwrap();
        Self { _place: place, ann, name, content, into }
    }

    fn beside(&self) -> Vec<PathBuf> {
        siblings(&self.into)
    }

    fn assert_whole_or_missing(&self) -> bool {
        let there = self.into.exists();
        assert!(!there || folder::read(&self.into) == self.content, "half a restored folder");
        there
    }
}

impl Work for Restoring {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ann
    }

    fn prepare(&mut self) {
        let _ = fs::remove_dir_all(&self.into);
    }

    fn run(&mut self) -> Ran {
        self.ann.ctl(&["backup", "restore", "dev", &self.name, &self.into.display().to_string()])
    }

    fn at_rest(&mut self, ran: &Ran) {
        let there = self.assert_whole_or_missing();
        assert!(there || ran.code != 0, "it said that it was done");
        assert_nothing_readable(&self.ann, &self.into);
        let mut also = self.beside();
        also.extend(siblings(&self.ann.vault("dev")));
        also.push(self.into.clone());
        assert_only_here(
            &self.ann,
            &self.ann.vault("dev"),
            &also.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
        );
    }

    fn recover(&mut self, _: &Ran) {
        self.ann.start();
        until("nothing half restored is left", || self.beside().is_empty());
        if !self.assert_whole_or_missing() {
            let ran = self.run();
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        assert!(self.assert_whole_or_missing());
        assert_no_temporary(&self.ann);
    }
}
