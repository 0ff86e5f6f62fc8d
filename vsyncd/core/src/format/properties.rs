//! Values of every kind, and that each format gives back what was put in.

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Map, Value};

use super::envconfig::{Audit, Encryption, EnvConfig, Extra, Files, LastPush, Layout, Opaque, S3};
use super::envelope::{Key, KeyId};
use super::pointer::{self, MAX_GENERATION, Pointer, PushId};
use super::share::{self, Share};
use super::token::{self, MAX_ITERATIONS, Token};
use crate::id::{Env, Repo};
use crate::relpath::RelPath;
use crate::secret::Secret;
use crate::vault::snapshot::{Snapshot, SnapshotFile};
use crate::version::Version;

/// 64 cases, or what `PROPTEST_CASES` says.
#[expect(clippy::disallowed_methods, reason = "a test may be asked for more cases")]
pub(crate) fn config() -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config { cases: asked.unwrap_or(64), failure_persistence: None, ..Config::default() }
}

/// Folders whose names are made of such components.
pub(crate) fn snapshot(component: &'static str) -> impl Strategy<Value = Snapshot> {
    let path = prop::collection::vec(component, 1..4).prop_map(|parts| parts.join("/"));
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0..5000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let node = prop::option::weighted(0.8, (content, 0..=0o777_u32, any::<i32>()));
    prop::collection::vec((path, node), 0..12).prop_map(|entries| {
        let mut snapshot = Snapshot::default();
        for (path, node) in entries {
            let Ok(path) = RelPath::new(&path) else { continue };
            let file = node.map(|(content, mode, mtime)| SnapshotFile {
                mode,
                mtime: mtime.into(),
                content: content.into(),
            });
            plant(&mut snapshot, path, file);
        }
        snapshot
    })
}

/// Adds a file or an empty folder where that leaves a folder that can exist.
fn plant(snapshot: &mut Snapshot, path: RelPath, file: Option<SnapshotFile>) {
    let above: Vec<_> = std::iter::successors(path.parent(), RelPath::parent).collect();
    let inside = |other: &RelPath| other.as_str().starts_with(&format!("{path}/"));
    let taken = snapshot.files.contains_key(&path) || snapshot.empty_dirs.contains(&path);
    let mut all = snapshot.files.keys().chain(&snapshot.empty_dirs);
    if taken || all.any(inside) || above.iter().any(|folder| snapshot.files.contains_key(folder)) {
        return;
    }
    for folder in &above {
        snapshot.empty_dirs.remove(folder);
    }
    match file {
        Some(file) => drop(snapshot.files.insert(path, file)),
        None => drop(snapshot.empty_dirs.insert(path)),
    }
}

fn version() -> impl Strategy<Value = Version> {
    (0..=4_000_000_000_i64)
        .prop_map(|second| Version::at(Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)))
}

fn pointers() -> impl Strategy<Value = Pointer> {
    use prop::option::of;
    let instant = (0..=4_000_000_000_000_i64).prop_map(|at| Timestamp::from_millisecond(at).unwrap());
    let history = (of(0..=MAX_GENERATION), of(0..=MAX_GENERATION), of(instant), of(version()));
    let hints = (of(any::<[u8; 8]>()), of("[!-~]{1,40}"), of(any::<[u8; 8]>()));
    (version(), history, hints).prop_map(|(version, history, hints)| Pointer {
        version,
        generation: history.0,
        prev_generation: history.1,
        rotated_at: history.2,
        prev: history.3,
        push_id: hints.0.map(PushId),
        bundle_etag: hints.1,
        key_id: hints.2.map(KeyId),
    })
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(|map| Map::from_iter(map).into()),
        ]
    })
}

/// Unknown fields; their names cannot be those of known ones.
fn extra() -> impl Strategy<Value = Extra> {
    prop::collection::btree_map("x_.{0,6}", json(), 0..3).prop_map(|map| Extra(Map::from_iter(map)))
}

fn secret() -> impl Strategy<Value = Secret<String>> {
    any::<String>().prop_map(Secret::new)
}

fn s3() -> impl Strategy<Value = S3> {
    let texts = any::<[String; 4]>();
    (texts, secret(), any::<Option<bool>>(), extra()).prop_map(|(texts, secret, use_ssl, extra)| {
        let [endpoint, region, bucket, access_key_id] = texts;
        S3 { endpoint, region, bucket, access_key_id, secret_access_key: secret, use_ssl, extra }
    })
}

fn configs() -> impl Strategy<Value = EnvConfig> {
    use prop::option::of;
    let files = (any::<Option<String>>(), extra());
    let files = files.prop_map(|(vault_folder, extra)| Files { vault_folder, extra });
    let audit = (any::<Option<bool>>(), extra()).prop_map(|(enabled, extra)| Audit { enabled, extra });
    let push = (version(), of(0..=MAX_GENERATION), extra());
    let push = push.prop_map(|(ts, generation, extra)| LastPush { ts, generation, extra });
    let sync = json().prop_filter("null is absent", |value| !value.is_null()).prop_map(Opaque);
    let layout = prop_oneof![Just(Layout::Documented), Just(Layout::Classic)];
    let made = (s3(), any::<[String; 2]>(), extra());
    let parts = (of(files), of(sync), of(audit), of(push), of(layout), any::<Option<String>>(), extra());
    (made, parts).prop_map(|((s3, [salt, prefix], inner), parts)| {
        let mut config = EnvConfig::new(s3, String::new(), prefix);
        config.encryption = Encryption { salt, extra: inner };
        (config.files, config.sync, config.audit) = (parts.0, parts.1, parts.2);
        (config.last_push, config.layout, config.init_profile) = (parts.3, parts.4, parts.5);
        config.extra = parts.6;
        config
    })
}

fn env() -> impl Strategy<Value = Env> {
    "[a-z0-9][a-z0-9._-]{0,63}".prop_map(|name| Env::new(&name).unwrap())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pointer_reads_back(pointer in pointers()) {
        prop_assert_eq!(pointer::read(&pointer.body(), &pointer.metadata()), Ok(pointer));
    }

    #[test]
    fn pointer_metadata_is_never_an_error(values: [String; 7], version in version()) {
        let names = ["gen", "prev-gen", "rotated-at", "key-id", "prev", "push-id", "bundle-etag"];
        let metadata = names.map(str::to_owned).into_iter().zip(values).collect();
        prop_assert_eq!(pointer::read(version.to_string().as_bytes(), &metadata).unwrap().version, version);
    }

    #[test]
    fn a_configuration_reads_back(config in configs()) {
        prop_assert_eq!(EnvConfig::read(&config.write()), Ok(config));
    }

    #[test]
    fn a_share_reads_back(
        config in configs(),
        env in env(),
        key in ".{1,60}",
        salt in "[ -~]{1,255}",
    ) {
        let share = Share { repo: Repo::new("acme/web").unwrap(), env, config, key: Secret::new(key) };
        let key = Key::derive("p", &salt, 1);
        let file = share::write_with(&share, &key, &salt, [7; 12]).unwrap();
        prop_assert_eq!(share::salt_of(&file), Ok(salt.as_str()));
        prop_assert_eq!(share::read_with(&file, &key), Ok(share));
    }

    #[test]
    fn a_token_reads_back(
        texts: [String; 6],
        secret in secret(),
        env in env(),
        iterations in 1..=MAX_ITERATIONS,
    ) {
        let [endpoint, region, bucket, access_key_id, prefix, salt] = texts;
        let token = Token {
            endpoint,
            region,
            bucket,
            access_key_id,
            secret_access_key: secret,
            prefix: prefix + "/",
            env,
            salt,
            iterations,
        };
        prop_assert_eq!(token::read(token::write(&token).expose().as_bytes()), Ok(token));
    }
}
