//! What is pushed on one machine is whole on the other.

use vsync_tests::folder::{self, noise, write};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

/// An edit, a deletion and a rename travel, byte for byte, with file modes, unicode names and
/// empty files and folders.
fn edits_travel(place: &Place) {
    let team = team::of(place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    let (here, there) = (ann.vault("dev"), ben.vault("dev"));
    write(&here, ".env.dev", "A=1\n", 0o600);
    write(&here, "tls/server.key", noise(1, 3000), 0o640);
    write(&here, "bin/run", "#!/bin/sh\n", 0o755);
    write(&here, "ключ 🔑.pem", "k", 0o600);
    write(&here, "empty", "", 0o600);
    std::fs::create_dir_all(here.join("deep/empty folder")).unwrap();
    ann.ok(&["push", "dev"]);
    until("everything is there", || folder::read(&there) == folder::read(&here));

    std::fs::remove_file(here.join("empty")).unwrap();
    std::fs::rename(here.join("tls/server.key"), here.join("tls/renamed.key")).unwrap();
    write(&here, ".env.dev", "A=2\n", 0o600);
    ann.ok(&["push", "dev"]);
    until("the changes are there", || folder::read(&there) == folder::read(&here));
    assert_eq!(ben.wait_state("dev", "ok")["gen"], 2);

    write(&there, ".env.dev", "A=3\n", 0o600);
    ben.ok(&["push", "dev"]);
    until("the way back works", || folder::read(&there) == folder::read(&here));
}

#[test]
fn edits_travel_through_a_folder_store() {
    edits_travel(&Place::folder());
}

#[test]
fn edits_travel_through_s3() {
    edits_travel(&Place::s3());
}
