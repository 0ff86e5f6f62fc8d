//! More files than anybody has.

use std::fs;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::soak;
use vsync_tests::team::{self, Place};

use super::refused;

/// Files, and the limit that refuses them, in CI; the long form has 100 000 and the default limit.
const FILES: (u64, u64) = (1_200, 100_000);
const LIMIT: (u64, u64) = (1_000, 65_536);

#[test]
fn too_many_files_are_refused_and_welcome_where_the_settings_say_so() {
    let (files, limit) = (soak::rounds(FILES.0, FILES.1), soak::rounds(LIMIT.0, LIMIT.1));
    let limited = |entries| format!("limits:\n  entries: {entries}\n");
    let place = Place::folder();
    let [mut ann, mut ben] = ["ann", "ben"].map(Machine::new);
    for machine in [&mut ann, &mut ben] {
        if limit != LIMIT.1 {
            machine.settings(&limited(limit));
        }
        machine.start();
    }
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "first.env", "FIRST=1\n", 0o600);
    ann.ok(&["push", "dev"]);
    team::join(&ann, &ben, "dev");
    for number in 0..files {
        write(&ann.vault("dev"), &format!("{}/{number}.env", number % 100), format!("N={number}\n"), 0o600);
    }
    refused(&ann, &place, "too_large", &format!("more than {limit} entries"));

    ann.settings(&limited(files * 2));
    ann.ok(&["daemon", "reload"]);
    ann.wait_state("dev", "edited");
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, &pushed["files"]), (0, &(files + 1).into()), "{pushed}");

    // Who has not raised the limit is told so, and keeps what is there.
    let held = ben.wait_status("dev", "the bundle is refused", |pair| pair["reason"] == "too_large");
    assert!(held["hint"].as_str().unwrap().contains("limits"), "{held}");
    assert_eq!(folder::read(&ben.vault("dev")).len(), 1);
    ben.settings(&limited(files * 2));
    ben.ok(&["daemon", "reload"]);
    ben.wait_status("dev", "the version is there", |pair| pair["gen"] == 2 && pair["state"] == "ok");
    let last = files - 1;
    let there = ben.vault("dev").join(format!("{}/{last}.env", last % 100));
    assert_eq!(fs::read_to_string(there).unwrap(), format!("N={last}\n"));

    write(&ben.vault("dev"), "1/1.env", "N=changed\n", 0o600);
    ben.wait_status("dev", "one edit among them is seen", |pair| pair["local"]["modified"][0] == "1/1.env");
    ben.ok(&["push", "dev"]);
    ann.wait_status("dev", "it arrives", |pair| pair["gen"] == 3 && pair["state"] == "ok");
    if let Ok(status) = fs::read_to_string(format!("/proc/{}/status", ben.pid())) {
        let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        println!("{files} files: {peak}");
    }
}
