//! Making a vault known, passing it on, letting it go.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

fn running(name: &str) -> Machine {
    let mut machine = Machine::new(name);
    machine.start();
    machine
}

fn store_url(place: &Place) -> String {
    let Place::Folder(folder) = place else { unreachable!("a folder store was asked for") };
    format!("file://{}", folder.path().join("store").display())
}

/// Exit code and error word of a verb that has to fail.
fn refused(machine: &Machine, arguments: &[&str]) -> (i32, String, String) {
    let (code, answer) = machine.json(arguments);
    let error = &answer["error"];
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error"], "nothing else is printed");
    let text = format!("{} {}", error["message"].as_str().unwrap(), error["hint"].as_str().unwrap_or(""));
    (code, error["code"].as_str().unwrap().to_owned(), text)
}

fn run_in(machine: &Machine, folder: &str, arguments: &[&str]) -> Ran {
    let mut command: Command = machine.ctl_command(arguments);
    command.current_dir(machine.path(folder)).output().unwrap().into()
}

#[test]
fn init_makes_everything_once() {
    let place = Place::folder();
    let ann = running("ann");
    let url = store_url(&place);
    let made = ann.json(&["init", "dev", "--store", &url]);
    assert_eq!(made.0, 0, "{}", made.1);
    assert_eq!(fs::metadata(ann.vault("dev")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_to_string(ann.path("repo/.vsync")).unwrap().trim(), "repo=acme_web");
    let ignored = fs::read_to_string(ann.path("repo/.gitignore")).unwrap();
    for line in ["/infra/vault/", ".vsync-*.old-*", ".vsync-*.new-*"] {
        assert!(ignored.contains(line), "{line} is not in:\n{ignored}");
    }
    let (code, word, text) = refused(&ann, &["init", "dev", "--store", &url]);
    assert_eq!((code, word.as_str()), (1, "already_exists"));
    assert!(text.contains("vsyncctl track dev"), "{text}");

    // The first that publishes owns the place.
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let ben = running("ben");
    let (code, word, text) = refused(&ben, &["init", "dev", "--store", &url]);
    assert_eq!((code, word.as_str()), (4, "prefix_taken"));
    assert!(text.contains("vsyncctl import dev FILE") && text.contains("--prefix"), "{text}");
    assert!(!ben.vault("dev").exists() && !ben.path("repo/.vsync").exists(), "nothing half made");
    ben.ok(&["init", "dev", "--store", &url, "--prefix", "elsewhere", "--vault-folder", "secrets"]);
    assert!(ben.path("repo/secrets").is_dir());

    let (code, word, _) = refused(&ben, &["init", "../dev", "--store", &url]);
    assert_eq!((code, word.as_str()), (2, "bad_name"));
    let (code, word, _) = refused(&ben, &["init", "qa", "--store", "s3://bucket"]);
    assert_eq!((code, word.as_str()), (1, "config"));
    let (code, word, _) = refused(&ben, &["init", "qa", "--profile", "none"]);
    assert_eq!((code, word.as_str()), (1, "unknown_profile"));
    let (code, word, _) = refused(&ben, &["init", "qa", "--store", &url, "--vault-folder", "secrets/qa"]);
    assert_eq!((code, word.as_str()), (1, "folder_not_usable"));
}

#[test]
fn a_folder_without_a_name_is_told_all_three_ways() {
    let place = Place::folder();
    let ann = running("ann");
    fs::remove_file(ann.path("repo/.git/config")).unwrap();
    let (code, word, text) = refused(&ann, &["init", "dev", "--store", &store_url(&place)]);
    assert_eq!((code, word.as_str()), (1, "repo_unknown"));
    for way in ["--repo", ".vsync", "origin"] {
        assert!(text.contains(way), "{way} is not in: {text}");
    }
    ann.ok(&["--repo", "Acme/Web", "init", "dev", "--store", &store_url(&place)]);
    assert_eq!(ann.status("dev")["repo"], "acme_web");
    ann.ok(&["push", "dev"]);
}

#[test]
fn a_share_passes_a_vault_on() {
    let place = Place::folder();
    let (ann, ben) = (running("ann"), running("ben"));
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let (share, pass, wrong) = (ann.path("s"), ann.path("pass"), ann.path("wrong"));
    fs::write(&pass, team::PASSPHRASE).unwrap();
    fs::write(&wrong, "something else entirely").unwrap();
    let [share, pass, wrong] = [share, pass, wrong].map(|path| path.display().to_string());
    ann.ok(&["export", "dev", "--out", &share, "--passphrase-file", &pass]);
    assert_eq!(fs::metadata(&share).unwrap().permissions().mode() & 0o777, 0o600);
    let again = ann.ctl(&["export", "dev", "--out", &share, "--passphrase-file", &pass]);
    assert_eq!(again.code, 1, "a file that is there is not overwritten: {again:?}");

    let (code, word, _) = refused(&ben, &["import", "dev", &share, "--passphrase-file", &wrong]);
    assert_eq!((code, word.as_str()), (5, "wrong_passphrase"));
    let (code, word, _) = refused(&ben, &["import", "qa", &share, "--passphrase-file", &pass]);
    assert_eq!((code, word.as_str()), (2, "bad_name"));
    let (code, word, _) = refused(&ben, &["import", "dev", &wrong, "--passphrase-file", &pass]);
    assert_eq!((code, word.as_str()), (1, "not_a_share"));
    assert_eq!(ben.json(&["status"]).1["pairs"], serde_json::json!([]), "nothing half taken in");

    // Files that are there already are edits: kept, and said.
    write(&ben.vault("dev"), "mine.env", "M=1\n", 0o644);
    let kept = ben.ctl(&["import", "dev", &share, "--passphrase-file", &pass]);
    assert_eq!(kept.code, 0, "{kept:?}");
    assert!(kept.stderr.contains("warning:"), "{kept:?}");
    assert_eq!(fs::read_to_string(ben.vault("dev").join("mine.env")).unwrap(), "M=1\n");
    let held = ben.wait_state("dev", "diverged");
    assert_eq!(held["local"]["added"], serde_json::json!(["mine.env"]));
    ben.ok(&["pull", "dev", "--backup"]);
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
    // Taking it in again changes nothing.
    ben.ok(&["import", "dev", &share, "--passphrase-file", &pass]);
    assert_eq!(ben.wait_state("dev", "ok")["gen"], 1);
}

#[test]
fn a_share_names_a_checkout_that_only_its_origin_named() {
    let place = Place::folder();
    let (ann, ben, eve) = (running("ann"), running("ben"), running("eve"));
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.set_origin("https://git.example/ben/fork-of-web.git");
    team::join(&ann, &ben, "dev");
    assert_eq!(fs::read_to_string(ben.path("repo/.vsync")).unwrap().trim(), "repo=acme_web");
    assert_eq!(ben.wait_state("dev", "ok")["repo"], "acme_web");

    fs::write(eve.path("repo/.vsync"), "repo=something_else\n").unwrap();
    let share = ann.path("dev.share").display().to_string();
    let pass = ann.path("passphrase").display().to_string();
    let (code, word, _) = refused(&eve, &["import", "dev", &share, "--passphrase-file", &pass]);
    assert_eq!((code, word.as_str()), (1, "repo_ambiguous"));
    assert!(!eve.vault("dev").exists());
}

#[test]
fn a_second_checkout_is_kept_in_step_after_track_and_left_alone_after_forget() {
    let place = Place::folder();
    let ann = running("ann");
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    // A worktree: its `.git` is a file that leads to the first checkout's.
    fs::create_dir_all(ann.path("tree/sub")).unwrap();
    fs::create_dir_all(ann.path("repo/.git/worktrees/tree")).unwrap();
    fs::write(ann.path("repo/.git/worktrees/tree/commondir"), "../..\n").unwrap();
    let gitdir = ann.path("repo/.git/worktrees/tree");
    fs::write(ann.path("tree/.git"), format!("gitdir: {}\n", gitdir.display())).unwrap();

    let unknown = run_in(&ann, "tree/sub", &["push", "dev"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("vsyncctl track dev"), "{unknown:?}");
    let asked = run_in(&ann, "tree/sub", &["track", "dev"]);
    assert_eq!(asked.code, 2, "nobody can be asked: {asked:?}");
    let asked = format!("{}{}", asked.stdout, asked.stderr);
    for part in ["acme_web", "git.example", "--yes"] {
        assert!(asked.contains(part), "{part} is not in: {asked}");
    }
    let tracked = run_in(&ann, "tree/sub", &["track", "dev", "--yes"]);
    assert_eq!(tracked.code, 0, "{tracked:?}");
    let second = ann.path("tree/infra/vault/dev");
    let in_step = || folder::read(&second) == folder::read(&ann.vault("dev"));
    until("the second checkout follows", || second.is_dir() && in_step());
    assert_eq!(ann.json(&["status"]).1["pairs"].as_array().unwrap().len(), 2);

    write(&second, "b.env", "B=1\n", 0o600);
    let pushed = run_in(&ann, "tree/sub", &["push", "dev"]);
    assert_eq!(pushed.code, 0, "{pushed:?}");
    until("the first checkout follows", in_step);

    let before = folder::read(&second);
    let gone = run_in(&ann, "tree", &["forget", "dev"]);
    assert_eq!(gone.code, 0, "{gone:?}");
    write(&ann.vault("dev"), "c.env", "C=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    assert_eq!(ann.json(&["status"]).1["pairs"].as_array().unwrap().len(), 1);
    assert_eq!(folder::read(&second), before, "forget deletes nothing, and nothing comes any more");
    assert_eq!(run_in(&ann, "tree", &["push", "dev"]).code, 1);

    // The last one may be forgotten too; key and configuration stay for `track`.
    ann.ok(&["forget", "dev"]);
    assert!(ann.vault("dev").join("c.env").exists());
    ann.ok(&["track", "dev", "--yes"]);
    assert_eq!(ann.wait_state("dev", "ok")["gen"], 3);
}

/// A machine of the tests has no session bus; the Keychain of macOS cannot be taken away like that.
#[test]
#[cfg(not(target_os = "macos"))]
fn without_a_keychain_the_way_out_is_named_and_nothing_is_half_made() {
    let place = Place::folder();
    let mut ann = Machine::new("ann").with("VSYNC_KEY_STORE", "keychain");
    ann.start();
    let refuses = |arguments: &[&str]| {
        let (code, word, text) = refused(&ann, arguments);
        assert_eq!((code, word.as_str()), (5, "keychain_unavailable"), "{text}");
        assert!(text.contains("--key-store file"), "{text}");
        let kept: Vec<_> = folder::read(&ann.repo()).into_keys().collect();
        assert_eq!(kept, [".git", ".git/config"], "nothing is half made in the checkout");
        assert!(!ann.path("config/vsync/config").exists());
        assert!(ann.json(&["status"]).1["pairs"].as_array().unwrap().is_empty());
    };
    let store = store_url(&place);
    refuses(&["init", "dev", "--store", &store]);
    let Place::Folder(above) = &place else { unreachable!("a folder store was asked for") };
    assert!(!above.path().join("store").exists(), "the store is not made either");

    let ben = running("ben");
    ben.ok(&["init", "dev", "--store", &store]);
    let (share, pass) = (ben.path("dev.share").display().to_string(), ben.path("passphrase"));
    write(&ben.path(""), "passphrase", team::PASSPHRASE, 0o600);
    let pass = pass.display().to_string();
    ben.ok(&["export", "dev", "--out", &share, "--passphrase-file", &pass]);
    let import = ["import", "dev", &share, "--passphrase-file", &pass];
    refuses(&import);
    ann.ok(&[&import[..], &["--key-store", "file"]].concat());
    assert_eq!(ann.status("dev")["key_store"], "file");
}

#[test]
fn what_is_no_key_is_named_and_an_import_puts_one_in_its_place() {
    let place = Place::folder();
    let mut team = team::of(&place, &["ann", "ben"]);
    let key = team[1].path("state/vsync/keys/acme_web/dev");
    team[1].stop();
    fs::write(&key, "plum orbit lantern\n").unwrap();
    team[1].start();
    let (ann, ben) = (&team[0], &team[1]);
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    let status = ben.wait_status("dev", "the key is missed", |pair| pair["reason"] == "key_missing");
    assert!(status["hint"].as_str().unwrap().contains("vsyncctl import dev"), "{status}");
    assert!(!status.to_string().contains("lantern"), "{status}");
    team::join(ann, ben, "dev");
    ben.wait_state("dev", "ok");
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
}

#[test]
fn profiles_are_kept_shown_and_distrusted() {
    let place = Place::s3();
    let ann = running("ann");
    team::profile(&ann, place.server());
    let (code, shown) = ann.json(&["profile", "show", "test"]);
    assert_eq!((code, &shown["bucket"]), (0, &place.server().bucket().into()), "{shown}");
    assert!(ann.ok(&["profile", "list"]).contains("test"));
    let secret = ann.path("s3-secret").display().to_string();
    let add = |name: &str, endpoint: &str| {
        let place = ["profile", "add", name, "--endpoint", endpoint, "--region", "r", "--bucket", "b"];
        let access = ["--access-key-id", "i", "--secret-access-key-file", &secret];
        refused(&ann, &[&place[..], &access].concat())
    };
    assert_eq!(add("test", "http://127.0.0.1:1").1, "profile_exists");
    assert_eq!(add("other", "not a url").1, "config");
    assert_eq!(add("../x", "http://127.0.0.1:1").1, "bad_name");

    // One that others could change is not believed.
    let file = find(&ann, "config", "test");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).unwrap();
    let (code, word, _) = refused(&ann, &["init", "dev", "--profile", "test"]);
    assert_eq!((code, word.as_str()), (1, "unsafe_permissions"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    ann.ok(&["init", "dev", "--profile", "test"]);
    // An environment made with a profile does without it.
    ann.ok(&["profile", "remove", "test"]);
    assert_eq!(refused(&ann, &["profile", "show", "test"]).1, "unknown_profile");
    write(&ann.vault("dev"), "a.env", "A=1\n", 0o600);
    ann.ok(&["push", "dev"]);
}

/// The one file below a folder whose name begins so.
fn find(machine: &Machine, below: &str, stem: &str) -> std::path::PathBuf {
    let mut folders = vec![machine.path(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_stem().is_some_and(|name| name == stem) {
                return path;
            }
        }
    }
    panic!("no file {stem} below {below}");
}

#[test]
fn doctor_says_what_is_wrong() {
    let place = Place::s3();
    let ann = running("ann");
    team::init(&ann, &place, "dev");
    ann.ok(&["doctor"]);
    fs::set_permissions(ann.vault("dev"), fs::Permissions::from_mode(0o755)).unwrap();
    let (code, report) = ann.json(&["doctor", "dev"]);
    let check = |report: &serde_json::Value, name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{report}"))["ok"].clone()
    };
    assert_eq!((code, check(&report, "acme_web/dev folder")), (0, "warn".into()), "{report}");
    place.server().bucket_missing(true);
    let (code, report) = ann.json(&["doctor"]);
    assert_eq!((code, check(&report, "acme_web/dev store")), (1, "fail".into()), "{report}");
    place.server().bucket_missing(false);
    ann.settings("poll:\n  intervall: 1s\n");
    let (code, report) = ann.json(&["doctor"]);
    assert_eq!((code, check(&report, "settings")), (1, "fail".into()), "{report}");
}
