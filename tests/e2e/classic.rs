//! A vault in the older client's layout: recognised, named, and never written to.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vsync_core::format::share;
use vsync_core::secret::Secret;
use vsync_tests::folder::write;
use vsync_tests::machine::Machine;
use vsync_tests::s3::S3Server;
use vsync_tests::wait::until;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/classic").join(name)
}

/// Lays a sample's bucket out; returns its keys.
fn lay_out(server: &S3Server, sample: &Path) -> Vec<String> {
    let index = fs::read(sample.join("bucket/index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    for object in index["objects"].as_array().unwrap() {
        let body = fs::read(sample.join(object["file"].as_str().unwrap())).unwrap();
        server.put_raw(object["key"].as_str().unwrap(), body, &[]);
    }
    server.keys()
}

/// The sample's share file with the test server as its store.
fn share_for(server: &S3Server, sample: &Path, into: &Path) -> (String, String) {
    let passphrase = fs::read_to_string(sample.join("share.passphrase")).unwrap();
    let passphrase = passphrase.trim().to_owned();
    let mut share = share::read(&fs::read(sample.join("share.share")).unwrap(), &passphrase).unwrap();
    let keys = server.credentials();
    share.config.s3.endpoint = server.endpoint();
    share.config.s3.bucket = server.bucket().to_owned();
    share.config.s3.access_key_id = keys.access_key_id;
    share.config.s3.secret_access_key = Secret::new(keys.secret_access_key);
    let env = share.env.to_string();
    let bytes = share::write(&share, &passphrase, "a salt for the tests", [7; 12]).unwrap();
    fs::write(into.join("classic.share"), bytes).unwrap();
    fs::write(into.join("classic.pass"), passphrase).unwrap();
    (env, share.repo.to_string())
}

fn never_written(name: &str) {
    let server = S3Server::start();
    let keys = lay_out(&server, &sample(name));
    let mut machine = Machine::new("ann");
    fs::remove_file(machine.path("repo/.git/config")).unwrap();
    machine.start();
    let (env, _) = share_for(&server, &sample(name), &machine.path(""));
    let (share, pass) = (machine.path("classic.share"), machine.path("classic.pass"));
    let (share, pass) = (share.display().to_string(), pass.display().to_string());
    let (code, answer) = machine.json(&["import", &env, &share, "--passphrase-file", &pass]);
    assert_eq!((code, &answer["error"]["code"]), (1, &"classic_layout".into()), "{answer}");

    let shown = machine.wait_status(&env, "it is recognised", |pair| pair["reason"] == "classic_layout");
    assert_eq!((&shown["state"], &shown["layout"]), (&"error".into(), &"classic".into()), "{shown}");
    let folder = PathBuf::from(shown["folder"].as_str().unwrap());
    write(&folder, "mine.env", "A=1\n", 0o600);
    for verb in [&["push", &env][..], &["push", &env, "--force"], &["pull", &env], &["pull", &env, "--force"]]
    {
        let (code, answer) = machine.json(verb);
        assert_eq!((code, &answer["error"]["code"]), (1, &"classic_layout".into()), "{verb:?}: {answer}");
    }
    let out = machine.path("again.share").display().to_string();
    machine.ok(&["export", &env, "--out", &out, "--passphrase-file", &pass]);
    machine.ctl(&["versions", &env]);
    machine.ctl(&["doctor"]);
    assert_eq!(machine.stop(), 0);
    // What waited for a better time would go out now.
    machine.start();
    let looks = server.requests("HEAD", "latest");
    until("it is looked at again", || server.requests("HEAD", "latest") > looks);
    machine.wait_status(&env, "it is recognised", |pair| pair["reason"] == "classic_layout");
    assert_eq!(machine.stop(), 0);

    assert_eq!(server.keys(), keys);
    assert_eq!(server.requests("PUT", "") + server.requests("DELETE", ""), 0);
    assert_eq!(fs::read_to_string(folder.join("mine.env")).unwrap(), "A=1\n");
}

#[test]
fn the_small_sample_is_never_written_to() {
    never_written("tiny");
}

#[test]
fn the_sample_with_a_history_is_never_written_to() {
    never_written("multi");
}
