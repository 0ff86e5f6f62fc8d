//! What credentials may not do, and what happens when they are replaced while the daemon runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

const READ: Expected = Expected { code: 6, word: "access_denied", hint: "s3:GetObject on 'acme_web/dev/" };

#[test]
fn nothing_is_allowed() {
    fault(&Fault::Error(403, "AccessDenied"), &READ);
}

#[test]
fn a_token_that_has_expired() {
    let expected = Expected { code: 6, word: "access_denied", hint: "expired" };
    fault(&Fault::Error(400, "ExpiredToken"), &expected);
}

#[test]
fn an_account_that_is_locked() {
    let expected = Expected { code: 6, word: "access_denied", hint: "account" };
    fault(&Fault::Error(403, "AccountProblem"), &expected);
}

#[test]
fn a_bucket_in_another_region() {
    let expected = Expected { code: 6, word: "access_denied", hint: "region 'eu-west-7'" };
    fault(&Fault::OtherRegion("eu-west-7"), &expected);
}

#[test]
fn writes_are_not_allowed() {
    let (place, ann) = published();
    let server = place.server();
    server.fail_next(usize::MAX, Matcher::method("PUT"), Fault::Status(403));
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    let expected = Expected { code: 6, word: "access_denied", hint: "s3:PutObject on 'acme_web/dev/v=" };
    fails(&ann, &["push", "dev"], &expected);
    // Reading goes on as ever.
    ann.wait_state("dev", "edited");
    server.clear_faults();
    heals(&ann, 2);
}

#[test]
fn only_the_pointer_may_not_be_written() {
    let (place, ann) = published();
    place.server().fail_next(usize::MAX, Matcher::method("PUT").key(POINTER), Fault::Status(403));
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    let expected =
        Expected { code: 6, word: "access_denied", hint: "s3:PutObject on 'acme_web/dev/manifest'" };
    fails(&ann, &["push", "dev"], &expected);
    place.server().clear_faults();
    heals(&ann, 2);
}

#[test]
fn an_audit_log_that_may_not_be_written_is_no_reason_to_fail() {
    let (place, ann) = published();
    place.server().fail_next(usize::MAX, Matcher::method("PUT").key(AUDIT), Fault::Status(403));
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    heals(&ann, 2);
}

#[test]
fn a_missing_object_without_the_right_to_list() {
    let place = Place::s3();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    place.server().refuse_listing(true);
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    let expected = Expected { code: 6, word: "access_denied", hint: "s3:ListBucket on 'acme_web/dev/'" };
    fails(&ann, &["push", "dev"], &expected);
    place.server().refuse_listing(false);
    ann.ok(&["push", "dev"]);
}

/// The key that the store knew is unknown from now on; this is the file with the new secret.
fn rekeyed(place: &Place, ann: &Machine) -> String {
    place.server().replace_credentials();
    let file = ann.path("second-secret");
    fs::write(&file, place.server().credentials().secret_access_key).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}

fn add_profile(ann: &Machine, place: &Place, secret: &str) {
    let (server, keys) = (place.server(), place.server().credentials());
    let endpoint = server.endpoint();
    let there = ["--endpoint", &endpoint, "--region", server.region(), "--bucket", server.bucket()];
    let access = ["--access-key-id", &keys.access_key_id, "--secret-access-key-file", secret];
    ann.ok(&[&["profile", "add", "test"][..], &there, &access].concat());
}

const UNKNOWN: Expected = Expected { code: 6, word: "access_denied", hint: "access key id" };

#[test]
fn credentials_replaced_in_the_profile_are_used_at_once() {
    let (place, ann) = published();
    let pid = ann.pid();
    let secret = rekeyed(&place, &ann);
    ann.wait_status("dev", "the old key is unknown", |pair| pair["reason"] == "access_denied");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    fails(&ann, &["push", "dev"], &UNKNOWN);
    add_profile(&ann, &place, &secret);
    heals(&ann, 2);
    assert_eq!(ann.pid(), pid, "the same daemon");
}

#[test]
fn a_profile_that_was_removed_and_added_hands_its_credentials_out_too() {
    let (place, ann) = published();
    let secret = rekeyed(&place, &ann);
    ann.ok(&["profile", "remove", "test"]);
    add_profile(&ann, &place, &secret);
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    heals(&ann, 2);
}

#[test]
fn a_wrong_secret_is_told_from_an_unknown_key() {
    let (place, ann) = published();
    let wrong = ann.path("wrong-secret");
    fs::write(&wrong, "nothing-that-fits").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    add_profile(&ann, &place, &wrong.display().to_string());
    let expected = Expected { code: 6, word: "access_denied", hint: "secret access key does not belong" };
    ann.wait_status("dev", "the secret is wrong", |pair| pair["reason"] == "access_denied");
    fails(&ann, &["pull", "dev"], &expected);
    let right = ann.path("s3-secret").display().to_string();
    add_profile(&ann, &place, &right);
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    heals(&ann, 2);
}

#[test]
fn credentials_that_come_with_a_share_are_used_at_once() {
    let place = Place::s3();
    let team = team::of(&place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.wait_status("dev", "the version is there", |pair| pair["gen"] == 1 && pair["state"] == "ok");
    let secret = rekeyed(&place, ann);
    ben.wait_status("dev", "the old key is unknown", |pair| pair["reason"] == "access_denied");
    add_profile(ann, &place, &secret);
    team::join(ann, ben, "dev");
    ben.wait_state("dev", "ok");
    write(&ben.vault("dev"), "a.env", "A=2\n", 0o600);
    heals(ben, 2);
}
