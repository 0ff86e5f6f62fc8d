//! Many writers publish at once, each like a machine of its own, without the rest of a daemon.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use vsync_core::format::bundle::Limits;
use vsync_core::format::envconfig::{EnvConfig, S3};
use vsync_core::format::pointer::next_generation;
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::relpath::RelPath;
use vsync_core::secret::Secret;
use vsync_core::sync::{Problem, PublishPlan};
use vsync_core::vault::ledger::{SyncOp, SyncPoint};
use vsync_core::vault::snapshot::{Snapshot, SnapshotFile};
use vsync_core::version::Version;
use vsync_tests::s3::{Fault, Matcher, S3Server};
use vsync_tests::soak;

use super::keys::Keys;
use super::remote::Remote;
use super::unguarded::There;
use crate::clock;
use crate::config::pairs::Pairs;
use crate::config::paths::Paths;
use crate::config::settings::KeyStoreKind;
use crate::disk::state::StateDir;
use crate::keychain::{FileKeys, KeyStore as _, new_key};
use crate::store::s3::{S3Pool, S3Settings, Timeouts, external_s3};

/// Writers and rounds in CI; the long form, and the one against a server outside, have 16 and 20.
const SLICE: (u64, u64) = (8, 4);
const LONG: (u64, u64) = (16, 20);

/// Machines that share a vault.
struct Team {
    writers: Vec<Arc<Remote>>,
    _homes: tempfile::TempDir,
}

/// What a push came to.
#[derive(Debug)]
struct Pushed {
    /// What the machine agrees with, if it counts as published.
    synced: SyncPoint,
    content: String,
    result: Result<(), Problem>,
}

impl Team {
    fn new(number: u64, store: &S3Settings, prefix: &str) -> Self {
        let homes = tempfile::tempdir().unwrap();
        let pair = Pair::new(Repo::new("acme_web").unwrap(), Env::new("dev").unwrap());
        let files = FileKeys::new(homes.path().join("keys"));
        files.set(&pair, &new_key().unwrap()).unwrap();
        let keys = Arc::new(Keys::new(Arc::new(files)));
        let s3 = S3 {
            endpoint: store.endpoint.clone(),
            region: store.region.clone(),
            bucket: store.bucket.clone(),
            access_key_id: store.access_key_id.clone(),
            secret_access_key: store.secret_access_key.clone(),
            use_ssl: None,
            extra: Default::default(),
        };
        let config = EnvConfig::new(s3, "salt".to_owned(), prefix.to_owned());
        let writer = |number| {
            let home = homes.path().join(format!("m{number}")).into_os_string();
            let paths = Paths::from_env(|name| (name == "HOME").then(|| home.clone())).unwrap();
            let state = StateDir::new(paths.state.clone());
            let pool = S3Pool::new(state.stores(), None);
            let limits = Limits { bundle: 1 << 20, uncompressed: 1 << 20, entries: 100 };
            let keys = (KeyStoreKind::File, Arc::clone(&keys));
            let remote = Remote::new(pair.clone(), &config, keys, Pairs::new(paths), (&state, &pool), limits);
            Arc::new(remote.unwrap())
        };
        Self { writers: (0..number).map(writer).collect(), _homes: homes }
    }

    /// All publish over the same pointer at the same moment.
    async fn push_at_once(&self, round: u64) -> Vec<Pushed> {
        let there = self.writers[0].pointer(false).await.unwrap();
        let prev = there.as_ref().map(|there| there.pointer.version);
        let plan = PublishPlan {
            prev,
            version: Version::next(clock::now(), prev),
            generation: next_generation(there.as_ref().and_then(|there| there.pointer.generation)),
            replaces: there.map(|there| there.remote.mark),
        };
        let start = Arc::new(Barrier::new(self.writers.len()));
        let mut pushes = JoinSet::new();
        for (number, writer) in self.writers.iter().cloned().enumerate() {
            let (plan, start) = (plan.clone(), Arc::clone(&start));
            pushes.spawn(async move {
                writer.key().await.unwrap();
                start.wait().await;
                push(&writer, &plan, format!("{number} in round {round}")).await
            });
        }
        pushes.join_all().await
    }

    /// What the pointer names now, and whose push it is.
    async fn winner<'a>(&self, pushed: &'a [Pushed]) -> &'a Pushed {
        let there = self.writers[0].pointer(false).await.unwrap().unwrap();
        let id = there.remote.mark.push_id.clone();
        let winner = pushed.iter().find(|pushed| pushed.synced.push_id == id).expect("one of these pushes");
        assert_eq!(there.pointer.version, winner.synced.version);
        let opened = self.writers[0].open(&there, true).await.unwrap();
        let content = &opened.snapshot.files.values().next().unwrap().content[..];
        assert_eq!(content, winner.content.as_bytes(), "the winner's pointer names the winner's bundle");
        winner
    }
}

async fn push(writer: &Remote, plan: &PublishPlan, content: String) -> Pushed {
    let file = SnapshotFile { mode: 0o600, mtime: 0, content: content.clone().into_bytes().into() };
    let mut snapshot = Snapshot::default();
    snapshot.files.insert(RelPath::new("who").unwrap(), file);
    let mut synced = SyncPoint {
        version: plan.version,
        generation: Some(plan.generation),
        etag: String::new(),
        push_id: None,
        op: SyncOp::Push,
        at: clock::now(),
    };
    let result = async {
        let uploaded = writer.upload(snapshot, plan).await?;
        synced.version = uploaded.version;
        let next = writer.next_pointer(plan, &uploaded).await?;
        synced.push_id = Some(next.push_id.clone());
        writer.point(&next).await.map(|_| ())
    };
    let result = result.await;
    Pushed { synced, content, result }
}

async fn one_wins(store: &S3Settings, prefix: &str, (writers, rounds): (u64, u64)) {
    let team = Team::new(writers, store, prefix);
    for round in 1..=rounds {
        let pushed = team.push_at_once(round).await;
        let winner = team.winner(&pushed).await;
        assert_eq!(winner.synced.generation, Some(round), "one generation a round");
        for push in &pushed {
            match &push.result {
                Ok(()) => assert_eq!(push.content, winner.content, "two believe that they won"),
                Err(Problem::LostRace { winner: named, .. }) => assert_eq!(*named, winner.synced.version),
                Err(other) => panic!("round {round}: {other}"),
            }
        }
        assert!(winner.result.is_ok(), "round {round}: {:?}", winner.result);
    }
}

/// Where conditions are ignored: whoever was told that it won and did not sees so at its next
/// look at the pointer.
async fn losers_learn_within_one_look(store: &S3Settings, prefix: &str, (writers, rounds): (u64, u64)) {
    let team = Team::new(writers, store, prefix);
    for round in 1..=rounds {
        let pushed = team.push_at_once(round).await;
        let winner = team.winner(&pushed).await;
        assert!(winner.result.is_ok(), "round {round}: {:?}", winner.result);
        let there = team.writers[0].pointer(false).await.unwrap().unwrap().remote;
        for push in pushed.iter().filter(|push| push.content != winner.content) {
            match &push.result {
                Ok(()) => assert!(push.synced.is_skipped_by(&there), "round {round}: {push:?} is not told"),
                Err(Problem::LostRace { .. }) => {}
                Err(other) => panic!("round {round}: {other}"),
            }
        }
    }
}

fn in_process(server: &S3Server) -> S3Settings {
    let keys = server.credentials();
    S3Settings {
        endpoint: server.endpoint(),
        region: server.region().to_owned(),
        bucket: server.bucket().to_owned(),
        access_key_id: keys.access_key_id,
        secret_access_key: Secret::new(keys.secret_access_key),
        timeouts: Timeouts::default(),
    }
}

fn size() -> (u64, u64) {
    (soak::rounds(SLICE.0, LONG.0), soak::rounds(SLICE.1, LONG.1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_wins() {
    let server = S3Server::start();
    one_wins(&in_process(&server), "acme_web/dev/", size()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losers_learn_where_conditions_are_ignored() {
    let server = S3Server::start();
    server.ignore_conditions(true);
    let team = Team::new(1, &in_process(&server), "acme_web/prod/");
    assert!(team.push_at_once(1).await[0].result.is_ok());
    assert_eq!(team.writers[0].place.store.conditional(), Some(false));
    losers_learn_within_one_look(&in_process(&server), "acme_web/dev/", size()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losers_learn_where_conditions_are_refused() {
    let server = S3Server::start();
    server.refuse_conditions(true);
    losers_learn_within_one_look(&in_process(&server), "acme_web/dev/", (4, 2)).await;
}

/// Where names are written over, a look and the download that follows it may see two bundles.
#[tokio::test]
async fn a_bundle_that_grows_between_two_looks_is_another() {
    let server = S3Server::start();
    let team = Team::new(1, &in_process(&server), "acme_web/dev/");
    server.put_raw("name", "four", &[]);
    // The answer to HEAD has no body, so this announces three bytes.
    server.fail_next(1, Matcher::method("HEAD"), Fault::LongerLength(3));
    let there = team.writers[0].look_at("name", &Bytes::from_static(b"abc")).await;
    assert!(matches!(there, Ok(There::Other)), "{:?}", there.err());
    assert_eq!(server.requests("GET", "name"), 1);
}

/// Two pushes of the same second, and a third over the one that won: its pointer names the version
/// of both.
#[tokio::test]
async fn a_pointer_that_follows_a_shared_name_follows_the_bundle_under_it() {
    for ours_stands in [true, false] {
        let server = S3Server::start();
        server.ignore_conditions(true);
        let prefix = "acme_web/dev/";
        let team = Team::new(1, &in_process(&server), prefix);
        let writer = &team.writers[0];
        let version = Version::next(clock::now(), None);
        let plan = PublishPlan { prev: None, version, generation: 1, replaces: None };
        let uploaded = writer.upload(Snapshot::default(), &plan).await.unwrap();
        let next = writer.next_pointer(&plan, &uploaded).await.unwrap();
        if !ours_stands {
            server.put_raw(&format!("{prefix}v={version}"), "theirs", &[]);
        }
        let (third, prev) = (version.successor(), version.to_string());
        let metadata = [("gen", "2"), ("prev", prev.as_str()), ("push-id", "00000000000000ff")];
        server.put_raw(&format!("{prefix}manifest"), third.to_string(), &metadata);
        match writer.point(&next).await {
            Ok(mark) => assert!(ours_stands && mark.push_id == Some(next.push_id), "{mark:?}"),
            Err(Problem::LostRace { winner, .. }) => assert!(!ours_stands && winner == third),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the server that VSYNC_TEST_S3_ENDPOINT names"]
async fn external_race() {
    let (store, prefix) = (external_s3::settings(), external_s3::fresh_prefix());
    // Some servers check a condition and write in two steps, so that now and then two win.
    if std::env::var_os("VSYNC_TEST_S3_RACY").is_some() {
        losers_learn_within_one_look(&store, &prefix, LONG).await;
    } else {
        one_wins(&store, &prefix, LONG).await;
    }
}
