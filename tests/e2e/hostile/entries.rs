//! Entries that a vault cannot hold, and those that it can although they look odd.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::Place;

use super::{published, reader, refused};

type Make = Box<dyn Fn(&Path)>;

fn link_to(target: impl AsRef<Path>) -> Make {
    let target = target.as_ref().to_owned();
    Box::new(move |at| symlink(&target, at).unwrap())
}

#[test]
fn links_pipes_sockets_and_devices_are_refused_until_they_are_gone() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let outside = ann.path("outside");
    write(&outside, "precious", "not of the vault\n", 0o600);
    let mut all: Vec<(&str, Make)> = vec![
        ("symlink", link_to(outside.join("precious"))),
        ("symlink", link_to(&outside)),
        ("symlink", link_to("/")),
        ("symlink", link_to("a.env")),
        ("symlink", link_to("nowhere")),
        ("symlink", link_to("odd")),
        ("FIFO", Box::new(|at| assert!(Command::new("mkfifo").arg(at).status().unwrap().success()))),
        ("socket", Box::new(|at| drop(UnixListener::bind(at).unwrap()))),
    ];
    // Others than root cannot make one.
    if rustix::process::geteuid().is_root() {
        all.push((
            "device",
            Box::new(|at| {
                assert!(Command::new("mknod").arg(at).args(["c", "1", "3"]).status().unwrap().success());
            }),
        ));
    }
    let odd = ann.vault("dev").join("odd");
    for (number, (what, make)) in all.into_iter().enumerate() {
        make(&odd);
        refused(&ann, &place, "vault_not_plain", &format!("'odd' is a {what}"));
        assert!(odd.symlink_metadata().is_ok(), "{what}: it is the user's to remove");
        fs::remove_file(&odd).unwrap();
        write(&ann.vault("dev"), "a.env", format!("A={number}\n"), 0o600);
        ann.ok(&["push", "dev"]);
        ann.wait_state("dev", "ok");
    }
    assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "not of the vault\n");
}

#[test]
fn a_hard_link_is_a_file_like_any_other_and_its_twin_is_never_written() {
    let place = Place::folder();
    let ann = published(Machine::new("ann"), &place);
    let ben = reader(&ann);
    let twin = ben.path("twin");
    fs::hard_link(ben.vault("dev").join("a.env"), &twin).unwrap();
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    ben.ok(&["pull", "dev"]);
    assert_eq!(fs::read_to_string(ben.vault("dev").join("a.env")).unwrap(), "A=2\n");
    assert_eq!(fs::read_to_string(&twin).unwrap(), "A=1\n");

    // Brought in from elsewhere it travels as a copy.
    fs::hard_link(&twin, ben.vault("dev").join("b.env")).unwrap();
    ben.ok(&["push", "dev"]);
    ann.wait_status("dev", "the link arrives", |pair| pair["gen"] == 3 && pair["state"] == "ok");
    assert_eq!(folder::read(&ann.vault("dev")), folder::read(&ben.vault("dev")));
    ben.wait_state("dev", "ok");
}

#[test]
fn what_cannot_be_read_is_named_and_is_well_once_it_can() {
    let place = Place::s3();
    let ann = published(Machine::new("ann").unprivileged(), &place);
    let vault = ann.vault("dev");
    write(&vault, "sub/locked", "1\n", 0o600);
    ann.hand_over();
    let mode = |name: &str, mode| {
        fs::set_permissions(vault.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, open) in [("sub/locked", 0o600), ("sub", 0o700)] {
        mode(name, 0o000);
        refused(&ann, &place, "folder_not_usable", &format!("cannot read '{name}': Permission denied"));
        mode(name, open);
        ann.wait_status("dev", "the loss of the rights is over", |pair| pair["state"] == "edited");
    }
    ann.ok(&["push", "dev"]);
    ann.wait_state("dev", "ok");
    // It is listened to again as well.
    write(&vault, "sub/locked", "2\n", 0o600);
    ann.hand_over();
    ann.wait_status("dev", "an edit in it is heard of", |pair| pair["state"] == "edited");
}
