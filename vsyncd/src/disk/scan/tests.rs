use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use vsync_core::vault::diff::Diff;
use vsync_core::vault::tree::ContentHash;

use super::*;
use crate::disk::load::load;
use crate::disk::stories::{Ended, RealDisk, now};

fn fresh(folder: &Path) -> Result<Scan, ScanError> {
    scan(folder, &Ledger::default(), &ScanLimits::default(), now())
}

fn put(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn names(scan: &Scan) -> Vec<&str> {
    scan.tree.files.keys().map(RelPath::as_str).collect()
}

#[test]
fn finds_files_modes_and_empty_folders_and_loads_them() {
    let disk = RealDisk::new();
    let dir = disk.path();
    put(dir, &[(".env.prod", "A=1"), ("tls/deep/server.key", "key"), ("ключ\nи 🔑.pem", "x"), ("empty", "")]);
    std::fs::create_dir_all(dir.join("none/inner")).unwrap();
    std::fs::set_permissions(dir.join(".env.prod"), std::fs::Permissions::from_mode(0o4640)).unwrap();
    let scan = fresh(dir).unwrap();
    assert_eq!(names(&scan), [".env.prod", "empty", "tls/deep/server.key", "ключ\nи 🔑.pem"]);
    assert_eq!(scan.tree.files[".env.prod"].mode, 0o640, "setuid does not travel");
    assert_eq!(scan.tree.files[".env.prod"].hash, ContentHash::of(b"A=1"));
    let empty: Vec<_> = scan.empty_dirs().iter().map(RelPath::as_str).collect();
    assert_eq!(empty, ["none/inner"]);
    let snapshot = load(dir, &scan).unwrap();
    assert_eq!(snapshot.tree(), scan.tree);
    assert_eq!(snapshot.files[".env.prod"].mtime, scan.files[".env.prod"].mtime_ns / 1_000_000_000);
}

#[test]
fn the_folder_itself_must_be_a_folder() {
    let disk = RealDisk::new();
    put(disk.path(), &[("file", "x")]);
    symlink(".", disk.path().join("link")).unwrap();
    let refused = |name: &str| match fresh(&disk.path().join(name)) {
        Err(ScanError::Folder(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused("none"), NotAFolder::Missing));
    assert!(matches!(refused("link"), NotAFolder::Symlink));
    assert!(matches!(refused("file"), NotAFolder::Other));
}

#[test]
fn what_a_vault_cannot_hold_is_named() {
    let disk = RealDisk::new();
    type Make = dyn Fn(&Path);
    let make: [(&str, NotPlain, &Make); 3] = [
        ("sub/link", NotPlain::Symlink, &|path| symlink("/etc/passwd", path).unwrap()),
        ("sub/socket", NotPlain::Socket, &|path| drop(UnixListener::bind(path).unwrap())),
        ("sub/fifo", NotPlain::Fifo, &|path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
    ];
    for (name, kind, make) in make {
        let dir = disk.path().join(name.replace('/', "_"));
        put(&dir, &[("sub/good", "x")]);
        make(&dir.join(name));
        match fresh(&dir) {
            Err(ScanError::NotPlain { path, what }) => assert_eq!((path.as_str(), what), (name, kind)),
            other => panic!("{name}: {other:?}"),
        }
        let saved = salvage(&dir, &Ledger::default(), &ScanLimits::default(), now()).unwrap();
        assert_eq!(names(&saved), ["sub/good"]);
        assert_eq!(saved.left_out[0].name, name);
    }
}

#[test]
fn names_that_cannot_travel_are_named() {
    for (bytes, shown) in [(&b"a\xff"[..], "a\u{fffd}"), (b"a\\b", "a\\\\b"), (b"C:x", "C:x")] {
        let disk = RealDisk::new();
        std::fs::write(disk.path().join(std::ffi::OsStr::from_bytes(bytes)), "").unwrap();
        match fresh(disk.path()) {
            Err(ScanError::BadName { name, .. }) => assert_eq!(name, shown),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn names_that_some_systems_take_for_one_are_refused() {
    for (a, b) in [("Key", "key"), ("é", "e\u{301}"), ("Dir/a", "dir/b")] {
        let disk = RealDisk::new();
        put(disk.path(), &[(a, "1"), (b, "2")]);
        assert!(matches!(fresh(disk.path()), Err(ScanError::NameClash { .. })), "{a} {b}");
    }
}

#[test]
fn an_unreadable_file_or_folder_is_named() {
    if rustix::process::geteuid().is_root() {
        // Nothing is unreadable for root.
        return;
    }
    for name in ["sub/file", "sub"] {
        let disk = RealDisk::new();
        put(disk.path(), &[("sub/file", "x")]);
        std::fs::set_permissions(disk.path().join(name), std::fs::Permissions::from_mode(0o000)).unwrap();
        match fresh(disk.path()) {
            Err(ScanError::Unreadable { path, source }) => {
                assert_eq!(path.as_str(), name);
                assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
            }
            other => panic!("{other:?}"),
        }
        std::fs::set_permissions(disk.path().join(name), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn limits_hold() {
    let disk = RealDisk::new();
    put(disk.path(), &[("a", "12345"), ("b", "12345"), ("x~", "litter counts as an entry")]);
    let with = |entries, bytes| scan(disk.path(), &Ledger::default(), &ScanLimits { entries, bytes }, now());
    assert!(with(3, 10).is_ok());
    assert!(matches!(with(2, 10), Err(ScanError::TooMany { limit: 2 })));
    assert!(matches!(with(3, 9), Err(ScanError::TooLarge { limit: 9 })));
}

#[test]
fn litter_is_no_edit_unless_a_bundle_brought_it() {
    let disk = RealDisk::new();
    let dir = disk.path();
    put(dir, &[("a", "1"), ("sub/b", "1")]);
    let before = fresh(dir).unwrap();
    put(dir, &[("a~", "x"), ("sub/.b.swp", "x"), (".DS_Store", "x"), ("own/.DS_Store", "x"), ("4913", "")]);
    symlink("user@host.1:2", dir.join(".#a")).unwrap();
    let after = scan(dir, &before.ledger(None), &ScanLimits::default(), now()).unwrap();
    assert_eq!(after.tree, before.tree);

    let mut known = before.ledger(None);
    let zero = ContentHash([0; 32]);
    let file = LedgerFile { size: 0, mtime_ns: 0, ctime_ns: 0, mode: 0o600, inode: 0, hash: zero };
    known.files.insert(RelPath::new("a~").unwrap(), file);
    known.empty_dirs.insert(RelPath::new("own").unwrap());
    let after = scan(dir, &known, &ScanLimits::default(), now()).unwrap();
    let diff = Diff::between(&before.tree, &after.tree);
    assert_eq!(diff.added, ["a~", "own"].map(|name| RelPath::new(name).unwrap()));
    // A folder that is emptied of all but litter goes with its last file.
    std::fs::remove_file(dir.join("sub/b")).unwrap();
    let after = scan(dir, &before.ledger(None), &ScanLimits::default(), now()).unwrap();
    assert_eq!(Diff::between(&before.tree, &after.tree).deleted.len(), 1);
    assert_eq!(names(&after), ["a"]);
}

#[test]
fn an_edit_within_the_same_tick_is_never_missed() {
    let disk = RealDisk::new();
    let path = disk.path().join("a");
    let mut ledger = Ledger::default();
    for round in 0..200_u32 {
        let started = now();
        // Same length each time, written over the same inode right after a scan.
        std::fs::write(&path, format!("{round:08}")).unwrap();
        let seen = scan(disk.path(), &ledger, &ScanLimits::default(), started).unwrap();
        assert_eq!(seen.tree.files["a"].hash, ContentHash::of(format!("{round:08}").as_bytes()), "{round}");
        // However coarse this file system's times: what was written since the start is not trusted.
        assert!(seen.files["a"].mtime_ns >= seen.scanned_ns, "{round}");
        ledger = seen.ledger(None);
    }
}

#[test]
fn an_old_file_is_trusted_and_a_young_one_is_not() {
    let disk = RealDisk::new();
    put(disk.path(), &[("a", "1")]);
    let later = now() + jiff::SignedDuration::from_secs(10);
    let mut ledger =
        scan(disk.path(), &Ledger::default(), &ScanLimits::default(), later).unwrap().ledger(None);
    let lie = ContentHash([7; 32]);
    for file in ledger.files.values_mut() {
        file.hash = lie;
    }
    let seen = |ledger: &Ledger| {
        let scan = scan(disk.path(), ledger, &ScanLimits::default(), later).unwrap();
        scan.tree.files["a"].hash
    };
    assert_eq!(seen(&ledger), lie, "not read again");
    ledger.scanned_ns = ledger.files["a"].mtime_ns;
    assert_eq!(seen(&ledger), ContentHash::of(b"1"));
    ledger.scanned_ns = i64::MAX;
    std::fs::set_permissions(disk.path().join("a"), std::fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(seen(&ledger), ContentHash::of(b"1"));
}

#[test]
fn a_file_that_changed_since_the_scan_is_not_loaded() {
    let disk = RealDisk::new();
    put(disk.path(), &[("sub/a", "1")]);
    let seen = fresh(disk.path()).unwrap();
    let changes: [&dyn Fn(&Path); 4] = [
        &|path| std::fs::write(path, "2").unwrap(),
        &|path| std::fs::write(path, "11").unwrap(),
        &|path| std::fs::remove_file(path).unwrap(),
        &|path| {
            std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
            symlink("/", path.parent().unwrap()).unwrap();
        },
    ];
    for change in changes {
        change(&disk.path().join("sub/a"));
        assert!(matches!(load(disk.path(), &seen), Err(ScanError::Changing { .. })));
    }
}

#[test]
fn a_scan_never_leaves_the_folder() {
    let disk = RealDisk::new();
    let (inside, outside) = (disk.path().join("in"), disk.path().join("out"));
    put(&inside, &[("sub/a", "inside"), ("sub/deep/b", "inside"), ("z", "inside")]);
    put(&outside, &[("a", "outside"), ("deep/b", "outside")]);
    symlink(&outside, inside.join("link")).unwrap();
    let stop = Ended::default();
    let mut odd = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // sub is a folder at one moment and a symlink at the next.
            let folder = crate::disk::folder::Folder::open(&inside).unwrap();
            while !stop.is_set() {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(&folder, "sub", &folder, "link", flags).unwrap();
            }
        });
        let _ends = stop.on_drop();
        for _ in 0..3000 {
            let seen = salvage(&inside, &Ledger::default(), &ScanLimits::default(), now()).unwrap();
            for (path, file) in seen.tree.files {
                if file.hash != ContentHash::of(b"inside") {
                    odd.insert(path, file);
                }
            }
        }
    });
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn a_file_that_keeps_changing_is_an_error_not_a_mixture() {
    const ZEROS: usize = 1 << 20;
    let disk = RealDisk::new();
    let path = disk.path().join("a");
    std::fs::write(&path, vec![0; ZEROS]).unwrap();
    let stop = Ended::default();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let noticed = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
            while !stop.is_set() {
                std::io::Write::write_all(&mut file, b"x").unwrap();
            }
        });
        let _ends = stop.on_drop();
        loop {
            match fresh(disk.path()) {
                Err(ScanError::Changing { .. }) => break true,
                // The writer may not have run at all meanwhile: then it is whole.
                Ok(seen) => {
                    let file = &seen.tree.files["a"];
                    let mut content = vec![b'x'; usize::try_from(file.size).unwrap()];
                    content[..ZEROS].fill(0);
                    assert_eq!(file.hash, ContentHash::of(&content));
                }
                Err(other) => panic!("{other}"),
            }
            if std::time::Instant::now() > deadline {
                break false;
            }
        }
    });
    assert!(noticed);
}
