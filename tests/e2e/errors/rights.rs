//! A folder that this user may not write into.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use vsync_tests::folder;

use super::{arrives, litter, pair, publish};

/// The folder above the vault takes no new folder. Root may write all the same, and then all is well.
#[test]
fn a_folder_without_the_right_to_write() {
    let (_place, ann, ben) = pair();
    let above = ben.repo().join("infra/vault");
    let before = folder::read(&ben.vault("dev"));
    fs::set_permissions(&above, Permissions::from_mode(0o500)).expect("its mode");
    publish(&ann, 2);
    if rustix::process::geteuid().is_root() {
        arrives(&ben, 2);
    } else {
        let told = ben.wait_status("dev", "it is told", |pair| pair["reason"] == "io");
        assert!(told["detail"].as_str().unwrap_or_default().contains("denied"), "{told}");
        assert!(told["hint"].as_str().unwrap_or_default().contains("owner and mode"), "{told}");
        assert_eq!(folder::read(&ben.vault("dev")), before);
        assert!(litter(&ben).is_empty(), "{:?}", litter(&ben));
    }
    fs::set_permissions(&above, Permissions::from_mode(0o700)).expect("its mode");
    arrives(&ben, 2);
}
