//! Killed while it sets up.

use std::fs;

use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, Place};

use super::push::fill;
use super::rest::{assert_no_temporary, assert_only_here};
use super::{Work, mortal};

/// `init` with a store that is a folder, each time on another machine.
pub(super) struct Init {
    place: Place,
    ann: Machine,
}

/// The two files of the repository that `init` writes.
fn lines(machine: &Machine) -> [String; 2] {
    [".gitignore", ".vsync"].map(|name| fs::read_to_string(machine.repo().join(name)).unwrap_or_default())
}

impl Init {
    pub(super) fn new() -> Self {
        Self { place: Place::folder(), ann: mortal("ann") }
    }

    fn init(&self) -> Ran {
        let Place::Folder(root) = &self.place else { unreachable!("made above") };
        let url = format!("file://{}", root.path().join("store").display());
        self.ann.ctl(&["init", "dev", "--store", &url])
    }
}

impl Work for Init {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ann
    }

    fn prepare(&mut self) {
        *self = Self::new();
        self.ann.start();
    }

    fn run(&mut self) -> Ran {
        self.init()
    }

    fn at_rest(&mut self, _: &Ran) {
        let [ignored, pinned] = lines(&self.ann);
        assert!(
            ignored.is_empty() || ignored.ends_with('\n') && ignored.contains("infra/vault"),
            "{ignored:?}"
        );
        assert!(pinned.is_empty() || pinned == "repo=acme_web\n", "{pinned:?}");
        assert_only_here(&self.ann, &self.ann.vault("dev"), &[]);
    }

    fn recover(&mut self, ran: &Ran) {
        self.ann.start();
        let again = self.init();
        if again.code != 0 {
            assert!(again.stderr.contains("is set up on this machine already"), "{again:?}");
        } else {
            assert_ne!(ran.code, 0, "it said that it was done");
        }
        assert!(lines(&self.ann).iter().all(|text| !text.is_empty()), "{:?}", lines(&self.ann));
        assert_no_temporary(&self.ann);
        fill(&self.ann, 1);
        self.ann.ok(&["push", "dev"]);
        assert_eq!(self.ann.wait_state("dev", "ok")["gen"], 1);
        self.ann.kill();
        self.ann.start();
        self.ann.ok(&["pull", "dev", "--force"]);
    }

    fn counts(&self, _: &str) -> bool {
        true
    }
}

/// What belongs to S3 alone: a profile, and what a first push learns of the store.
pub(super) struct OnS3 {
    place: Place,
    ann: Machine,
}

impl OnS3 {
    pub(super) fn new() -> Self {
        Self { place: Place::s3(), ann: mortal("ann") }
    }

    /// One after the other, up to the first that fails.
    fn verbs(&self) -> Ran {
        let server = self.place.server();
        let keys = server.credentials();
        let secret = self.ann.path("s3-secret");
        vsync_tests::folder::write(&self.ann.path(""), "s3-secret", &keys.secret_access_key, 0o600);
        let (endpoint, secret) = (server.endpoint(), secret.display().to_string());
        let place = ["--endpoint", &endpoint, "--region", server.region(), "--bucket", server.bucket()];
        let access = ["--access-key-id", &keys.access_key_id, "--secret-access-key-file", &secret];
        let add = [&["profile", "add", "test"][..], &place, &access].concat();
        let remove = ["profile", "remove", "test"];
        let mut last = self.ann.ctl(&add);
        for verb in [&remove[..], &add, &["init", "dev", "--profile", "test"]] {
            if last.code == 0 {
                last = self.ann.ctl(verb);
            }
        }
        if last.code == 0 {
            fill(&self.ann, 1);
            last = self.ann.ctl(&["push", "dev"]);
        }
        last
    }
}

impl Work for OnS3 {
    fn machine(&mut self) -> &mut Machine {
        &mut self.ann
    }

    fn prepare(&mut self) {
        *self = Self::new();
        self.ann.start();
    }

    fn run(&mut self) -> Ran {
        self.verbs()
    }

    fn at_rest(&mut self, _: &Ran) {
        assert_only_here(&self.ann, &self.ann.vault("dev"), &[]);
    }

    fn recover(&mut self, _: &Ran) {
        self.ann.start();
        if self.ann.status("dev").is_null() {
            if self.ann.ctl(&["profile", "show", "test"]).code != 0 {
                team::profile(&self.ann, self.place.server());
            }
            self.ann.ok(&["init", "dev", "--profile", "test"]);
        }
        fill(&self.ann, 1);
        self.ann.ok(&["push", "dev"]);
        assert_eq!(self.ann.wait_state("dev", "ok")["gen"], 1);
        // A push that died before its pointer leaves its bundle.
        assert!(matches!(self.place.bundles().len(), 1 | 2));
        assert_no_temporary(&self.ann);
    }

    fn counts(&self, step: &str) -> bool {
        step.starts_with("profile.") || step.starts_with("stores.")
    }
}
