use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

struct Bench {
    pairs: Pairs,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let top = home.path().as_os_str().to_owned();
        let paths = Paths::from_env(|name| (name == "HOME").then(|| top.clone())).unwrap();
        Self { pairs: Pairs::new(paths), home }
    }

    fn put(&self, name: &str, bytes: &[u8], mode: u32) {
        let path = self.home.path().join(".config/vsync").join(name);
        atomic::create_private_dirs(path.parent().unwrap()).unwrap();
        atomic::write(&path, bytes, 0o600).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn bucket_of(&self, pair: &Pair) -> Option<String> {
        self.pairs.load(pair).unwrap().map(|loaded| loaded.value.s3.bucket)
    }
}

fn pair(repo: &str, env: &str) -> Pair {
    Pair::new(Repo::new(repo).unwrap(), Env::new(env).unwrap())
}

fn config(bucket: &str) -> EnvConfig {
    let s3 = S3 { bucket: bucket.to_owned(), ..folder_store(Path::new("/srv/store")) };
    EnvConfig::new(s3, "salt".to_owned(), "web/dev/".to_owned())
}

#[test]
fn what_is_saved_is_private_and_read_back() {
    let bench = Bench::new();
    let web = pair("acme/web", "Dev");
    assert!(bench.pairs.load(&web).unwrap().is_none());
    bench.pairs.save(&web, &config("one")).unwrap();
    bench.pairs.save(&web, &config("two")).unwrap();
    let loaded = bench.pairs.load(&web).unwrap().unwrap();
    assert_eq!((loaded.value, loaded.warning), (config("two"), None));
    let top = bench.home.path().join(".config/vsync");
    for (name, mode) in
        [("", 0o700), ("config", 0o700), ("config/acme_web", 0o700), ("config/acme_web/env_dev", 0o600)]
    {
        let metadata = fs::metadata(top.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn changes_at_once_are_all_kept() {
    let bench = Bench::new();
    let web = pair("acme/web", "dev");
    assert!(!bench.pairs.edit(&web, |_| true).unwrap(), "there is none");
    bench.pairs.save(&web, &config("one")).unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (pairs, web) = (bench.pairs.clone(), &web);
            let add = move |config: &mut EnvConfig| {
                config.extra.0.insert(format!("field{number}"), number.into());
                true
            };
            scope.spawn(move || assert!(pairs.edit(web, add).unwrap()));
        }
    });
    let config = bench.pairs.load(&web).unwrap().unwrap().value;
    assert!(
        (0..8).all(|number| config.extra.0.contains_key(&format!("field{number}"))),
        "{:?}",
        config.extra
    );
}

#[test]
fn creating_never_replaces() {
    let bench = Bench::new();
    let web = pair("web", "dev");
    bench.pairs.create(&web, &config("one")).unwrap();
    assert!(matches!(bench.pairs.create(&web, &config("two")), Err(PairError::Exists(_))));
    assert_eq!(bench.bucket_of(&web).unwrap(), "one");
    bench.put("api/env_dev", &config("theirs").write(), 0o600);
    assert!(matches!(bench.pairs.create(&pair("api", "dev"), &config("x")), Err(PairError::Exists(_))));
}

#[test]
fn the_older_clients_file_is_read_until_ours_is_written() {
    let bench = Bench::new();
    let web = pair("web", "dev");
    bench.put("web/env_Dev", &config("theirs").write(), 0o600);
    assert_eq!(bench.bucket_of(&web).unwrap(), "theirs");
    bench.put("web/env_dev", &config("exact").write(), 0o600);
    assert_eq!(bench.bucket_of(&web).unwrap(), "exact");
    bench.pairs.save(&web, &config("ours")).unwrap();
    assert_eq!(bench.bucket_of(&web).unwrap(), "ours");
    let theirs = fs::read(bench.home.path().join(".config/vsync/web/env_dev")).unwrap();
    assert_eq!(EnvConfig::read(&theirs).unwrap().s3.bucket, "exact");
}

#[test]
fn all_pairs_of_both_trees_are_listed_once() {
    let bench = Bench::new();
    assert_eq!(bench.pairs.list().unwrap(), []);
    bench.pairs.save(&pair("web", "prod"), &config("b")).unwrap();
    bench.pairs.save(&pair("web", "dev"), &config("b")).unwrap();
    for name in [
        "web/env_Dev",
        "web/env_dev.ledger.json",
        "api/env_prod",
        "api/env_prod.ledger.B.json",
        "api/notes",
        "Api/env_x",
        "profiles/env_a",
        "backups/env_b",
        "env_c",
        "config/web/.env_dev.1-1.tmp",
    ] {
        bench.put(name, b"", 0o600);
    }
    let listed: Vec<_> = bench.pairs.list().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["api/prod", "web/dev", "web/prod"]);
}

#[test]
fn others_may_not_write_it_and_should_not_read_it() {
    let bench = Bench::new();
    let web = pair("web", "dev");
    bench.put("config/web/env_dev", &config("b").write(), 0o620);
    assert!(matches!(bench.pairs.load(&web), Err(PairError::File(Untrusted::Writable { .. }))));
    bench.put("config/web/env_dev", &config("b").write(), 0o640);
    assert!(bench.pairs.load(&web).unwrap().unwrap().warning.is_some());
}

#[test]
fn a_damaged_file_is_named() {
    let bench = Bench::new();
    bench.put("config/web/env_dev", b"hunter2", 0o600);
    let error = bench.pairs.load(&pair("web", "dev")).unwrap_err().to_string();
    assert!(error.contains("config/web/env_dev") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_folder_store_has_no_credentials() {
    let s3 = folder_store(Path::new("/srv/my store"));
    assert_eq!((s3.endpoint.as_str(), s3.bucket.as_str()), ("file:///srv/my store", "local"));
    assert_eq!((s3.access_key_id.as_str(), s3.secret_access_key.expose().as_str()), ("", ""));
    assert_eq!(folder_of(&s3.endpoint), Some(Path::new("/srv/my store")));
    for endpoint in ["https://s3", "file://srv/x", "file://", "/srv"] {
        assert_eq!(folder_of(endpoint), None, "{endpoint}");
    }
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    const EACH: u64 = 20;
    let bench = Bench::new();
    let web = pair("acme/web", "dev");
    assert!(!bench.pairs.edit(&web, |_| true).unwrap(), "one that is not known is not made");
    bench.pairs.save(&web, &config("one")).unwrap();
    let counting = |field: &'static str| {
        let (pairs, web) = (bench.pairs.clone(), web.clone());
        std::thread::spawn(move || {
            for _ in 0..EACH {
                let add = |config: &mut EnvConfig| {
                    let fields = &mut config.extra.0;
                    let count = fields.get(field).and_then(serde_json::Value::as_u64).unwrap_or(0);
                    fields.insert(field.to_owned(), (count + 1).into());
                    true
                };
                assert!(pairs.edit(&web, add).unwrap());
            }
        })
    };
    for thread in ["lastPush of one", "routing of another", "a third"].map(counting) {
        thread.join().unwrap();
    }
    let fields = bench.pairs.load(&web).unwrap().unwrap().value.extra.0;
    assert_eq!(fields.values().map(|count| count.as_u64().unwrap()).collect::<Vec<_>>(), [EACH; 3]);
}

#[test]
fn a_change_that_does_nothing_writes_nothing() {
    let bench = Bench::new();
    let web = pair("acme/web", "dev");
    bench.pairs.save(&web, &config("one")).unwrap();
    let file = bench.home.path().join(".config/vsync/config/acme_web/env_dev");
    let inode = |file: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(file).unwrap());
    let before = inode(&file);
    assert!(bench.pairs.edit(&web, |config| config.prefix.take().is_none()).unwrap());
    assert_eq!((inode(&file), bench.bucket_of(&web).as_deref()), (before, Some("one")));
}
