use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

/// As the older client and its documentation have it.
const STORED: &str = r#"{
  "version": 1,
  "endpoint": "https://s3.example.org",
  "region": "eu-central-1",
  "bucket": "acme-secrets",
  "prefix": "myapp/",
  "accessKeyId": "AKIA1",
  "secretAccessKey": "hunter2",
  "note": "kept by hand"
}"#;

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn profile() -> Profile {
    Profile {
        endpoint: "https://s3.example.org".to_owned(),
        region: "eu-central-1".to_owned(),
        bucket: "acme-secrets".to_owned(),
        prefix: Some("myapp/".to_owned()),
        access_key_id: "AKIA1".to_owned(),
        secret_access_key: Secret::new("hunter2".to_owned()),
    }
}

/// A folder with one profile, `a`, with this text and mode.
fn folder_with(text: &str, mode: u32) -> (tempfile::TempDir, Profiles) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("a.json");
    atomic::write(&path, text.as_bytes(), 0o600).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    let profiles = Profiles::new(temp.path().to_owned());
    (temp, profiles)
}

#[test]
fn the_documented_file_is_read() {
    let (_temp, profiles) = folder_with(STORED, 0o600);
    let loaded = profiles.load(&name("a")).unwrap();
    assert_eq!((loaded.value, loaded.warning), (profile(), None));
}

#[test]
fn what_is_saved_is_private_and_read_back() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("vsync/profiles");
    let profiles = Profiles::new(folder.clone());
    assert_eq!(profiles.list().unwrap(), []);
    let plain = Profile { prefix: None, ..profile() };
    profiles.save(&name("b"), &plain, false).unwrap();
    profiles.save(&name("Acme-1"), &profile(), false).unwrap();
    assert_eq!(profiles.load(&name("b")).unwrap().value, plain);
    assert_eq!(profiles.list().unwrap(), [name("Acme-1"), name("b")]);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("b.json"))), (0o700, 0o600));
    assert!(!fs::read_to_string(folder.join("b.json")).unwrap().contains("prefix"));
}

#[test]
fn replacing_has_to_be_asked_for() {
    let (_temp, profiles) = folder_with(STORED, 0o600);
    let other = Profile { bucket: "other".to_owned(), ..profile() };
    assert!(matches!(profiles.save(&name("a"), &other, false), Err(ProfileError::Exists(_))));
    assert_eq!(profiles.load(&name("a")).unwrap().value, profile());
    profiles.save(&name("a"), &other, true).unwrap();
    assert_eq!(profiles.load(&name("a")).unwrap().value, other);
    profiles.remove(&name("a")).unwrap();
    assert!(matches!(profiles.remove(&name("a")), Err(ProfileError::Missing(_))));
    assert!(matches!(profiles.load(&name("a")), Err(ProfileError::Missing(_))));
}

#[test]
fn others_may_not_write_it_and_should_not_read_it() {
    for mode in [0o620, 0o602] {
        let (_temp, profiles) = folder_with(STORED, mode);
        let refused = profiles.load(&name("a"));
        assert!(matches!(refused, Err(ProfileError::File(Untrusted::Writable { .. }))));
    }
    let (_temp, profiles) = folder_with(STORED, 0o644);
    let loaded = profiles.load(&name("a")).unwrap();
    assert_eq!((loaded.value, loaded.warning.unwrap().mode), (profile(), 0o644));
}

#[test]
fn errors_and_debug_show_no_secret() {
    for (from, to, part) in [
        ("\"hunter2\"", "[\"hunter2\"]", "unexpected value at line 8"),
        ("\"hunter2\"", "\"hunter2", "not JSON"),
        ("\"bucket\": \"acme-secrets\",", "", "the field 'bucket' is missing"),
        ("\"version\": 1", "\"version\": 2", "version 2"),
    ] {
        let (_temp, profiles) = folder_with(&STORED.replace(from, to), 0o600);
        let error = profiles.load(&name("a")).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(part) && !text.contains("hunter2"), "{text}");
    }
    assert!(!format!("{:?}", profile()).contains("hunter2"));
}

#[test]
fn names_are_plain_file_names() {
    for good in ["a", "acme-prod", "R2.client_A", &"x".repeat(64)] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in ["", ".", "..", ".a", "a/b", "a b", "ä", "a\n", &"x".repeat(65)] {
        assert!(matches!(bad.parse::<ProfileName>(), Err(ProfileError::Name(_))), "{bad:?}");
    }
    let (temp, profiles) = folder_with(STORED, 0o600);
    for other in [".b.json", "c.txt", "d e.json"] {
        atomic::write(&temp.path().join(other), b"", 0o600).unwrap();
    }
    assert_eq!(profiles.list().unwrap(), [name("a")]);
}
