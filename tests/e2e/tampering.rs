//! A bucket that somebody else writes to: every part of a bundle changed, bundles swapped and
//! renamed, pointers that lie. The folder stays byte for byte, status says what is wrong.

use serde_json::Value;
use vsync_core::format::bundle;
use vsync_core::format::envconfig::EnvConfig;
use vsync_core::format::envelope::{ITERATIONS, Key};
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::s3::RawObject;
use vsync_tests::team::{self, Place};

const PREFIX: &str = "acme_web/dev/";

/// A machine that has one version and reads the next, which the test makes.
struct Victim {
    place: Place,
    ann: Machine,
    pointer: RawObject,
    bundle: RawObject,
    version: Version,
}

impl Victim {
    fn new() -> Self {
        let place = Place::s3();
        let mut ann = Machine::new("ann");
        ann.start();
        team::init(&ann, &place, "dev");
        write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
        write(&ann.vault("dev"), "tls/key", folder::noise(1, 5000), 0o600);
        ann.ok(&["push", "dev"]);
        let version: Version = ann.wait_state("dev", "ok")["version"].as_str().unwrap().parse().unwrap();
        let object = |key: String| place.server().get_raw(&key).unwrap();
        let (pointer, bundle) = (object(format!("{PREFIX}manifest")), object(format!("{PREFIX}v={version}")));
        Self { place, ann, pointer, bundle, version }
    }

    fn put_bundle(&self, version: Version, bytes: &[u8]) -> String {
        self.place.server().put_raw(&format!("{PREFIX}v={version}"), bytes.to_vec(), &[])
    }

    /// Points to a version with the next generation; the entity tag is the bundle's own.
    fn point(&self, body: &str, etag: &str, id: u8) {
        let (prev, push_id) = (self.version.to_string(), format!("{id:016x}"));
        let mut all = self.pointer.metadata.clone();
        for (name, value) in [("gen", "2"), ("prev", &prev), ("push-id", &push_id), ("bundle-etag", etag)] {
            all.insert(name.to_owned(), value.to_owned());
        }
        let all: Vec<(&str, &str)> = all.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.place.server().put_raw(&format!("{PREFIX}manifest"), body.to_owned(), &all);
    }

    /// The version is held back for this reason, everywhere that it shows; nothing is touched.
    fn holds(&self, what: &str, reason: &str, code: i32) -> Value {
        let before = folder::read(&self.ann.vault("dev"));
        let shown =
            self.ann.wait_status("dev", what, |pair| pair["state"] == "held" && pair["reason"] == reason);
        assert!(shown["hint"].is_string() && shown["detail"].is_string(), "{what}: {shown}");
        for flag in [None, Some("--backup"), Some("--force")] {
            let verb: Vec<&str> = ["pull", "dev"].into_iter().chain(flag).collect();
            let (exit, answer) = self.ann.json(&verb);
            assert_eq!((exit, &answer["error"]["code"]), (code, &reason.into()), "{what} {flag:?}: {answer}");
            assert_eq!(
                folder::read(&self.ann.vault("dev")),
                before,
                "{what} {flag:?}: the folder was touched"
            );
        }
        assert!(self.ann.ok(&["status", "dev"]).contains("held"));
        shown
    }

    /// The genuine pointer is put back, and all is well.
    fn recovers(&self) {
        let metadata: Vec<(&str, &str)> =
            self.pointer.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.place.server().put_raw(&format!("{PREFIX}manifest"), self.pointer.body.clone(), &metadata);
        self.ann.wait_state("dev", "ok");
    }

    /// The vault's own key, as a teammate has it.
    fn key(&self) -> Key {
        let file = |below: &str| std::fs::read(self.ann.path(below)).unwrap();
        let config = EnvConfig::read(&file("config/vsync/config/acme_web/env_dev")).unwrap();
        let text = String::from_utf8(file("state/vsync/keys/acme_web/dev")).unwrap();
        Key::derive(text.trim_end(), &config.encryption.salt, ITERATIONS)
    }
}

/// Where in a bundle a byte is changed; counted from the end where negative.
const REGIONS: [(&str, isize, &str); 9] = [
    ("the magic's first byte", 0, "tampered"),
    ("the magic's version", 3, "unsupported_version"),
    ("the IV's first byte", 4, "tampered"),
    ("the IV's last byte", 15, "tampered"),
    ("the ciphertext's first byte, the seal", 16, "tampered"),
    ("the ciphertext's middle", 2500, "tampered"),
    ("the ciphertext's last byte", -17, "tampered"),
    ("the tag's first byte", -16, "tampered"),
    ("the tag's last byte", -1, "tampered"),
];

#[test]
fn every_region_of_a_bundle_flipped() {
    let victim = Victim::new();
    let version = victim.version.successor();
    for (number, (what, at, reason)) in (1..).zip(REGIONS) {
        let mut bytes = victim.bundle.body.to_vec();
        let at = if at < 0 { bytes.len() - at.unsigned_abs() } else { at.unsigned_abs() };
        // The version is a digit; with another one it is a format of the future.
        bytes[at] = if reason == "unsupported_version" { b'7' } else { bytes[at] ^ 0x40 };
        let etag = victim.put_bundle(version, &bytes);
        victim.point(&version.to_string(), &etag, number);
        if reason == "tampered" {
            victim.holds(what, reason, 8);
            continue;
        }
        let before = folder::read(&victim.ann.vault("dev"));
        victim.ann.wait_status("dev", what, |pair| pair["reason"] == reason);
        let (code, answer) = victim.ann.json(&["pull", "dev"]);
        assert_eq!((code, &answer["error"]["code"]), (1, &reason.into()), "{answer}");
        assert_eq!(folder::read(&victim.ann.vault("dev")), before);
    }
    victim.recovers();
}

#[test]
fn a_bundle_cut_anywhere() {
    let victim = Victim::new();
    let version = victim.version.successor();
    let whole = victim.bundle.body.len();
    for (number, len) in (1..).zip([0, 3, 4, 15, 31, 32, 57, whole / 2, whole - 1]) {
        let etag = victim.put_bundle(version, &victim.bundle.body[..len]);
        victim.point(&version.to_string(), &etag, number);
        victim.holds(&format!("cut to {len} bytes"), "tampered", 8);
    }
    let mut longer = victim.bundle.body.to_vec();
    longer.push(0);
    let etag = victim.put_bundle(version, &longer);
    victim.point(&version.to_string(), &etag, 99);
    victim.holds("one byte longer", "tampered", 8);
    victim.recovers();
}

#[test]
fn a_genuine_bundle_under_another_name() {
    let victim = Victim::new();
    let version = victim.version.successor();
    let etag = victim.put_bundle(version, &victim.bundle.body);
    victim.point(&version.to_string(), &etag, 1);
    let shown = victim.holds("renamed", "tampered", 8);
    assert_eq!(shown["remote"]["version"], version.to_string());
    victim.recovers();
}

#[test]
fn a_bundle_of_another_vault() {
    let victim = Victim::new();
    let (ann, place) = (&victim.ann, &victim.place);
    ann.ok(&["init", "prod", "--profile", "test"]);
    write(&ann.vault("prod"), "a.env", "PROD=1\n", 0o600);
    let (code, pushed) = ann.json(&["push", "prod"]);
    assert_eq!(code, 0, "{pushed}");
    let theirs: Version = pushed["version"].as_str().unwrap().parse().unwrap();
    let swapped = place.server().get_raw(&format!("acme_web/prod/v={theirs}")).unwrap();
    let version = theirs.max(victim.version.successor());
    let etag = victim.put_bundle(version, &swapped.body);
    victim.point(&version.to_string(), &etag, 1);
    victim.holds("swapped between vaults", "tampered", 8);
    victim.recovers();
    assert_eq!(ann.wait_state("prod", "ok")["version"], theirs.to_string());
}

#[test]
fn a_bundle_that_another_push_overwrote() {
    let victim = Victim::new();
    let version = victim.version.successor();
    let mut snapshot = Snapshot::default();
    let file = |text: &str| vsync_core::vault::snapshot::SnapshotFile {
        mode: 0o600,
        mtime: 0,
        content: text.as_bytes().to_vec().into(),
    };
    let path = || vsync_core::relpath::RelPath::new("a.env").unwrap();
    snapshot.files.insert(path(), file("MEANT=1\n"));
    let key = victim.key();
    let meant = bundle::pack(&snapshot, version, &key, [1; 12]).unwrap();
    let etag = victim.put_bundle(version, &meant);
    snapshot.files.insert(path(), file("OTHER=1\n"));
    victim.put_bundle(version, &bundle::pack(&snapshot, version, &key, [2; 12]).unwrap());
    victim.point(&version.to_string(), &etag, 1);
    let shown = victim.holds("overwritten", "tampered", 8);
    assert!(shown["detail"].as_str().unwrap().contains("overwrote it"), "{shown}");
    // The one that was meant is a good one.
    victim.put_bundle(version, &meant);
    victim.ann.wait_status("dev", "the right one comes", |pair| pair["version"] == version.to_string());
}

#[test]
fn pointers_that_lie() {
    let victim = Victim::new();
    let etag = victim.pointer.metadata["bundle-etag"].clone();
    let longer = format!("{}\n../x", victim.version);
    for (number, body) in (1..).zip(["../../x", "/etc/passwd", "v=20260523-114201", longer.as_str(), "\0"]) {
        victim.point(body, &etag, number);
        victim.holds(body, "bad_timestamp", 8);
    }
    // What lies on the way out of the prefix was never asked for.
    assert_eq!(victim.place.server().requests("GET", "passwd"), 0);
    victim.point("99991231-235959", &etag, 50);
    victim.holds("a date in 9999", "future_dated", 8);
    let older = "20200101-000000".parse().unwrap();
    let etag = victim.put_bundle(older, &victim.bundle.body);
    victim.point("20200101-000000", &etag, 51);
    victim.holds("an older date", "rollback_suspected", 8);
    victim.recovers();
}
