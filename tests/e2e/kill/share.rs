//! Killed while a vault is passed on.

use std::fs;
use std::path::PathBuf;

use vsync_core::format::share;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, PASSPHRASE, Place};
use vsync_tests::wait::until;

use super::push::fill;
use super::rest::{Bucket, assert_no_temporary, assert_only_here};
use super::{Work, mortal};
use crate::crash::{Content, siblings};

/// A machine with a published vault.
fn published(name: &str, place: &Place) -> (Machine, Content) {
    let mut machine = mortal(name);
    machine.start();
    team::init(&machine, place, "dev");
    let content = fill(&machine, 0);
    machine.ok(&["push", "dev"]);
    // What that has left for later is no step of what comes next.
    assert_eq!(machine.stop(), 0);
    machine.start();
    (machine, content)
}

fn export(machine: &Machine, to: &str) -> Ran {
    write(&machine.path(""), "passphrase", PASSPHRASE, 0o600);
    let (share, pass) = (machine.path(to).display().to_string(), machine.path("passphrase"));
    machine.ctl(&[
        "export",
        "dev",
        "--out",
        &share,
        "--force",
        "--passphrase-file",
        &pass.display().to_string(),
    ])
}

/// The verb that takes in a share file of another machine.
fn import(machine: &Machine, from: &Machine) -> Ran {
    let (share, pass) = (from.path("share").display().to_string(), from.path("passphrase"));
    machine.ctl(&["import", "dev", &share, "--passphrase-file", &pass.display().to_string()])
}

/// `export`, again and again over the same file.
pub(super) struct Exporting {
    place: Place,
    ann: Machine,
    file: PathBuf,
}

impl Exporting {
    pub(super) fn new() -> Self {
        let place = Place::folder();
        let (ann, _) = published("ann", &place);
        let file = ann.path("share");
        Self { place, ann, file }
    }
}

impl Work for Exporting {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ann
    }

    fn prepare(&mut self) {}

    fn run(&mut self) -> Ran {
        export(&self.ann, "share")
    }

    fn at_rest(&mut self, _: &Ran) {
        assert_only_here(&self.ann, &self.ann.vault("dev"), &[]);
        Bucket::look(&self.place);
        match fs::read(&self.file) {
            Ok(bytes) => drop(share::read(&bytes, PASSPHRASE).expect("a whole share file")),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }

    fn recover(&mut self, _: &Ran) {
        self.ann.start();
        self.ann.wait_state("dev", "ok");
        let ran = export(&self.ann, "share");
        assert_eq!(ran.code, 0, "{ran:?}");
        share::read(&fs::read(&self.file).unwrap(), PASSPHRASE).expect("a whole share file");
        assert_no_temporary(&self.ann);
    }
}

/// `import`, each time on another machine.
pub(super) struct Importing {
    _place: Place,
    ann: Machine,
    content: Content,
    ben: Machine,
}

impl Importing {
    pub(super) fn new() -> Self {
        let place = Place::folder();
        let (ann, content) = published("ann", &place);
        assert_eq!(export(&ann, "share").code, 0);
        Self { _place: place, ann, content, ben: mortal("ben") }
    }
}

impl Work for Importing {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ben
    }

    fn prepare(&mut self) {
        self.ben = mortal("ben").with("VSYNC_POLL_INTERVAL", "1h");
        self.ben.settings("keep_replaced: 10ms\n");
        self.ben.start();
    }

    fn run(&mut self) -> Ran {
        import(&self.ben, &self.ann)
    }

    fn at_rest(&mut self, ran: &Ran) {
        let vault = self.ben.vault("dev");
        let now = if vault.exists() { folder::read(&vault) } else { Content::new() };
        assert!(now.is_empty() || now == self.content, "half a folder: {:?}", now.keys());
        assert!(ran.code != 0 || now == self.content, "it said that it was done");
        if vault.exists() {
            assert_only_here(&self.ben, &vault, &[]);
        }
    }

    fn recover(&mut self, _: &Ran) {
        self.ben.start();
        let vault = self.ben.vault("dev");
        if !self.ben.status("dev").is_null() {
            until("the content comes by itself", || folder::read(&vault) == self.content);
        }
        let ran = import(&self.ben, &self.ann);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(folder::read(&vault) == self.content, "not what was published");
        self.ben.wait_state("dev", "ok");
        until("replaced folders are gone", || siblings(&vault).is_empty());
        assert_no_temporary(&self.ben);
    }

    fn counts(&self, _: &str) -> bool {
        true
    }
}

/// `import` of another vault's share over the one that is there: the keys differ, and the buckets.
pub(super) struct Rejoining {
    _places: [Place; 2],
    ann: Machine,
    eve: Machine,
    ben: Machine,
    round: u64,
}

impl Rejoining {
    pub(super) fn new() -> Self {
        let places = [Place::folder(), Place::folder()];
        let ((ann, _), (eve, _)) = (published("ann", &places[0]), published("eve", &places[1]));
        for machine in [&ann, &eve] {
            assert_eq!(export(machine, "share").code, 0);
        }
        Self { _places: places, ann, eve, ben: mortal("ben"), round: 0 }
    }
}

impl Work for Rejoining {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ben
    }

    fn prepare(&mut self) {
        self.ben = mortal("ben");
        self.ben.start();
        assert_eq!(import(&self.ben, &self.ann).code, 0);
        self.ben.wait_state("dev", "ok");
    }

    fn run(&mut self) -> Ran {
        import(&self.ben, &self.eve)
    }

    fn at_rest(&mut self, _: &Ran) {
        assert_only_here(&self.ben, &self.ben.vault("dev"), &[]);
    }

    fn recover(&mut self, _: &Ran) {
        self.round += 1;
        self.ben.start();
        let vault = self.ben.vault("dev");
        write(&vault, "mine", format!("{} {}", super::CANARY, self.round), 0o600);
        let mine = folder::read(&vault);
        // Whatever key and bucket go together now: nothing is published that its readers cannot open.
        self.ben.ctl(&["push", "dev"]);
        for machine in [&self.ann, &self.eve] {
            machine.ok(&["pull", "dev"]);
            machine.wait_state("dev", "ok");
        }
        assert!(folder::read(&vault) == mine, "an edit was touched");
        // Newer than all that was seen of the other one.
        fill(&self.eve, self.round);
        self.eve.ok(&["push", "dev"]);
        let ran = import(&self.ben, &self.eve);
        assert_eq!(ran.code, 0, "{ran:?}");
        let last = folder::read(&vault);
        self.ben.ok(&["push", "dev", "--force"]);
        self.eve.ok(&["pull", "dev"]);
        assert!(folder::read(&self.eve.vault("dev")) == last, "what was pushed last is everybody's");
        assert_no_temporary(&self.ben);
    }

    fn counts(&self, step: &str) -> bool {
        step.starts_with("key.") || step.starts_with("config.")
    }
}
