//! No secret is ever printed, logged or left in a file that is not made for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use vsync_core::format::share;
use vsync_tests::folder::write;
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

const CONTENT: &str = "a-password-that-nobody-may-see";

/// A log filter that silences nobody.
const EVERYTHING: &str = "trace,aws_config=trace,aws_runtime=trace,aws_sdk_s3=trace,aws_sigv4=trace,\
    aws_smithy_http_client=trace,aws_smithy_runtime=trace,aws_smithy_runtime_api=trace,hyper=trace,\
    hyper_util=trace,rustls=trace";

mod memory;

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            files(&path, found);
        } else if about.is_file() {
            found.push(path);
        }
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// Works through the verbs, good and bad, and returns all that was printed.
fn work(ann: &Machine, ben: &Machine, place: &Place) -> String {
    let mut printed = String::new();
    let mut run = |machine: &Machine, arguments: &[&str]| {
        let ran = machine.ctl(arguments);
        printed.push_str(&ran.stdout);
        printed.push_str(&ran.stderr);
    };
    let share = ann.path("dev.share").display().to_string();
    let pass = ann.path("passphrase").display().to_string();
    for json in [&[][..], &["--json"]] {
        let mut both = |machine: &Machine, arguments: &[&str]| run(machine, &[json, arguments].concat());
        both(ann, &["profile", "list"]);
        both(ann, &["profile", "show", "test"]);
        both(ann, &["export", "dev", "--out", &share, "--force", "--passphrase-file", &pass]);
        both(ben, &["import", "dev", &share, "--passphrase-file", &pass]);
        write(&ben.vault("dev"), "late.env", CONTENT, 0o600);
        for verb in ["status", "diff", "push", "pull", "versions", "doctor"] {
            both(ben, &[verb, "dev"]);
        }
        both(ben, &["-v", "status"]);
        place.server().offline(true);
        both(ann, &["push", "dev", "--force"]);
        both(ann, &["doctor"]);
        place.server().offline(false);
        both(ann, &["pull", "dev", "--force"]);
        both(ann, &["backup", "list"]);
        both(ann, &["import", "dev", &pass, "--passphrase-file", &share]);
    }
    printed
}

#[test]
fn nothing_secret_is_printed_logged_or_left_behind() {
    let place = Place::s3();
    let [mut ann, mut ben] = ["ann", "ben"].map(|name| Machine::new(name).with("RUST_LOG", EVERYTHING));
    ann.start();
    ben.start();
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", CONTENT, 0o600);
    ann.ok(&["push", "dev"]);
    team::join(&ann, &ben, "dev");
    let printed = work(&ann, &ben, &place);
    assert_eq!((ann.stop(), ben.stop()), (0, 0));

    let sealed = fs::read(ann.path("dev.share")).unwrap();
    let key = share::read(&sealed, team::PASSPHRASE).unwrap().key;
    let s3 = place.server().credentials().secret_access_key;
    for secret in [key.expose().as_str(), &s3, team::PASSPHRASE, CONTENT] {
        assert!(!holds(printed.as_bytes(), secret), "a secret was printed");
    }
    for machine in [&ann, &ben] {
        assert!(machine.log().contains("TRACE"), "the log is as talkative as can be");
        let mut all = Vec::new();
        files(&machine.path(""), &mut all);
        let checkout = machine.path("repo");
        for file in all.iter().filter(|file| !file.starts_with(&checkout)) {
            let bytes = fs::read(file).unwrap();
            let shown = file.display();
            let private = fs::metadata(file).unwrap().permissions().mode() & 0o077 == 0;
            assert!(!holds(&bytes, CONTENT), "{shown} has the vault's content");
            if !file.ends_with("passphrase") {
                assert!(!holds(&bytes, team::PASSPHRASE), "{shown} has the passphrase");
            }
            if holds(&bytes, key.expose()) {
                assert!(private && shown.to_string().contains("/keys/"), "{shown} has the key");
            }
            if holds(&bytes, &s3) {
                let meant = file.starts_with(machine.path("config")) || file.ends_with("s3-secret");
                assert!(private && meant, "{shown} has the credentials");
            }
        }
    }
    let server = place.server();
    for key in server.keys() {
        assert!(!holds(&server.get_raw(&key).unwrap().body, CONTENT), "{key} is not encrypted");
    }
}
