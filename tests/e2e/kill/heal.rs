//! Killed while it starts and brings out of the way what an earlier death left.

use std::fs;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::wait::until;

use super::pull::Pulling;
use super::push::Pushing;
use super::{CANARY, Work, arm, dead};
use crate::crash::{backups, siblings};

/// Starts a daemon, which may die while it does; what a verb would have told.
fn begin(machine: &mut Machine) -> Ran {
    machine.spawn(&[]);
    until("the daemon answers or dies", || {
        machine.ended().is_some() || machine.ctl(&["daemon", "status"]).code == 0
    });
    Ran { code: -1, stdout: String::new(), stderr: String::new() }
}

/// Starts after a swap that died at a step.
pub(super) struct Healing {
    work: Pulling,
    step: &'static str,
}

impl Healing {
    pub(super) fn new(step: &'static str) -> Self {
        Self { work: Pulling::new(false), step }
    }
}

impl Work for Healing {
    fn machine(&mut self) -> &mut Machine {
        self.work.machine()
    }

    fn prepare(&mut self) {
        self.work.prepare();
        let ben = self.work.machine();
        arm(ben, self.step, 1);
        let process = ben.pid();
        self.work.run();
        let ben = self.work.machine();
        dead(ben);
        // As one that died while it wrote the ledger leaves it.
        let left = ben.path(&format!("state/vsync/.checkouts.json.{process}-0.tmp"));
        fs::write(left, "half").unwrap();
        super::disarm(ben);
        let _ = fs::remove_file(super::seen_file(ben));
    }

    fn run(&mut self) -> Ran {
        begin(&mut self.work.ben)
    }

    fn settle(&mut self) {
        until("it is all over", || {
            siblings(&self.work.ben.vault("dev")).is_empty() && self.work.ben.status("dev")["state"] == "ok"
        });
    }

    fn at_rest(&mut self, ran: &Ran) {
        self.work.at_rest(ran);
    }

    fn recover(&mut self, ran: &Ran) {
        self.work.recover(ran);
    }

    fn end(&mut self) {
        self.work.wait_gone();
    }
}

/// Starts after a push that died when its pointer was in the bucket and nobody had heard of it.
pub(super) struct HealingPush(Pushing);

impl HealingPush {
    pub(super) fn new() -> Self {
        Self(Pushing::new(false))
    }
}

impl Work for HealingPush {
    fn machine(&mut self) -> &mut Machine {
        self.0.machine()
    }

    fn prepare(&mut self) {
        self.0.prepare();
        arm(self.0.machine(), "object-pointer.lasting", 1);
        self.0.run();
        dead(self.0.machine());
        let _ = fs::remove_file(super::seen_file(self.0.machine()));
    }

    fn run(&mut self) -> Ran {
        begin(self.0.machine())
    }

    fn settle(&mut self) {
        self.0.machine().wait_state("dev", "ok");
        let waiting = self.0.machine().path("state/vsync/pairs/acme_web/dev/audit");
        until("the row is sent", || fs::read_dir(&waiting).is_ok_and(|mut rows| rows.next().is_none()));
    }

    fn at_rest(&mut self, ran: &Ran) {
        self.0.at_rest(ran);
    }

    fn recover(&mut self, ran: &Ran) {
        self.0.recover(ran);
    }
}

/// Starts when somebody has written into a folder after it was replaced.
pub(super) struct LateWrites {
    work: Pulling,
    round: u64,
}

impl LateWrites {
    pub(super) fn new() -> Self {
        Self { work: Pulling::new(false), round: 0 }
    }

    fn late(&self) -> String {
        format!("written late {} {CANARY}", self.round)
    }
}

impl Work for LateWrites {
    fn machine(&mut self) -> &mut Machine {
        self.work.machine()
    }

    fn prepare(&mut self) {
        self.work.prepare();
        // Also what the first version replaced here.
        self.work.wait_gone();
        self.round += 1;
        let vault = self.work.ben.vault("dev");
        // Whoever has a file of it open keeps the replaced folder.
        let open = fs::File::open(vault.join(".env.dev")).unwrap();
        // One of an earlier round may not be gone yet.
        let earlier = siblings(&vault);
        self.work.run();
        let mut kept = siblings(&vault);
        kept.retain(|sibling| !earlier.contains(sibling));
        let [kept] = kept.as_slice() else { panic!("one replaced folder: {kept:?}") };
        write(kept, "late", self.late(), 0o600);
        assert_eq!(self.work.ben.stop(), 0);
        drop(open);
        let _ = fs::remove_file(super::seen_file(&self.work.ben));
    }

    fn run(&mut self) -> Ran {
        begin(&mut self.work.ben)
    }

    fn settle(&mut self) {
        self.work.wait_gone();
    }

    fn end(&mut self) {
        self.work.wait_gone();
    }

    fn at_rest(&mut self, _: &Ran) {
        self.work.assert_old_or_new();
    }

    fn recover(&mut self, _: &Ran) {
        let ben = &mut self.work.ben;
        ben.start();
        ben.wait_state("dev", "ok");
        self.work.assert_tidy();
        self.work.wait_gone();
        let ben = &self.work.ben;
        assert!(folder::read(&ben.vault("dev")) == self.work.new, "the new folder stays");
        let late = folder::Entry::File { mode: 0o600, content: self.late().into_bytes() };
        assert!(
            backups(ben, "look").iter().any(|backup| backup.get("late") == Some(&late)),
            "what was written late is in no backup"
        );
        let notices = ben.status("dev")["notices"].clone();
        assert!(notices.as_array().is_some_and(|notices| !notices.is_empty()), "{notices}");
        for file in fs::read_dir(ben.path("config/vsync/backups")).unwrap().flatten() {
            let _ = fs::remove_file(file.path());
        }
    }
}
