//! Killed while it publishes.

use vsync_tests::folder;
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use super::rest::{Bucket, assert_no_temporary, assert_only_here, rows};
use super::{Work, mortal};
use crate::crash::Content;

/// Gives a vault a small new content.
pub(super) fn fill(machine: &Machine, round: u64) -> Content {
    let vault = machine.vault("dev");
    let canary = super::CANARY;
    folder::write(&vault, ".env.dev", format!("ROUND={round}\nCANARY={canary}\n"), 0o600);
    folder::write(&vault, "keys/private", format!("{canary} {round}"), 0o640);
    let _ = std::fs::remove_file(vault.join(format!("only/{}", round.wrapping_sub(1))));
    folder::write(&vault, &format!("only/{round}"), canary, 0o600);
    folder::read(&vault)
}

/// Pushes of edits; forced ones over what another machine has pushed meanwhile.
pub(super) struct Pushing {
    place: Place,
    ann: Machine,
    ben: Option<Machine>,
    round: u64,
    content: Content,
    before: Bucket,
}

impl Pushing {
    pub(super) fn new(forced: bool) -> Self {
        let (place, mut ann) = (Place::folder(), mortal("ann"));
        ann.start();
        team::init(&ann, &place, "dev");
        fill(&ann, 0);
        ann.ok(&["push", "dev"]);
        // From now on the cache is full: each further version lets go of one.
        folder::write(&ann.vault("dev"), "second", "version", 0o600);
        ann.ok(&["push", "dev"]);
        let ben = forced.then(|| {
            let mut ben = Machine::new("ben").with("VSYNC_POLL_INTERVAL", "1h");
            ben.start();
            team::join(&ann, &ben, "dev");
            ben
        });
        Self { place, ann, ben, round: 0, content: Content::new(), before: Bucket::default() }
    }

    fn push(&self) -> Vec<&'static str> {
        let mut verb = vec!["push", "dev"];
        verb.extend(self.ben.as_ref().map(|_| "--force"));
        verb
    }
}

impl Work for Pushing {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ann
    }

    fn prepare(&mut self) {
        self.round += 1;
        self.content = fill(&self.ann, self.round);
        if let Some(ben) = &self.ben {
            ben.ok(&["pull", "dev", "--backup"]);
            fill(ben, self.round + 1000);
            ben.ok(&["push", "dev"]);
        }
        self.before = Bucket::look(&self.place);
    }

    fn run(&mut self) -> Ran {
        self.ann.ctl(&self.push())
    }

    fn at_rest(&mut self, ran: &Ran) {
        assert!(folder::read(&self.ann.vault("dev")) == self.content, "a push changed the folder");
        assert_only_here(&self.ann, &self.ann.vault("dev"), &[]);
        let bucket = Bucket::look(&self.place);
        self.before.assert_followed_by(&bucket);
        assert!(ran.code != 0 || bucket.generation() > self.before.generation(), "it said that it was done");
    }

    fn recover(&mut self, _: &Ran) {
        self.ann.start();
        self.ann.wait_status("dev", "a good state", |pair| {
            ["ok", "edited", "diverged"].contains(&pair["state"].as_str().unwrap_or_default())
        });
        self.ann.ok(&self.push());
        let pair = self.ann.wait_state("dev", "ok");
        let bucket = Bucket::look(&self.place);
        self.before.assert_followed_by(&bucket);
        assert_eq!(pair["gen"], self.before.generation() + 1, "{pair}");
        assert!(folder::read(&self.ann.vault("dev")) == self.content, "a push changed the folder");
        assert_no_temporary(&self.ann);
        // Every version that was published has its row, once.
        let version = pair["version"].as_str().unwrap().to_owned();
        until("the push is in the audit log", || rows(&self.place, "push", &version) > 0);
        assert_eq!(rows(&self.place, "push", &version), 1, "of {version}");
    }
}
