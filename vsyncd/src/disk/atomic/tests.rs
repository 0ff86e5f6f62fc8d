use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        dir.read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn replaces_whole_and_leaves_nothing_beside() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state.json");
    write(&path, b"one", 0o600).unwrap();
    write(&path, b"two", 0o640).unwrap();
    assert_eq!(read_limited(&path, 3).unwrap(), b"two");
    assert_eq!(mode(&path), 0o640);
    assert_eq!(names(temp.path()), ["state.json"]);
    assert!(remove(&path).unwrap());
    assert!(!remove(&path).unwrap());
}

#[test]
fn temporary_files_are_told_by_their_names() {
    for name in ["state.json", "env_prod", ".hidden", "a.1-2.tmp"] {
        assert_eq!(maker(&temporary(name.as_bytes())), Some(std::process::id()), "{name}");
    }
    for other in ["state.json", ".x.tmp", ".x.1.tmp", ".x.1-.tmp", ".x.-1.tmp", "x.1-2.tmp", ".x.+1-2.tmp"] {
        assert_eq!(maker(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn a_new_file_replaces_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("x");
    write_new(&path, b"one", 0o600).unwrap();
    assert_eq!(write_new(&path, b"two", 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(read_limited(&path, 100).unwrap(), b"one");
    assert_eq!(names(temp.path()), ["x"]);
}

#[test]
fn refuses_symlinks_and_folders_as_targets() {
    let temp = tempfile::tempdir().unwrap();
    write(&temp.path().join("victim"), b"mine", 0o600).unwrap();
    symlink("victim", temp.path().join("link")).unwrap();
    assert!(write(&temp.path().join("link"), b"x", 0o600).is_err());
    assert!(write(temp.path(), b"x", 0o600).is_err());
    assert_eq!(read_limited(&temp.path().join("victim"), 100).unwrap(), b"mine");
    assert_eq!(names(temp.path()), ["link", "victim"]);
}

#[test]
fn folders_are_private_and_existing_ones_stay_as_they_are() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    create_private_dirs(&temp.path().join("a/b/c")).unwrap();
    create_private_dirs(&temp.path().join("a/b/c")).unwrap();
    assert_eq!(mode(temp.path()), 0o755);
    for path in ["a", "a/b", "a/b/c"] {
        assert_eq!(mode(&temp.path().join(path)), 0o700, "{path}");
    }
    write(&temp.path().join("file"), b"", 0o600).unwrap();
    assert!(create_private_dirs(&temp.path().join("file/x")).is_err());
}

#[test]
fn reading_is_bounded_and_never_waits() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("big");
    write(&path, &[7; 100], 0o600).unwrap();
    assert_eq!(read_limited(&path, 99).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    let fifo = temp.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(read_limited(&fifo, 99).is_err());
    let none = read_limited(&temp.path().join("none"), 1).unwrap_err();
    assert_eq!(none.kind(), io::ErrorKind::NotFound);
    assert!(none.to_string().contains("none"), "{none}");
}
