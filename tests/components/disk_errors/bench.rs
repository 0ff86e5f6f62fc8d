//! Two machines with one vault: `ann` is well, on `ben` the disk fails.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use vsync_tests::folder::{self, Entry, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

use crate::write_fault::WriteFault;

/// In every file of the vault; nowhere else.
pub(crate) const CANARY: &str = "CANARY-7f3a91";

/// Both machines. Ben's daemon does nothing by itself but what it is told to.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) place: Place,
    pub(crate) ann: Machine,
    pub(crate) ben: Machine,
    pub(crate) fault: WriteFault,
    serial: u64,
}

impl Bench {
    /// Version 1 is on both.
    pub(crate) fn new(library: &str) -> Self {
        let place = Place::s3();
        let mut ann = Machine::new("ann");
        let ben = Machine::new("ben").with("VSYNC_POLL_INTERVAL", "1h");
        ben.settings("keep_replaced: 1s\n");
        let (mut ben, fault) = WriteFault::of(ben, library);
        ann.start();
        ben.start();
        team::init(&ann, &place, "dev");
        let mut bench = Self { place, ann, ben, fault, serial: 0 };
        bench.edit_at_ann();
        team::join(&bench.ann, &bench.ben, "dev");
        team::profile(&bench.ben, bench.place.server());
        bench.ben.wait_state("dev", "ok");
        bench
    }

    /// A number that was not used before.
    pub(crate) fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Publishes another version on ann.
    pub(crate) fn edit_at_ann(&mut self) {
        let serial = self.next();
        let vault = self.ann.vault("dev");
        write(&vault, "a.env", format!("A={CANARY}-{serial}\n"), 0o600);
        write(&vault, "certs/b.pem", folder::noise(serial, 9000), 0o640);
        write(&vault, &format!("only/{}", serial % 3), CANARY, 0o600);
        let (code, pushed) = self.ann.json(&["push", "dev"]);
        assert_eq!(code, 0, "{pushed}");
    }

    /// Edits ben's folder; returns what is in it now.
    pub(crate) fn edit_at_ben(&mut self) -> String {
        let text = format!("B={CANARY}-{}\n", self.next());
        write(&self.ben.vault("dev"), "b.env", &text, 0o600);
        text
    }

    /// Where a version is looked at.
    pub(crate) fn content(machine: &Machine) -> BTreeMap<String, Entry> {
        folder::read(&machine.vault("dev"))
    }

    /// What lies on ben's disk and should not, once all is over.
    pub(crate) fn litter(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for place in ["state", "config", "repo", "cache"] {
            let root = self.ben.path(place);
            if !root.exists() {
                continue;
            }
            for name in folder::read(&root).into_keys() {
                let own = name.rsplit('/').next().unwrap_or(&name);
                let sibling = own.starts_with(".vsync-");
                if sibling || own.ends_with(".tmp") || own.ends_with(".part") || own.ends_with(".corrupt") {
                    found.push(root.join(name));
                }
            }
        }
        found
    }

    /// What ben's programs said, which must not contain what is secret.
    pub(crate) fn tells(&self, answer: &Value) -> bool {
        answer.to_string().contains(CANARY) || self.ben.log().contains(CANARY)
    }
}
