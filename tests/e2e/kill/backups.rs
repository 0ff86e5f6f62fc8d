//! Killed while it keeps what is published already, and removes what is kept too often.

use vsync_tests::machine::{Machine, Ran};

use super::Work;
use super::pull::Pulling;

/// Pulls into a clean folder whose own bundle is no longer cached: what they replace is kept in a backup
/// that counts as published, and of those only the newest stays.
pub(super) struct Uncached(Pulling);

impl Uncached {
    pub(super) fn new() -> Self {
        let pulling = Pulling::new(false);
        pulling.ben.settings("keep_replaced: 10ms\nbackups:\n  keep: 1\n");
        pulling.ben.ok(&["daemon", "reload"]);
        let mut this = Self(pulling);
        // The second of them is the first with a backup too many.
        this.prepare();
        assert_eq!(this.run().code, 0);
        this
    }
}

impl Work for Uncached {
    fn machine(&mut self) -> &mut Machine {
        self.0.machine()
    }

    fn prepare(&mut self) {
        let ben = &mut self.0.ben;
        // What it has left for later may be the bundle of the last round.
        assert_eq!(ben.stop(), 0);
        let _ = std::fs::remove_dir_all(ben.path("state/vsync/pairs/acme_web/dev/bundles"));
        ben.start();
        ben.wait_state("dev", "ok");
        self.0.prepare();
    }

    fn run(&mut self) -> Ran {
        self.0.run()
    }

    fn settle(&mut self) {
        self.0.settle();
    }

    fn at_rest(&mut self, ran: &Ran) {
        self.0.at_rest(ran);
    }

    fn recover(&mut self, ran: &Ran) {
        self.0.recover(ran);
    }

    fn end(&mut self) {
        self.0.end();
    }

    /// The others are those of every pull.
    fn counts(&self, step: &str) -> bool {
        step.starts_with("backup.") || step.starts_with("published-mark.")
    }
}
