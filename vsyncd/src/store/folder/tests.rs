use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::store::conformance::{Bench, conformance_tests};

const KEY: &str = "acme/prod/manifest";
const LIMIT: u64 = 1024 * 1024;
/// Longer than a draft is kept.
const ABANDONED_AND_MORE: Duration = Duration::from_secs(25 * 60 * 60);
/// Tells a test process that it is the other process, and where the store is.
const STORE: &str = "VSYNC_TEST_FOLDER_STORE";

conformance_tests!({
    let dir = TempDir::new().unwrap();
    Bench::new(FolderStore::create(dir.path()).unwrap(), dir)
});

fn fresh() -> (TempDir, FolderStore) {
    let dir = TempDir::new().unwrap();
    let store = FolderStore::create(&dir.path().join("store")).unwrap();
    (dir, store)
}

async fn put(store: &FolderStore, key: &str, body: &str, condition: Condition) -> Result<String, StoreError> {
    store.put(key, Bytes::from(body.to_owned()), &Metadata::new(), condition).await
}

fn object_file(store: &FolderStore) -> PathBuf {
    store.path.join("acme/prod/manifest.obj")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Puts text at a path that the store did not write.
fn plant(path: &Path, text: &[u8]) {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path).unwrap();
    file.write_all(text).unwrap();
}

#[tokio::test]
async fn the_file_is_laid_out_as_documented() {
    let (_dir, store) = fresh();
    let metadata = Metadata::from([("gen".to_owned(), "7".to_owned())]);
    store.put(KEY, Bytes::from_static(b"20261121-181410"), &metadata, Condition::Absent).await.unwrap();
    assert_eq!(
        fs::read_to_string(object_file(&store)).unwrap(),
        "{\"vsync_object\":1,\"etag\":\"76e0021eb37692914a6b755fcc7c900b\",\"size\":15,\"metadata\":{\"gen\":\"7\"}}\n\
         20261121-181410"
    );
    assert_eq!(fs::read_to_string(store.path.join(".vsync-store")).unwrap(), "{\"version\":1}\n");
}

#[tokio::test]
async fn everything_is_private() {
    let (_dir, store) = fresh();
    put(&store, KEY, "x", Condition::Absent).await.unwrap();
    for (path, wanted) in [("", 0o700), (".vsync-store", 0o600), (".vsync-tmp", 0o700), ("acme/prod", 0o700)]
    {
        assert_eq!(mode(&store.path.join(path)), wanted, "{path}");
    }
    assert_eq!(mode(&object_file(&store)), 0o600);
}

#[tokio::test]
async fn a_group_that_may_write_the_folder_may_write_the_store() {
    for (folder, inner, file) in [(0o770, 0o770, 0o660), (0o775, 0o770, 0o660), (0o755, 0o700, 0o600)] {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(folder)).unwrap();
        let store = FolderStore::create(dir.path()).unwrap();
        put(&store, KEY, "x", Condition::Absent).await.unwrap();
        assert_eq!(mode(dir.path()), folder);
        assert_eq!(mode(&dir.path().join("acme/prod")), inner);
        assert_eq!(mode(&dir.path().join(".vsync-store")), file);
        assert_eq!(mode(&object_file(&store)), file);
    }
}

#[tokio::test]
async fn a_missing_folder_or_marker_is_no_empty_bucket() {
    let (dir, store) = fresh();
    put(&store, KEY, "x", Condition::Absent).await.unwrap();
    let away = dir.path().join("away");
    fs::rename(&store.path, &away).unwrap();
    for mounted in [false, true] {
        if mounted {
            fs::create_dir(&store.path).unwrap();
        }
        let gone = |error: &StoreError| matches!(error, StoreError::NoBucket(_));
        assert!(FolderStore::open(&store.path).is_err_and(|error| gone(&error)));
        assert!(store.head(KEY).await.is_err_and(|error| gone(&error)));
        assert!(store.get(KEY, LIMIT).await.is_err_and(|error| gone(&error)));
        assert!(store.list("").await.is_err_and(|error| gone(&error)));
        assert!(put(&store, KEY, "y", Condition::Absent).await.is_err_and(|error| gone(&error)));
        assert_eq!(store.path.exists(), mounted, "nothing is made anew");
    }
    assert_eq!(fs::read_dir(&store.path).unwrap().count(), 0);
    fs::remove_dir(&store.path).unwrap();
    fs::rename(&away, &store.path).unwrap();
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body, "x");
}

#[tokio::test]
async fn create_keeps_a_store_and_refuses_what_is_none() {
    let (dir, store) = fresh();
    put(&store, KEY, "x", Condition::Absent).await.unwrap();
    let again = FolderStore::create(&store.path).unwrap();
    assert_eq!(again.get(KEY, LIMIT).await.unwrap().unwrap().body, "x");

    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    plant(&foreign.join("letter.txt"), b"dear");
    let refused = FolderStore::create(&foreign).unwrap_err().to_string();
    assert!(refused.contains("letter.txt"), "{refused}");
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
    assert!(matches!(FolderStore::create(Path::new("relative")), Err(StoreError::Failed(_))));
}

#[test]
fn a_marker_must_be_whole_and_known() {
    let (_dir, store) = fresh();
    let marker = store.path.join(".vsync-store");
    for text in ["", "{", "{\"version\":2}\n", "[]"] {
        plant(&marker, text.as_bytes());
        assert!(matches!(FolderStore::open(&store.path), Err(StoreError::Failed(_))), "{text:?}");
    }
    plant(&marker, b"");
    FolderStore::create(&store.path).expect("an unfinished marker is finished");
    FolderStore::open(&store.path).unwrap();
}

#[tokio::test]
async fn a_damaged_object_is_an_error_that_names_its_file() {
    let (_dir, store) = fresh();
    let etag = put(&store, KEY, "a body of some length", Condition::Absent).await.unwrap();
    let whole = fs::read(object_file(&store)).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let longer = [whole.as_slice(), b"x"].concat();
    let mut damaged: Vec<&[u8]> = (0..whole.len()).map(|end| &whole[..end]).collect();
    damaged.extend([flipped.as_slice(), &longer, b"{}\n", b"\xff\n", b"{\"vsync_object\":2}\nx"]);
    for bytes in damaged {
        plant(&object_file(&store), bytes);
        let error = store.get(KEY, LIMIT).await.unwrap_err();
        assert!(matches!(&error, StoreError::Failed(text) if text.contains("manifest.obj")), "{error:?}");
        let blind = put(&store, KEY, "new", Condition::Absent).await;
        assert!(blind.is_err(), "what is damaged is not silently replaced");
    }
    plant(&object_file(&store), &whole[..40]);
    assert_eq!(store.list("").await.unwrap(), [(KEY.to_owned(), 40)], "a damaged object is still listed");
    plant(&object_file(&store), &whole);
    assert_eq!(store.head(KEY).await.unwrap().unwrap().etag, etag);
}

#[tokio::test]
async fn keys_never_lead_out_of_the_store() {
    let (dir, store) = fresh();
    for key in ["../outside", "acme/../../outside", "/etc/passwd", "", "acme//x", ".vsync-store", "acme/.x"] {
        assert!(
            matches!(put(&store, key, "x", Condition::Absent).await, Err(StoreError::Failed(_))),
            "{key}"
        );
        assert!(matches!(store.get(key, LIMIT).await, Err(StoreError::Failed(_))), "{key}");
        assert!(matches!(store.head(key).await, Err(StoreError::Failed(_))), "{key}");
    }
    assert!(store.list("../").await.is_err());

    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    plant(&outside.join("secret.obj"), b"x");
    symlink(&outside, store.path.join("acme")).unwrap();
    fs::create_dir(store.path.join("other")).unwrap();
    symlink(outside.join("secret.obj"), store.path.join("other/link.obj")).unwrap();
    assert!(put(&store, "acme/x", "x", Condition::Absent).await.is_err());
    for key in ["acme/secret", "other/link"] {
        assert!(matches!(store.get(key, LIMIT).await, Err(StoreError::Failed(_))), "{key}");
    }
    assert_eq!(store.list("").await, Ok(vec![]));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn what_dead_writers_left_is_ignored_and_removed_after_a_day() {
    let (_dir, store) = fresh();
    put(&store, KEY, "x", Condition::Absent).await.unwrap();
    let drafts = store.path.join(".vsync-tmp");
    assert_eq!(fs::read_dir(&drafts).unwrap().count(), 0, "a finished write leaves nothing");
    let plant_draft = |name: &str, old: bool| {
        let path = drafts.join(name);
        plant(&path, b"{\"vsync_obj");
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let age = if old { ABANDONED_AND_MORE } else { Duration::ZERO };
        file.set_modified(fs::metadata(&path).unwrap().modified().unwrap() - age).unwrap();
        file
    };
    plant_draft("00000000000000aa", true);
    plant_draft("00000000000000bb", false);
    let held = plant_draft("00000000000000cc", true);
    held.lock().unwrap();
    assert_eq!(store.list("").await.unwrap(), [(KEY.to_owned(), 1)]);
    FolderStore::open(&store.path).unwrap();
    let mut left: Vec<OsString> =
        fs::read_dir(&drafts).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["00000000000000bb", "00000000000000cc"], "the young and the held stay");
}

#[tokio::test]
async fn a_lost_race_leaves_no_file() {
    let (_dir, store) = fresh();
    put(&store, KEY, "x", Condition::Absent).await.unwrap();
    for _ in 0..3 {
        assert_eq!(put(&store, KEY, "y", Condition::Absent).await, Err(StoreError::Conflict));
    }
    assert_eq!(fs::read_dir(store.path.join(".vsync-tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_held_lock_stops_writers_for_a_bounded_time_and_readers_not_at_all() {
    let (_dir, mut store) = fresh();
    let etag = put(&store, KEY, "x", Condition::Absent).await.unwrap();
    store.patience = Duration::from_millis(100);
    let marker = OpenOptions::new().read(true).write(true).open(store.path.join(".vsync-store")).unwrap();
    marker.lock().unwrap();
    let late = put(&store, KEY, "y", Condition::Matches(etag.clone())).await;
    assert!(matches!(late, Err(StoreError::Unreachable(_))), "{late:?}");
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body, "x");
    assert_eq!(store.list("").await.unwrap().len(), 1);
    FolderStore::open(&store.path).expect("a held lock proves that locks work");
    drop(marker);
    put(&store, KEY, "y", Condition::Matches(etag)).await.unwrap();
}

#[tokio::test]
async fn the_lock_of_a_replaced_marker_is_no_lock() {
    let (_dir, mut store) = fresh();
    store.patience = Duration::from_millis(100);
    let marker = store.path.join(".vsync-store");
    let root = Root::open(&store.path).unwrap();
    let first = StoreLock::take(&root, store.patience).unwrap();
    fs::remove_file(&marker).unwrap();
    plant(&marker, b"{\"version\":1}\n");
    let second = StoreLock::take(&root, store.patience).unwrap();
    drop(first);
    assert!(StoreLock::take(&root, store.patience).is_err(), "the present marker is locked");
    drop(second);
}

/// Adds one to the number in the object, as often as it takes.
async fn increment(store: &FolderStore) -> u64 {
    loop {
        let object = store.get(KEY, LIMIT).await.unwrap().unwrap();
        let next = std::str::from_utf8(&object.body).unwrap().parse::<u64>().unwrap() + 1;
        match put(store, KEY, &next.to_string(), Condition::Matches(object.head.etag)).await {
            Ok(_) => return next,
            Err(StoreError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

async fn number(store: &FolderStore) -> u64 {
    let object = store.get(KEY, LIMIT).await.unwrap().unwrap();
    std::str::from_utf8(&object.body).unwrap().parse().unwrap()
}

/// The other process of the tests below: increments as often as asked, or until it is killed.
#[tokio::test]
#[ignore = "only as a child of the tests below"]
async fn another_process() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let times = std::env::var("VSYNC_TEST_TIMES").ok().and_then(|n| n.parse().ok()).unwrap_or(u64::MAX);
    let store = FolderStore::open(Path::new(&path)).unwrap();
    for _ in 0..times {
        increment(&store).await;
    }
}

fn spawn_process(store: &FolderStore, times: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::folder::tests::another_process", "--ignored", "--test-threads=1"])
        .env(STORE, &store.path)
        .env("VSYNC_TEST_TIMES", times.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Stores that were opened one by one share only the file lock, as processes do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_opened_apart_lose_no_increment() {
    let (_dir, store) = fresh();
    put(&store, KEY, "0", Condition::Absent).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let apart = FolderStore::open(&store.path).unwrap();
        writers.spawn(async move {
            for _ in 0..25 {
                increment(&apart).await;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(number(&store).await, 200);
}

#[tokio::test]
async fn two_processes_lose_no_increment() {
    let (_dir, store) = fresh();
    put(&store, KEY, "0", Condition::Absent).await.unwrap();
    let children = [spawn_process(&store, 200), spawn_process(&store, 200)];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(number(&store).await, 400);
}

#[tokio::test]
async fn a_killed_writer_leaves_the_object_whole_and_the_lock_free() {
    let (_dir, store) = fresh();
    put(&store, KEY, "0", Condition::Absent).await.unwrap();
    for kill in 0..12 {
        let before = number(&store).await;
        let mut child = spawn_process(&store, u64::MAX);
        let deadline = Instant::now() + Duration::from_secs(60);
        while number(&store).await <= before + kill {
            assert!(Instant::now() < deadline, "the other process does not write");
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let at = number(&store).await;
        assert_eq!(increment(&store).await, at + 1);
    }
}

#[tokio::test]
async fn names_its_place() {
    let (_dir, store) = fresh();
    assert_eq!(store.describe(), format!("file://{}", store.path.display()));
}
