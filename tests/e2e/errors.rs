//! A machine whose disk does not take what is written: told in words that help, nothing lost, nothing half
//! made left behind, and all well again by itself once the cause is gone. What needs a failing disk of its own is in
//! `tests/components/disk_errors`.

mod blocked;
#[cfg(target_os = "linux")]
mod limits;
mod rights;

use std::fs;
use std::path::PathBuf;

use vsync_tests::folder::{self, Entry, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

/// Two machines at version 1; what the second has replaced goes after a second.
fn pair() -> (Place, Machine, Machine) {
    let place = Place::s3();
    let (mut ann, mut ben) = (Machine::new("ann"), Machine::new("ben"));
    ben.settings("keep_replaced: 1s\n");
    ann.start();
    ben.start();
    team::init(&ann, &place, "dev");
    publish(&ann, 1);
    team::join(&ann, &ben, "dev");
    ben.wait_state("dev", "ok");
    (place, ann, ben)
}

/// Publishes a version that is told by its number.
fn publish(machine: &Machine, number: u32) {
    write(&machine.vault("dev"), "a.env", format!("A=sesame-{number}\n"), 0o600);
    let (code, pushed) = machine.json(&["push", "dev"]);
    assert_eq!(code, 0, "{pushed}");
}

/// Waits until a machine has a version, and is well.
fn arrives(machine: &Machine, number: u32) {
    machine.wait_status("dev", "the version is here", |pair| pair["state"] == "ok" && has(machine, number));
    assert!(!machine.log().contains("sesame"), "the log tells a secret");
}

fn has(machine: &Machine, number: u32) -> bool {
    let text = fs::read_to_string(machine.vault("dev").join("a.env")).unwrap_or_default();
    text == format!("A=sesame-{number}\n")
}

/// The verb fails with this word and exit code 1, and says this.
fn fails(machine: &Machine, verb: &[&str], word: &str, says: &str) {
    let (code, answer) = machine.json(verb);
    assert_eq!((code, &answer["error"]["code"]), (1, &word.into()), "{verb:?}: {answer}");
    assert!(answer.to_string().contains(says), "{verb:?}: {answer}");
    assert!(!answer.to_string().contains("sesame"), "{verb:?}: {answer}");
}

/// Hidden folders beside the vault folder that no record explains, and temporary files anywhere.
fn litter(machine: &Machine) -> Vec<String> {
    let mut records = String::new();
    let mut all = Vec::new();
    for place in ["state", "config", "repo"] {
        for (name, entry) in folder::read(&machine.path(place)) {
            if let (true, Entry::File { content, .. }) = (name.ends_with("kept.json"), entry) {
                records.push_str(&String::from_utf8_lossy(&content));
            }
            all.push(machine.path(place).join(name).display().to_string());
        }
    }
    all.retain(|path| {
        let own = path.rsplit('/').next().unwrap_or(path);
        (own.starts_with(".vsync-") || own.ends_with(".tmp")) && !records.contains(path.as_str())
    });
    all
}

/// The only folder of a checkout's state.
fn folder_state(machine: &Machine) -> PathBuf {
    let mut folders = fs::read_dir(machine.path("state/vsync/folders")).expect("the state").flatten();
    folders.next().expect("a checkout's state").path()
}
