//! Tests of a whole swap: staging, exchange, healing, on a real disk.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use vsync_core::id::Env;
use vsync_core::relpath::RelPath;
use vsync_core::vault::ledger::Ledger;
use vsync_core::vault::snapshot::{Snapshot, SnapshotFile};
use vsync_core::version::Version;

use super::displaced::{late_writes, remove_tree};
use super::exchange::{ExchangeError, exchange, keep, put_back};
#[cfg(target_os = "linux")]
use super::folder::Folder;
use super::load::load;
use super::scan::{ScanLimits, scan};
use super::sibling::{SiblingKind, siblings};
use super::stage::{Modes, Staged, stage};

/// The wall clock: what these tests compare is real file times.
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// A folder on a disk file system: /tmp is often one in memory, which hides what a disk does.
pub(super) struct RealDisk(tempfile::TempDir);

impl RealDisk {
    pub(super) fn new() -> Self {
        let disk = Path::new("/var/tmp");
        let temp = if disk.is_dir() { tempfile::tempdir_in(disk) } else { tempfile::tempdir() };
        Self(temp.unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Tells a thread to stop, also when the test fails.
#[derive(Default)]
pub(super) struct Ended(AtomicBool);

impl Ended {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn on_drop(&self) -> impl Drop + '_ {
        struct Ends<'a>(&'a AtomicBool);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        Ends(&self.0)
    }
}

fn dev() -> Env {
    Env::new("dev").unwrap()
}

fn stamp() -> Version {
    "20260523-114201".parse().unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn file(content: &str, mode: u32) -> SnapshotFile {
    SnapshotFile { mode, mtime: 1_700_000_000, content: content.as_bytes().to_vec().into() }
}

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let files = files.iter().map(|(name, content)| (path(name), file(content, 0o600)));
    Snapshot { files: files.collect(), empty_dirs: BTreeSet::new() }
}

mod healing;

/// A vault folder with content, and what stands beside it.
struct Vault {
    disk: RealDisk,
}

impl Vault {
    fn new() -> Self {
        Self { disk: RealDisk::new() }
    }

    fn holding(files: &[(&str, &str)]) -> Self {
        let vault = Self::new();
        let staged = vault.stage(&snapshot(files));
        exchange(&staged, &vault.target()).unwrap();
        vault
    }

    fn target(&self) -> PathBuf {
        self.disk.path().join("infra/vault/dev")
    }

    fn parent(&self) -> PathBuf {
        self.disk.path().join("infra/vault")
    }

    fn stage(&self, snapshot: &Snapshot) -> Staged {
        stage(&self.target(), &dev(), stamp(), snapshot, &Modes::default(), Some(&self.target())).unwrap()
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.target().join(name)).ok()
    }

    fn ledger(&self) -> Ledger {
        scan(&self.target(), &Ledger::default(), &ScanLimits::default(), now()).unwrap().ledger(None)
    }

    fn siblings(&self) -> Vec<SiblingKind> {
        siblings(&self.parent(), &dev()).unwrap().into_iter().map(|sibling| sibling.kind).collect()
    }
}

#[test]
fn what_was_staged_is_what_is_there() {
    let vault = Vault::new();
    let mut wanted = snapshot(&[(".env", "A=1"), ("a/b/c/d", "deep"), ("ключ 🔑\n.pem", "x"), ("empty", "")]);
    wanted.files.insert(path("bin/run"), file("#!", 0o755));
    wanted.files.insert(path("ro"), file("r", 0o400));
    wanted.empty_dirs.insert(path("none/inner"));
    let staged = vault.stage(&wanted);
    assert_eq!(vault.siblings(), [SiblingKind::Staged]);
    let exchanged = exchange(&staged, &vault.target()).unwrap();
    assert_eq!(exchanged.displaced, None);
    assert!(exchanged.atomic);
    assert_eq!(vault.siblings(), []);

    let seen = scan(&vault.target(), &staged.ledger(None), &ScanLimits::default(), now()).unwrap();
    assert_eq!(seen.tree, wanted.tree());
    assert_eq!(seen.files, staged.files, "the ledger's view is the disk's");
    assert_eq!(load(&vault.target(), &seen).unwrap(), wanted);
    for name in ["", "a", "a/b/c", "none/inner", "../../vault"] {
        let mode = vault.target().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{name}");
    }
}

#[test]
fn a_thousand_files() {
    let vault = Vault::new();
    let mut wanted = Snapshot::default();
    for n in 0..1000 {
        wanted.files.insert(path(&format!("d{}/file {n}", n % 37)), file(&n.to_string(), 0o640));
    }
    let staged = vault.stage(&wanted);
    exchange(&staged, &vault.target()).unwrap();
    let seen = scan(&vault.target(), &Ledger::default(), &ScanLimits::default(), now()).unwrap();
    assert_eq!(load(&vault.target(), &seen).unwrap(), wanted);
}

#[test]
fn configured_modes_and_owners_are_set() {
    let vault = Vault::new();
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (owner, group) = if uid == 0 { (1234, 4321) } else { (uid, gid) };
    let modes =
        Modes { file_mode: Some(0o640), dir_mode: Some(0o750), owner: Some(owner), group: Some(group) };
    let staged = stage(&vault.target(), &dev(), stamp(), &snapshot(&[("a/b", "x")]), &modes, None).unwrap();
    exchange(&staged, &vault.target()).unwrap();
    for (name, mode) in [("", 0o750), ("a", 0o750), ("a/b", 0o640)] {
        let meta = vault.target().join(name).metadata().unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.gid()), (mode, owner, group), "{name}");
    }
    if uid != 0 {
        let modes = Modes { owner: Some(uid + 1), ..Modes::default() };
        let denied =
            stage(&vault.target(), &dev(), stamp(), &snapshot(&[("a", "x")]), &modes, None).unwrap_err();
        assert_eq!(denied.kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(vault.siblings(), []);
    }
}

#[test]
fn a_failed_staging_leaves_nothing_and_names_the_file() {
    let vault = Vault::holding(&[("a", "old")]);
    // One component longer than any file system takes.
    let long = "x".repeat(300);
    let wanted = snapshot(&[("a", "new"), (&long, "x")]);
    let error = stage(&vault.target(), &dev(), stamp(), &wanted, &Modes::default(), None).unwrap_err();
    assert!(error.to_string().contains(&long), "{error}");
    assert_eq!(vault.siblings(), []);
    assert_eq!(vault.read("a").unwrap(), "old");
}

#[test]
fn nothing_is_ever_open_to_others_while_it_is_staged() {
    let vault = Vault::holding(&[("a", "old")]);
    let files: Vec<_> = (0..60).map(|n| (format!("d{}/f{n}", n % 5), "secret".repeat(1000))).collect();
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    let wanted = snapshot(&files);
    let stop = Ended::default();
    let (open, looked) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let (mut open, mut looked) = (Vec::new(), 0);
            while !stop.is_set() {
                let mut pending: Vec<PathBuf> =
                    siblings(&vault.parent(), &dev()).unwrap().into_iter().map(|s| s.path).collect();
                while let Some(path) = pending.pop() {
                    let Ok(meta) = path.symlink_metadata() else { continue };
                    looked += 1;
                    if meta.mode() & 0o077 != 0 {
                        open.push((path.clone(), meta.mode()));
                    }
                    pending.extend(path.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()));
                }
            }
            (open, looked)
        });
        let ends = stop.on_drop();
        for _ in 0..10 {
            let staged = vault.stage(&wanted);
            remove_tree(&staged.path).unwrap();
        }
        drop(ends);
        watcher.join().unwrap()
    });
    assert_eq!(open, []);
    assert!(looked > 0, "the watcher saw the folder");
}

/// Reads all files of a folder through one descriptor of it.
fn read_through(folder: &OwnedFd, names: &[String]) -> Vec<String> {
    let open = |name: &str| rustix::fs::openat(folder, name, OFlags::RDONLY, Mode::empty());
    let read = |name: &String| {
        let file = open(name).unwrap_or_else(|error| panic!("{name} is missing: {error}"));
        std::io::read_to_string(std::fs::File::from(file)).unwrap()
    };
    names.iter().map(read).collect()
}

#[test]
fn a_reader_sees_one_version_whole_over_500_swaps() {
    const SWAPS: usize = 500;
    let names: Vec<String> = (0..8).map(|n| format!("f{n}")).collect();
    let version = |n: usize| {
        let content = format!("version {n}");
        snapshot(&names.iter().map(|name| (name.as_str(), content.as_str())).collect::<Vec<_>>())
    };
    let vault = Vault::new();
    exchange(&vault.stage(&version(0)), &vault.target()).unwrap();
    let done = Ended::default();
    let (reads, versions) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reads, mut versions) = (0_usize, BTreeSet::new());
            while !done.is_set() {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let folder =
                    rustix::fs::open(vault.target(), flags, Mode::empty()).expect("the folder is there");
                let seen = read_through(&folder, &names);
                assert!(seen.iter().all(|content| *content == seen[0]), "a mixture: {seen:?}");
                versions.extend(seen.into_iter().next());
                reads += 1;
            }
            (reads, versions)
        });
        let ends = done.on_drop();
        // Removed as late as in life: a displaced folder stays for its readers.
        let mut displaced = std::collections::VecDeque::new();
        for n in 1..=SWAPS {
            if reader.is_finished() {
                break;
            }
            let staged = vault.stage(&version(n));
            let old = exchange(&staged, &vault.target()).unwrap().displaced.unwrap();
            displaced.push_back(keep(&old.path, &dev(), stamp()).unwrap());
            if displaced.len() > 50 {
                remove_tree(&displaced.pop_front().unwrap()).unwrap();
            }
        }
        drop(ends);
        reader.join().unwrap()
    });
    assert_eq!(vault.read("f0").unwrap(), format!("version {SWAPS}"));
    assert!(reads > SWAPS / 10 && versions.len() > 10, "{reads} reads of {} versions", versions.len());
}

#[test]
fn litter_survives_a_swap() {
    let vault = Vault::holding(&[("a", "1"), ("gone/b", "1"), ("turns/c", "1")]);
    let target = vault.target();
    for name in [".a.swp", "gone/.b.swp", "turns/.c.swp", "plain~"] {
        std::fs::write(target.join(name), name).unwrap();
    }
    symlink("me@host.1", target.join(".#a")).unwrap();
    let wanted = snapshot(&[("a", "2"), ("turns", "a file now"), ("plain~", "from the bundle")]);
    let staged = vault.stage(&wanted);
    exchange(&staged, &target).unwrap();
    assert_eq!(vault.read(".a.swp").unwrap(), ".a.swp");
    assert_eq!(vault.read("gone/.b.swp").unwrap(), "gone/.b.swp");
    assert_eq!(vault.read("plain~").unwrap(), "from the bundle");
    assert_eq!(target.join(".#a").read_link().unwrap(), Path::new("me@host.1"));
    assert_eq!(target.join("gone").metadata().unwrap().mode() & 0o777, 0o700);
    let seen = scan(&target, &staged.ledger(None), &ScanLimits::default(), now()).unwrap();
    assert_eq!(seen.tree, wanted.tree(), "litter is no edit");
}

#[test]
fn an_edit_seen_only_after_the_exchange_is_put_back() {
    let vault = Vault::holding(&[("a", "old")]);
    let before = vault.ledger();
    let staged = vault.stage(&snapshot(&[("a", "new")]));
    std::fs::write(vault.target().join("a"), "edit").unwrap();
    let displaced = exchange(&staged, &vault.target()).unwrap().displaced.unwrap();
    let late = late_writes(&displaced.path, &before, &ScanLimits::default(), now()).unwrap().unwrap();
    assert_eq!(late.diff.modified, [path("a")]);
    put_back(&staged, &displaced, &vault.target()).unwrap();
    assert_eq!(vault.read("a").unwrap(), "edit");
    assert_eq!(std::fs::read_to_string(staged.path.join("a")).unwrap(), "new");
    let moved = put_back(&staged, &displaced, &vault.target());
    assert!(matches!(moved, Err(ExchangeError::Moved(_))), "{moved:?}");
}

#[test]
fn what_cannot_be_exchanged_is_refused_and_untouched() {
    let vault = Vault::new();
    let staged = vault.stage(&snapshot(&[("a", "new")]));
    let real = vault.parent().join("real");
    std::fs::create_dir(&real).unwrap();
    symlink(&real, vault.target()).unwrap();
    assert!(matches!(exchange(&staged, &vault.target()), Err(ExchangeError::Symlink(_))));
    std::fs::remove_file(vault.target()).unwrap();
    std::fs::write(vault.target(), "x").unwrap();
    assert!(matches!(exchange(&staged, &vault.target()), Err(ExchangeError::NotADirectory(_))));
    std::fs::remove_file(vault.target()).unwrap();
    remove_tree(&staged.path).unwrap();
    std::fs::create_dir(&staged.path).unwrap();
    let other = Staged { id: super::folder::FolderId { device: 0, inode: 0 }, ..staged };
    assert!(matches!(exchange(&other, &vault.target()), Err(ExchangeError::Moved(_))));
    assert!(!vault.target().exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_mount_point_is_refused() {
    // Any file system will do; /proc is mounted everywhere.
    let proc = Folder::open(Path::new("/proc")).unwrap();
    let root = Folder::open(Path::new("/")).unwrap();
    assert_ne!(proc.id().device, root.id().device);
    let staged = Staged {
        path: "/none".into(),
        id: proc.id(),
        files: std::collections::BTreeMap::new(),
        empty_dirs: BTreeSet::new(),
    };
    let refused = exchange(&staged, Path::new("/proc"));
    assert!(matches!(refused, Err(ExchangeError::MountPoint(_))), "{refused:?}");
}
