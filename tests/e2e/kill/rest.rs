//! What holds on the disk and in the bucket while nothing runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use vsync_tests::folder;
use vsync_tests::machine::Machine;
use vsync_tests::team::Place;

use super::CANARY;
use crate::crash::{assert_nothing_readable, siblings};

fn sings(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

/// Fails for plaintext below a folder, but for what `may` hold it.
fn search(folder: &Path, may: &dyn Fn(&Path) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let about = path.symlink_metadata().unwrap();
        if may(&path) {
            continue;
        } else if about.is_dir() {
            search(&path, may);
        } else if about.is_file() {
            assert!(!sings(&fs::read(&path).unwrap()), "plaintext of the vault in {}", path.display());
        }
    }
}

/// The vault is private, and its content is in it and in its siblings alone. `also` may hold it too.
pub(super) fn assert_only_here(machine: &Machine, vault: &Path, also: &[&Path]) {
    assert_nothing_readable(machine, vault);
    let beside = siblings(vault);
    search(&machine.path(""), &|path| {
        path == vault || also.contains(&path) || beside.iter().any(|sibling| sibling == path)
    });
}

/// A bucket at some moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    bundles: BTreeMap<String, Vec<u8>>,
    generation: u64,
}

impl Bucket {
    /// The bucket as it is, with what always holds: the pointer names a bundle that is there, and no
    /// plaintext is anywhere.
    pub(super) fn look(place: &Place) -> Self {
        let objects = place.objects();
        for (key, body) in &objects {
            assert!(!sings(body), "plaintext of the vault in the object {key}");
        }
        let bundles = place.bundles();
        let Some(pointer) = place.pointer() else { return Self { bundles, generation: 0 } };
        // Of a folder store: one line about the object, then its body.
        let pointer = String::from_utf8(pointer).unwrap();
        let (about, body) = pointer.split_once('\n').expect("a pointer in a folder store");
        let named = format!("/v={}", body.trim());
        assert!(
            bundles.keys().any(|key| key.ends_with(&named)),
            "the pointer names {body}, which is missing"
        );
        let about: Value = serde_json::from_str(about).unwrap();
        let generation = about["metadata"]["gen"].as_str().unwrap().parse().unwrap();
        Self { bundles, generation }
    }

    /// Fails when a bundle of `self` is gone or was overwritten, or a generation was left out.
    pub(super) fn assert_followed_by(&self, next: &Self) {
        for (key, bundle) in &self.bundles {
            assert!(next.bundles.get(key) == Some(bundle), "{key} is gone or overwritten");
        }
        let grown = next.generation - self.generation;
        assert!(grown <= 1, "from generation {} to {}", self.generation, next.generation);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}

/// Everything of a folder that a start has to clear away: temporary files of the process that died, not
/// of the one that runs.
pub(super) fn assert_no_temporary(machine: &Machine) {
    let own = format!(".{}-", machine.pid());
    for below in ["state", "config", "repo"] {
        let found = folder::read(&machine.path(below));
        let left: Vec<_> =
            found.keys().filter(|name| name.ends_with(".tmp") && !name.contains(&own)).collect();
        assert!(left.is_empty(), "left below {below}: {left:?}");
    }
}

/// How many rows of an action and a version the audit log has.
pub(super) fn rows(place: &Place, action: &str, version: &str) -> usize {
    let objects = place.objects();
    let Some((_, log)) = objects.iter().find(|(key, _)| key.ends_with("/audit.csv")) else { return 0 };
    let log = String::from_utf8_lossy(log);
    log.lines().filter(|line| line.contains(&format!(",{action},{version},"))).count()
}
