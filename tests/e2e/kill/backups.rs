//! Killed while it keeps what is published already, and removes what is kept too often.

use vsync_tests::folder;
use vsync_tests::machine::{Machine, Ran};

use super::Work;
use super::pull::Pulling;

/// `pull --force` of a clean folder whose bundle is no longer cached: a backup of what is published.
pub(super) struct Resetting(Pulling);

impl Resetting {
    pub(super) fn new() -> Self {
        let pulling = Pulling::new(false);
        pulling.ben.settings("keep_replaced: 10ms\nbackups:\n  keep: 1\n");
        pulling.ben.ok(&["daemon", "reload"]);
        let mut this = Self(pulling);
        // The second reset is the first one with a backup too many.
        this.prepare();
        this.0.ben.ok(&["pull", "dev", "--force"]);
        this
    }
}

impl Work for Resetting {
    fn machine(&mut self) -> &mut Machine {
        &mut self.0.ben
    }

    fn prepare(&mut self) {
        let this = &mut self.0;
        let _ = std::fs::remove_dir_all(this.ben.path("state/vsync/pairs/acme_web/dev/bundles"));
        this.old = folder::read(&this.ben.vault("dev"));
        this.new = this.old.clone();
    }

    fn run(&mut self) -> Ran {
        self.0.ben.ctl(&["pull", "dev", "--force"])
    }

    fn settle(&mut self) {
        self.0.wait_gone();
    }

    fn end(&mut self) {
        self.0.wait_gone();
    }

    fn at_rest(&mut self, _: &Ran) {
        self.0.assert_old_or_new();
    }

    fn recover(&mut self, _: &Ran) {
        let this = &mut self.0;
        this.ben.start();
        this.ben.wait_state("dev", "ok");
        this.ben.ok(&["pull", "dev", "--force"]);
        assert!(folder::read(&this.ben.vault("dev")) == this.new, "a reset changed the folder");
        this.assert_tidy();
    }
}
