//! Killed while it sends secrets to where they are used.

use std::fs;

use vsync_tests::folder::write;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, Place};

use super::rest::{assert_no_temporary, assert_only_here};
use super::{CANARY, Work, mortal};

/// Where the routing is kept.
const CONFIG: &str = "config/vsync/config/acme_web/env_dev";

/// `sync` to GitHub: one secret changes, one is made, with the routing of the flags.
pub(super) struct Syncing {
    _place: Place,
    ann: Machine,
    hub: GitHubServer,
    config: Vec<u8>,
    round: u64,
}

impl Syncing {
    pub(super) fn new() -> Self {
        let (place, mut ann) = (Place::folder(), mortal("ann"));
        ann.start();
        team::init(&ann, &place, "dev");
        let hub = GitHubServer::start("acme/web");
        hub.add_environment("dev");
        let config = fs::read(ann.path(CONFIG)).unwrap();
        Self { _place: place, ann, hub, config, round: 0 }
    }

    fn wants(&self, made: bool) {
        let made = if made { format!("MADE_{}={CANARY}\n", self.round) } else { String::new() };
        let text = format!("ROUND=number-{}-{CANARY}\n{made}", self.round);
        write(&self.ann.vault("dev"), ".env.dev", text, 0o600);
    }

    fn sync(&self, flags: &[&str]) -> Ran {
        let url = self.hub.url();
        let all = [&["sync", "dev", "gh", "--base-url", &url, "--gh-repo", "acme/web"][..], flags].concat();
        let mut command = self.ann.ctl_command(&all);
        command.env("GH_TOKEN", TOKEN);
        command.output().unwrap().into()
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.hub.secret(Some("dev"), name).map(|value| String::from_utf8(value).unwrap())
    }
}

impl Work for Syncing {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ann
    }

    fn prepare(&mut self) {
        self.round += 1;
        // As on a machine that never sent anything: the key and the routing are made again.
        let _ = fs::remove_file(self.ann.path("state/vsync/sync.key"));
        fs::write(self.ann.path(CONFIG), &self.config).unwrap();
        self.wants(true);
    }

    fn run(&mut self) -> Ran {
        self.sync(&[])
    }

    fn at_rest(&mut self, _: &Ran) {
        assert_only_here(&self.ann, &self.ann.vault("dev"), &[]);
    }

    fn recover(&mut self, _: &Ran) {
        self.ann.start();
        let made = format!("MADE_{}", self.round);
        // What was made and not heard of is ours to take away.
        let there = self.secret(&made).is_some();
        self.wants(false);
        let ran = self.sync(&["--prune"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(self.secret(&made), None, "made by a run that died (there: {there}), and never pruned");
        self.wants(true);
        let ran = self.sync(&[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(self.secret(&made).as_deref(), Some(CANARY));
        assert_eq!(self.secret("ROUND"), Some(format!("number-{}-{CANARY}", self.round)));
        assert_no_temporary(&self.ann);
    }
}
