use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use vsync_core::format::audit::{Action, Row};
use vsync_core::relpath::RelPath;
use vsync_core::vault::ledger::{Ledger, LedgerFile, SyncOp, SyncPoint};

use super::*;
use crate::disk::displaced::Kept;
use crate::disk::folder::FolderId;

fn pair() -> Pair {
    Pair::new(Repo::new("acme_web").unwrap(), Env::new("dev").unwrap())
}

fn ledger() -> Ledger {
    let hash = ContentHash::of(b"x");
    let file = LedgerFile { size: 1, mtime_ns: -5, ctime_ns: i64::MAX, mode: 0o640, inode: u64::MAX, hash };
    Ledger {
        synced: Some(SyncPoint {
            version: "20260523-114201".parse().unwrap(),
            generation: Some(7),
            push_id: None,
            etag: "abc".into(),
            op: SyncOp::Pull,
            at: Timestamp::UNIX_EPOCH,
        }),
        files: [(RelPath::new("ключ\n.pem").unwrap(), file)].into(),
        empty_dirs: [RelPath::new("empty").unwrap()].into(),
        scanned_ns: 42,
    }
}

fn row() -> Row {
    Row {
        ts: Timestamp::UNIX_EPOCH,
        action: Action::Push,
        version: None,
        hostname: "host".into(),
        local_ip: String::new(),
        os_user: "ada".into(),
        git_email: String::new(),
        vsync_version: "0".into(),
        meta: [("note".to_owned(), "why".into())].into_iter().collect(),
    }
}

#[test]
fn restores_survive_until_they_are_cleared() {
    let temp = tempfile::tempdir().unwrap();
    let state = StateDir::new(temp.path().join("vsync"));
    assert_eq!(state.restores().unwrap(), []);
    let journal = state.restore().unwrap();
    let intent = RestoreIntent {
        into: "/work/restored".into(),
        env: pair().env,
        stamp: "20260523-114201".parse().unwrap(),
        staged_id: Some(FolderId { device: 1, inode: 2 }),
    };
    journal.save(&intent).unwrap();
    let listed = state.restores().unwrap();
    assert_eq!(listed, [journal]);
    assert_eq!(listed[0].load().unwrap(), Loaded::Found(intent));
    listed[0].clear().unwrap();
    assert_eq!(state.restores().unwrap(), []);
}

fn check<T>(file: FolderFile, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let temp = tempfile::tempdir().unwrap();
    let state = StateDir::new(temp.path().join("vsync"));
    let folder = state.folder(&pair().repo, &pair().env, Path::new("/work/web"));
    assert_eq!(folder.load::<T>(file).unwrap(), Loaded::Missing);
    folder.save(file, value).unwrap();
    assert_eq!(&folder.load::<T>(file).unwrap().found().unwrap(), value);

    let path = folder.dir().join(file.name());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(folder.dir()), mode(state.root())), (0o600, 0o700, 0o700));

    // Cut in half, as by a failing disk.
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    match folder.load::<T>(file).unwrap() {
        Loaded::Corrupt { moved_to, why } => {
            assert_eq!(std::fs::read(&moved_to).unwrap(), whole[..whole.len() / 2]);
            assert!(why.contains("line 1"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(folder.load::<T>(file).unwrap(), Loaded::Missing);
    folder.save(file, value).unwrap();
    folder.clear(file).unwrap();
    folder.clear(file).unwrap();
    assert_eq!(folder.load::<T>(file).unwrap(), Loaded::Missing);
}

#[test]
fn ledgers_survive() {
    check(FolderFile::Ledger, &ledger());
}

#[test]
fn publish_intents_survive() {
    let intent = PublishIntent {
        before: None,
        version: "20260523-114201".parse().unwrap(),
        generation: None,
        replaced_etag: Some("e".into()),
        push_id: "0123456789abcdef".into(),
        bundle_etag: None,
        ledger: ledger(),
        row: Some(row()),
    };
    check(FolderFile::Publish, &intent);
    // One that an earlier release left has none.
    let mut old = serde_json::to_value(&intent).unwrap();
    old.as_object_mut().unwrap().retain(|name, _| name != "row");
    let read: PublishIntent = serde_json::from_value(old).unwrap();
    assert_eq!(read, PublishIntent { row: None, ..intent });
}

#[test]
fn swap_intents_survive() {
    let intent = SwapIntent {
        before: None,
        row: Some(row()),
        staged: "/work/web/infra/vault/.vsync-dev.new-20260523-114201".into(),
        staged_id: FolderId { device: 1, inode: 2 },
        replaces: Some(FolderId { device: 1, inode: 3 }),
        replaced: Ledger::default(),
        version: "20260523-114201".parse().unwrap(),
        ledger: ledger(),
    };
    check(FolderFile::Swap, &intent);
}

#[test]
fn kept_folders_survive() {
    let id = FolderId { device: 1, inode: 3 };
    let kept = Kept {
        path: "/x/.vsync-dev.old-1".into(),
        id,
        deadline: Timestamp::MAX,
        expected: ledger(),
        held: false,
    };
    check(FolderFile::Kept, &vec![kept]);
}

#[test]
fn notices_survive() {
    let at = Timestamp::UNIX_EPOCH;
    check(
        FolderFile::Notices,
        &vec![Notice { at, code: "late_writes".into(), text: "…".into(), backup: None }],
    );
}

#[test]
fn checkouts_survive() {
    let temp = tempfile::tempdir().unwrap();
    let state = StateDir::new(temp.path().join("vsync"));
    assert_eq!(state.checkouts().unwrap(), Loaded::Missing);
    let checkout = Checkout {
        origin: None,
        repo: pair().repo,
        env: pair().env,
        root: "/work/web".into(),
        vault_folder: "infra/vault/dev".into(),
        added_at: Timestamp::UNIX_EPOCH,
    };
    state.save_checkouts(std::slice::from_ref(&checkout)).unwrap();
    assert_eq!(state.checkouts().unwrap(), Loaded::Found(vec![checkout]));
    std::fs::write(state.root().join("checkouts.json"), r#"[{"repo": "secret-looking"}]"#).unwrap();
    match state.checkouts().unwrap() {
        Loaded::Corrupt { why, .. } => assert!(!why.contains("secret"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_checkout_has_a_folder_of_its_own() {
    let state = StateDir::new("/state".into());
    let (repo, env) = (pair().repo, pair().env);
    let one = state.folder(&repo, &env, Path::new("/work/a"));
    assert_eq!(one, state.folder(&repo, &env, Path::new("/work/a")));
    assert_ne!(one, state.folder(&repo, &env, Path::new("/work/b")));
    assert_ne!(one, state.folder(&repo, &Env::new("prod").unwrap(), Path::new("/work/a")));
    assert_eq!(state.audit_spool(&pair()), Path::new("/state/pairs/acme_web/dev/audit"));
}

#[test]
fn the_newest_two_bundles_stay() {
    let temp = tempfile::tempdir().unwrap();
    let cache = StateDir::new(temp.path().into()).bundles(&pair());
    let version = |n: u32| format!("20260523-11420{n}").parse().unwrap();
    assert_eq!(cache.versions().unwrap(), []);
    assert_eq!(cache.cached_bundle(version(1), 10).unwrap(), None);
    for n in [1, 3, 2] {
        cache.cache_bundle(version(n), format!("bundle {n}").as_bytes()).unwrap();
    }
    // The one just stored stays, whatever its date, and beside it the newest.
    assert_eq!(cache.versions().unwrap(), [version(3), version(2)]);
    cache.cache_bundle(version(1), b"again").unwrap();
    assert_eq!(cache.versions().unwrap(), [version(3), version(1)]);
    assert_eq!(cache.cached_bundle(version(1), 10).unwrap().unwrap(), b"again");
    assert!(cache.cached_bundle(version(1), 2).is_err());
}
