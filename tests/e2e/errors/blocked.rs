//! Something else lies where a file or folder of ours belongs: no rights and no system help against that,
//! so that each writing step can be made to fail, for root too.

use std::fs;
use std::path::{Path, PathBuf};

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::wait::until;

use super::{arrives, fails, folder_state, has, litter, pair, publish};

/// A name that is taken; what was there comes back with [`Blocked::free`].
struct Blocked {
    path: PathBuf,
    aside: PathBuf,
}

impl Blocked {
    /// A folder in a file's place.
    fn file(path: PathBuf) -> Self {
        let this = Self::put_aside(path);
        fs::create_dir(&this.path).expect("a folder in its place");
        this
    }

    /// A file in a folder's place.
    fn folder(path: PathBuf) -> Self {
        let this = Self::put_aside(path);
        fs::write(&this.path, "").expect("a file in its place");
        this
    }

    fn put_aside(path: PathBuf) -> Self {
        let aside = path.with_extension("aside");
        if path.exists() {
            fs::rename(&path, &aside).expect("it can be put aside");
        }
        Self { path, aside }
    }

    fn free(self) {
        if self.path.is_dir() {
            fs::remove_dir(&self.path).expect("nothing was put there");
        } else {
            fs::remove_file(&self.path).expect("nothing was put there");
        }
        if self.aside.exists() {
            fs::rename(&self.aside, &self.path).expect("it comes back");
        }
    }
}

fn backups(machine: &Machine) -> usize {
    let (code, list) = machine.json(&["backup", "list", "dev"]);
    assert_eq!(code, 0, "{list}");
    list.as_array().map_or(0, Vec::len)
}

/// A swap that could not be written down is no edit, also when the next version comes.
#[test]
fn a_ledger_that_cannot_be_saved_after_a_swap() {
    let (_place, ann, ben) = pair();
    let blocked = Blocked::file(folder_state(&ben).join("ledger.json"));
    publish(&ann, 2);
    let told = ben.wait_status("dev", "it is told", |pair| pair["reason"] == "io" && has(&ben, 2));
    assert!(told["detail"].as_str().unwrap_or_default().contains("cannot save the ledger"), "{told}");
    publish(&ann, 3);
    ben.wait_status("dev", "it is still an error, not two versions", |pair| pair["state"] == "error");
    assert!(has(&ben, 2), "the last whole version stays");
    blocked.free();
    arrives(&ben, 3);
    until("nothing is left", || litter(&ben).is_empty());
}

/// The same, and the machine stops before the ledger can be saved: the journal knows.
#[test]
fn a_ledger_that_cannot_be_saved_before_a_crash() {
    let (_place, ann, mut ben) = pair();
    let blocked = Blocked::file(folder_state(&ben).join("ledger.json"));
    publish(&ann, 2);
    ben.wait_status("dev", "it is told", |pair| pair["reason"] == "io" && has(&ben, 2));
    ben.kill();
    publish(&ann, 3);
    ben.start();
    ben.wait_status("dev", "it is an error", |pair| pair["state"] == "error");
    blocked.free();
    arrives(&ben, 3);
}

/// What reached the bucket is a push, whatever the own disk says to that.
#[test]
fn a_ledger_that_cannot_be_saved_after_a_push() {
    let (place, ann, ben) = pair();
    let blocked = Blocked::file(folder_state(&ben).join("ledger.json"));
    publish(&ben, 2);
    ben.wait_status("dev", "it is told", |pair| pair["reason"] == "io");
    arrives(&ann, 2);
    blocked.free();
    arrives(&ben, 2);
    assert_eq!(place.bundles().len(), 2);
    publish(&ann, 3);
    arrives(&ben, 3);
}

/// A publish that cannot be journaled does not begin.
#[test]
fn a_publish_journal_that_cannot_be_written() {
    let (place, ann, ben) = pair();
    let before = place.pointer();
    let blocked = Blocked::file(folder_state(&ben).join("publish.json"));
    write(&ben.vault("dev"), "a.env", "A=sesame-2\n", 0o600);
    fails(&ben, &["push", "dev"], "io", "publish.json");
    assert_eq!(place.pointer(), before, "nothing is published");
    blocked.free();
    publish(&ben, 2);
    arrives(&ann, 2);
}

/// A swap that comes to nothing leaves no folder and no backup of each try.
#[test]
fn a_swap_journal_that_cannot_be_written() {
    let (_place, ann, ben) = pair();
    let blocked = Blocked::file(folder_state(&ben).join("swap.json"));
    write(&ben.vault("dev"), "mine", "sesame-mine", 0o600);
    publish(&ann, 2);
    ben.wait_state("dev", "diverged");
    let before = folder::read(&ben.vault("dev"));
    for _ in 0..3 {
        fails(&ben, &["pull", "dev", "--backup"], "io", "swap.json");
        assert_eq!(folder::read(&ben.vault("dev")), before);
    }
    assert_eq!((backups(&ben), litter(&ben)), (0, Vec::new()));
    blocked.free();
    ben.ok(&["pull", "dev", "--backup"]);
    assert_eq!(backups(&ben), 1);
    arrives(&ben, 2);
}

/// Without its backup nothing is replaced.
#[test]
fn a_backup_that_cannot_be_stored() {
    let (_place, ann, ben) = pair();
    let blocked = Blocked::folder(ben.path("config/vsync/backups"));
    write(&ben.vault("dev"), "mine", "sesame-mine", 0o600);
    publish(&ann, 2);
    ben.wait_state("dev", "diverged");
    let before = folder::read(&ben.vault("dev"));
    fails(&ben, &["pull", "dev", "--backup"], "io", "cannot store a backup");
    assert_eq!(folder::read(&ben.vault("dev")), before);
    blocked.free();
    ben.ok(&["pull", "dev", "--backup"]);
    assert_eq!(backups(&ben), 1);
    arrives(&ben, 2);
}

/// The row of a push that the disk does not take reaches the log in the bucket all the same.
#[test]
fn an_audit_row_that_cannot_be_kept_on_disk() {
    let (place, _ann, ben) = pair();
    let spool = ben.path("state/vsync/pairs/acme_web/dev/audit");
    let blocked = Blocked::folder(spool);
    write(&ben.vault("dev"), "a.env", "A=sesame-2\n", 0o600);
    let (code, pushed) = ben.json(&["push", "dev"]);
    assert_eq!(code, 0, "{pushed}");
    blocked.free();
    let version = pushed["version"].as_str().expect("a version").to_owned();
    let row_is_there = || {
        let objects = place.objects();
        let log = objects.iter().find(|(key, _)| key.ends_with("audit.csv")).map(|(_, body)| body.clone());
        String::from_utf8_lossy(&log.unwrap_or_default()).contains(&version)
    };
    until("the row is in the log", row_is_there);
}

/// What is in the way below the machine's home, as what, and what is said of it.
type Step = (&'static str, fn(PathBuf) -> Blocked, &'static str);

/// Each step of `init` that cannot be done: the word of the disk, not of the key store, and doing it
/// again once it can be done finishes it.
#[test]
fn an_init_that_cannot_write() {
    let (_place, _ann, ben) = pair();
    let init = |env: &str| -> Vec<String> {
        let store = format!("file://{}", ben.path("store").display());
        ["init", env, "--store", &store].map(str::to_owned).to_vec()
    };
    let steps: [Step; 4] = [
        ("state/vsync/keys/acme_web", Blocked::folder, "cannot work with the key"),
        ("state/vsync/checkouts.json", Blocked::file, "the list of checkouts"),
        ("config/vsync/config/acme_web", Blocked::folder, "acme_web"),
        ("store", Blocked::folder, "store"),
    ];
    for (at, (below, block, says)) in steps.into_iter().enumerate() {
        let env = format!("e{at}");
        let words = init(&env);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let blocked = block(ben.path(below));
        let (code, answer) = ben.json(&words);
        let word = answer["error"]["code"].as_str().unwrap_or_default();
        assert!(code != 0 && ["io", "store_failed", "bucket_missing"].contains(&word), "{below}: {answer}");
        assert!(answer.to_string().contains(says), "{below}: {answer}");
        blocked.free();
        ben.ok(&words);
        ben.wait_state(&env, "ok");
    }
    assert!(litter(&ben).is_empty(), "{:?}", litter(&ben));
}

/// Where the folder beside the vault cannot be made, the old one stays, and the rest comes by itself.
#[test]
fn a_share_file_that_cannot_be_written() {
    let (_place, _ann, ben) = pair();
    let pass = ben.path("passphrase");
    write(Path::new(&ben.path("")), "passphrase", "plum orbit lantern, only for tests", 0o600);
    let (out, pass) = (ben.path("no/such/dev.share"), pass.display().to_string());
    let out = out.display().to_string();
    fails(&ben, &["export", "dev", "--out", &out, "--passphrase-file", &pass], "io", "dev.share");
    fs::create_dir_all(ben.path("no/such")).expect("the folder for it");
    ben.ok(&["export", "dev", "--out", &out, "--passphrase-file", &pass]);
    assert_eq!(fs::read_dir(ben.path("no/such")).expect("the folder").count(), 1);
}
