//! Where the vault folder and the daemon's own folders lie.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use super::published;

/// A folder on another file system than the throw-away homes, where there is one.
fn elsewhere() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let other = shared.is_dir().then(|| tempfile::tempdir_in(shared).ok()).flatten();
    other.unwrap_or_else(|| tempfile::tempdir().unwrap())
}

#[test]
fn a_vault_on_another_file_system_than_everything_else() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let other = elsewhere();
    let at = |name: &str| other.path().join(name).display().to_string();
    let mut ben = Machine::new("ben")
        .with("XDG_STATE_HOME", &at("state"))
        .with("XDG_CONFIG_HOME", &at("config"))
        .with("XDG_CACHE_HOME", &at("cache"));
    ben.start();
    team::join(&ann, &ben, "dev");
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if Path::new("/dev/shm").is_dir() {
        assert_ne!(device(&ben.vault("dev")), device(other.path()), "there are two file systems here");
    }
    write(&ben.vault("dev"), "b.env", "B=1\n", 0o600);
    ben.ok(&["push", "dev"]);
    ann.wait_status("dev", "the push arrives", |pair| pair["gen"] == 2 && pair["state"] == "ok");
    write(&ben.vault("dev"), "b.env", "B=mine\n", 0o600);
    let mine = folder::read(&ben.vault("dev"));
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.wait_state("dev", "diverged");
    let (code, pulled) = ben.json(&["pull", "dev", "--backup"]);
    assert_eq!(code, 0, "{pulled}");
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
    assert_eq!(ben.status("dev")["atomic"], true);
    let saved = ben.path("saved");
    let backup = pulled["backup"].as_str().unwrap();
    ben.ok(&["backup", "restore", "dev", backup, &saved.display().to_string()]);
    assert_eq!(folder::read(&saved), mine);
}

#[test]
fn a_folder_that_may_not_be_written_keeps_what_it_has() {
    let place = Place::s3();
    let ann = published(Machine::new("ann"), &place);
    let mut ben = Machine::new("ben").unprivileged();
    ben.settings("keep_replaced: 1s\n");
    ben.hand_over();
    ben.start();
    let (share, pass) = (ben.path("dev.share"), ben.path("passphrase"));
    hand_a_share(&ann, &ben);
    let [share, pass] = [share, pass].map(|path| path.display().to_string());
    ben.ok(&["import", "dev", &share, "--passphrase-file", &pass]);
    let vault = ben.vault("dev");
    let above = vault.parent().unwrap().to_owned();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();

    // The folder itself: its owner replaces it all the same, and it is private again.
    mode(&vault, 0o500);
    publish(&ann, 2);
    ben.wait_status("dev", "the version is there", |pair| pair["gen"] == 2 && pair["state"] == "ok");
    assert_eq!(fs::metadata(&vault).unwrap().permissions().mode() & 0o7777, 0o700);

    // The folder above it: nothing can be put beside it.
    until("the replaced folder is gone", || fs::read_dir(&above).unwrap().count() == 1);
    mode(&above, 0o500);
    let before = folder::read(&vault);
    publish(&ann, 3);
    let shown = ben.wait_state("dev", "error");
    assert_eq!((&shown["reason"], &shown["gen"]), (&"io".into(), &2.into()), "{shown}");
    assert!(shown["detail"].as_str().unwrap().contains("Permission denied"), "{shown}");
    let (code, answer) = ben.json(&["pull", "dev"]);
    assert_eq!((code, &answer["error"]["code"]), (1, &"io".into()), "{answer}");
    assert_eq!(folder::read(&vault), before);
    // Publishing needs no room beside it; here the remote is ahead.
    assert_eq!(ben.ctl(&["diff", "dev"]).code, 0);
    mode(&above, 0o700);
    ben.wait_status("dev", "it goes on by itself", |pair| pair["gen"] == 3 && pair["state"] == "ok");
    assert_eq!(folder::read(&vault), folder::read(&ann.vault("dev")));
}

fn publish(ann: &Machine, number: u64) {
    write(&ann.vault("dev"), "a.env", format!("A={number}\n"), 0o600);
    ann.ok(&["push", "dev"]);
}

/// Puts a share file of the first machine, and its passphrase, where the second one's user can read them.
fn hand_a_share(from: &Machine, to: &Machine) {
    let pass = to.path("passphrase");
    fs::write(&pass, team::PASSPHRASE).unwrap();
    fs::set_permissions(&pass, fs::Permissions::from_mode(0o600)).unwrap();
    let out = to.path("dev.share").display().to_string();
    from.ok(&["export", "dev", "--out", &out, "--passphrase-file", &pass.display().to_string()]);
    to.hand_over();
}
