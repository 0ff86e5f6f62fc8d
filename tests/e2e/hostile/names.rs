//! Names that travel although they are odd, and names that are refused.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::Place;

use super::{published, reader, refused};

/// How deep, and with names of how many bytes: longer than any path that a system takes.
const DEPTH: usize = 22;
const LONG: usize = 200;

#[test]
fn odd_names_travel_and_draw_nothing_on_a_terminal() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let ben = reader(&ann);
    let longest = "n".repeat(255);
    let odd = [
        "new\nline",
        "bell\u{7}",
        "\u{1b}]0;title\u{7}\u{1b}[31m",
        "tab\there",
        "...",
        "..a",
        ".. ",
        " ",
        "-rf",
        "--help",
        "con",
        "ends.",
        "back`tick`$(id)",
        "ключ 🔑.pem",
        "\u{202e}gnp.exe",
        longest.as_str(),
        "sub/...",
        "sub/ / ",
    ];
    for name in odd {
        write(&ann.vault("dev"), name, format!("in {name}"), 0o600);
    }
    ann.wait_status("dev", "all are seen", |pair| {
        pair["local"]["added"].as_array().is_some_and(|all| all.len() == odd.len())
    });
    let shown = ["status", "diff", "push", "doctor"].map(|verb| ann.ok(&[verb, "dev"]));
    ben.ok(&["pull", "dev"]);
    for text in shown.iter().chain(&[ben.ok(&["-v", "status", "dev"])]) {
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
    assert_eq!(folder::read(&ben.vault("dev")), folder::read(&ann.vault("dev")));
    assert!(folder::read(&ben.vault("dev")).len() >= odd.len());
    assert!(!ann.log().contains(['\u{1b}', '\u{7}']), "a name drew on the log");
}

#[test]
fn names_that_other_systems_read_differently_are_refused() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let vault = ann.vault("dev");
    let odd: [(&[u8], &str); 3] =
        [(b"sub/\xff\xfe", "not UTF-8"), (b"..\\..\\etc", "backslash"), (b"C:evil", "absolute")];
    for (name, part) in odd {
        let path = vault.join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Some systems refuse such a name themselves.
        if fs::write(&path, "x").is_ok() {
            refused(&ann, &place, "folder_not_usable", part);
            fs::remove_file(&path).unwrap();
        }
    }
    for (one, other) in [("Key", "key"), ("caf\u{e9}", "cafe\u{301}"), ("Dir/x", "dir/y")] {
        for name in [one, other] {
            write(&vault, name, name, 0o600);
        }
        // Some systems take the two for one.
        let apart = |name: &str| fs::read_to_string(vault.join(name)).is_ok_and(|content| content == name);
        if apart(one) && apart(other) {
            let part = one.split('/').next().unwrap();
            refused(&ann, &place, "name_clash", part);
        }
        let _ = fs::remove_file(vault.join(one));
        let _ = fs::remove_file(vault.join(other));
        let _ = fs::remove_dir(vault.join("Dir"));
        let _ = fs::remove_dir(vault.join("dir"));
    }
    let _ = fs::remove_dir(vault.join("sub"));
    ann.wait_state("dev", "ok");
}

/// Goes down step by step, as no path can.
fn deepest(vault: &Path, make: bool) -> OwnedFd {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(vault, flags, Mode::empty()).unwrap();
    let name = "d".repeat(LONG);
    for _ in 0..DEPTH {
        if make {
            rustix::fs::mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
        }
        at = rustix::fs::openat(&at, name.as_str(), flags, Mode::empty()).unwrap();
    }
    at
}

fn read_at(dir: &OwnedFd) -> String {
    let file = rustix::fs::openat(dir, "x", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    std::io::read_to_string(fs::File::from(file)).unwrap()
}

#[test]
fn a_path_longer_than_the_system_takes_travels_too() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let ben = reader(&ann);
    let deep = deepest(&ann.vault("dev"), true);
    let file =
        rustix::fs::openat(&deep, "x", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR | Mode::WUSR).unwrap();
    rustix::io::write(&file, b"deep").unwrap();
    ann.ok(&["push", "dev"]);
    ben.ok(&["pull", "dev"]);
    assert_eq!(read_at(&deepest(&ben.vault("dev"), false)), "deep");
    ann.wait_state("dev", "ok");
    ben.wait_state("dev", "ok");
    // It can be replaced and goes away again.
    fs::remove_dir_all(ben.vault("dev").join("d".repeat(LONG))).unwrap();
    ben.ok(&["push", "dev"]);
    ann.wait_status("dev", "the deletion arrives", |pair| pair["gen"] == 3 && pair["state"] == "ok");
    assert_eq!(folder::read(&ann.vault("dev")).len(), 1);
}
