//! Many files and large ones.

use vsync_tests::folder::{self, noise, write};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

/// A thousand files in nested folders with modes of their own, then fifty mebibytes that do not
/// compress, then the deletion of all but one.
fn large_vaults_travel(place: &Place) {
    let team = team::of(place, &["ann", "ben"]);
    let (ann, ben) = (&team[0], &team[1]);
    let (here, there) = (ann.vault("dev"), ben.vault("dev"));
    for number in 0..1000_u64 {
        let mode = [0o600, 0o640, 0o755, 0o400][usize::try_from(number % 4).unwrap()];
        let name = format!("service-{}/part-{}/{number}.env", number % 17, number % 5);
        write(&here, &name, noise(number + 1, 40 + usize::try_from(number).unwrap()), mode);
    }
    ann.ok(&["push", "dev"]);
    until("a thousand files are there", || ben.status("dev")["gen"] == 1);
    assert!(folder::read(&there) == folder::read(&here), "the folders differ");

    write(&here, "dump.bin", noise(7, 50 << 20), 0o600);
    ann.ok(&["push", "dev"]);
    until("fifty mebibytes are there", || ben.status("dev")["gen"] == 2);
    assert!(folder::read(&there) == folder::read(&here), "the folders differ");

    for number in 0..17 {
        std::fs::remove_dir_all(here.join(format!("service-{number}"))).unwrap();
    }
    ann.ok(&["push", "dev"]);
    until("the deletion is there", || ben.status("dev")["gen"] == 3);
    assert!(folder::read(&there) == folder::read(&here), "the folders differ");
    assert_eq!(folder::read(&there).len(), 1);
}

#[test]
fn large_vaults_travel_through_a_folder_store() {
    large_vaults_travel(&Place::folder());
}

#[test]
fn large_vaults_travel_through_s3() {
    large_vaults_travel(&Place::s3());
}
