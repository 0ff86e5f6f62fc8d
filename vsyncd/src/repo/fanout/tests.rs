//! Runs against a target in memory: what is sent, what is remembered, what goes wrong.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use vsync_core::dotenv::{Assignment, Policy};
use vsync_core::fanout::plan::{Action, Options};
use vsync_core::fanout::target::Target as Kind;
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::secret::Secret;

use super::*;
use crate::disk::state::StateDir;
use crate::targets::memory::MemoryTarget;
use crate::targets::{Target as _, TargetError};

/// A machine that sends to a target.
struct Bench {
    target: MemoryTarget,
    home: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { target: MemoryTarget::default(), home: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> StateDir {
        StateDir::new(self.home.path().join("state"))
    }

    fn pair() -> Pair {
        Pair::new(Repo::new("acme_web").unwrap(), Env::new("dev").unwrap())
    }

    async fn look(&self, wanted: &[(&str, &str)], options: Options) -> Result<Run, FanoutError> {
        let wanted = wanted.iter().enumerate().map(|(at, (name, value))| Assignment {
            name: (*name).to_owned(),
            line: at + 1,
            value: Secret::new(value.as_bytes().to_vec()),
        });
        let memory = Memory::open(&self.state(), &Self::pair(), &self.target.describe()).unwrap();
        Run::look(Arc::new(self.target.clone()), memory, wanted.collect(), options).await
    }

    async fn send(&self, wanted: &[(&str, &str)]) -> Summary {
        self.send_so(wanted, Options::default()).await
    }

    async fn send_so(&self, wanted: &[(&str, &str)], options: Options) -> Summary {
        self.look(wanted, options).await.unwrap().apply(|_, _| {}).await.unwrap()
    }

    /// The writes tried since the last question.
    fn tried(&self) -> Vec<String> {
        std::mem::take(&mut self.target.inner().tried)
    }

    async fn actions(&self, wanted: &[(&str, &str)]) -> Vec<(String, Action, bool)> {
        let run = self.look(wanted, Options::default()).await.unwrap();
        run.steps().iter().map(|step| (step.name.clone(), step.action, step.foreign)).collect()
    }
}

fn failure(summary: &Summary) -> &str {
    &summary.failures[0].1
}

#[tokio::test]
async fn the_second_run_sends_nothing_and_one_change_sends_one() {
    let bench = Bench::new();
    let first = bench.send(&[("B", "1"), ("A", "2")]).await;
    assert_eq!(first.counts, Counts { created: 2, ..Counts::default() });
    assert_eq!(bench.tried().len(), 2);
    let second = bench.send(&[("B", "1"), ("A", "2")]).await;
    assert_eq!(second.counts, Counts { unchanged: 2, ..Counts::default() });
    assert!(bench.tried().is_empty() && bench.target.inner().asked.is_empty());
    let third = bench.send(&[("B", "1"), ("A", "3")]).await;
    assert_eq!(third.counts, Counts { updated: 1, unchanged: 1, ..Counts::default() });
    assert_eq!(bench.tried(), ["A"]);
    let all = bench.send_so(&[("B", "1"), ("A", "3")], Options { all: true, prune: false }).await;
    assert_eq!(all.counts.updated, 2);
}

#[tokio::test]
async fn what_others_changed_is_found_by_its_mark() {
    let bench = Bench::new();
    bench.send(&[("A", "1"), ("B", "1")]).await;
    bench.target.put("A", b"theirs");
    let found = bench.actions(&[("A", "1"), ("B", "1")]).await;
    assert_eq!(found[0], ("A".into(), Action::Update, true));
    assert_eq!(found[1], ("B".into(), Action::Unchanged, false));
    bench.send(&[("A", "1"), ("B", "1")]).await;
    assert_eq!(bench.target.texts()["A"], "1");
}

#[tokio::test]
async fn what_others_changed_is_found_by_its_value_where_values_are_read() {
    let bench = Bench::new();
    (bench.target.inner().reads, bench.target.inner().markless) = (true, true);
    bench.send(&[("A", "1"), ("B", "1")]).await;
    bench.target.put("A", b"theirs");
    bench.target.put("B", b"2");
    let found = bench.actions(&[("A", "1"), ("B", "2")]).await;
    assert_eq!(found, [("A".into(), Action::Update, true), ("B".into(), Action::Unchanged, false)]);
}

#[tokio::test]
async fn without_memory_the_target_is_asked_where_it_tells() {
    let bench = Bench::new();
    bench.target.put("A", b"1");
    bench.target.put("B", b"other");
    bench.target.inner().tells = true;
    let summary = bench.send(&[("A", "1"), ("B", "2")]).await;
    assert_eq!(summary.counts, Counts { unchanged: 1, updated: 1, ..Counts::default() });
    assert_eq!(bench.tried(), ["B"]);
    bench.target.inner().asked.clear();
    bench.send(&[("A", "1"), ("B", "2")]).await;
    assert!(bench.tried().is_empty() && bench.target.inner().asked.is_empty(), "it is remembered now");
    // One that does not tell gets it again.
    let silent = Bench::new();
    silent.target.put("A", b"1");
    assert_eq!(silent.send(&[("A", "1")]).await.counts.updated, 1);
}

#[tokio::test]
async fn a_failure_stops_no_other_and_the_next_run_completes() {
    let bench = Bench::new();
    bench.target.inner().refuses.insert("C".into());
    let wanted: Vec<(String, String)> = (b'A'..b'A' + 20).map(|c| ((c as char).into(), "1".into())).collect();
    let wanted: Vec<(&str, &str)> = wanted.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let summary = bench.send(&wanted).await;
    assert_eq!((summary.counts.created, summary.counts.failed), (19, 1));
    assert_eq!(summary.failures[0].0, "C");
    bench.tried();
    bench.target.inner().refuses.clear();
    let again = bench.send(&wanted).await;
    assert_eq!(again.counts, Counts { created: 1, unchanged: 19, ..Counts::default() });
    assert_eq!(bench.tried(), ["C"]);
}

#[tokio::test]
async fn a_lost_answer_is_never_taken_for_the_old_value() {
    let bench = Bench::new();
    (bench.target.inner().markless, bench.target.inner().tells) = (true, true);
    bench.send(&[("A", "old")]).await;
    bench.target.inner().loses.insert("A".into());
    assert_eq!(bench.send(&[("A", "new")]).await.counts.failed, 1);
    bench.target.inner().loses.clear();
    bench.tried();
    // Back to the old value: what was begun may have arrived, and it has.
    assert_eq!(bench.send(&[("A", "old")]).await.counts.updated, 1);
    assert_eq!(bench.target.texts()["A"], "old");
    // And a lost write that did arrive is not repeated.
    bench.target.inner().loses.insert("A".into());
    bench.send(&[("A", "newer")]).await;
    bench.target.inner().loses.clear();
    bench.tried();
    assert_eq!(bench.send(&[("A", "newer")]).await.counts.unchanged, 1);
    assert!(bench.tried().is_empty());
}

#[tokio::test]
async fn a_run_that_dies_half_way_is_taken_up_where_it_was() {
    let bench = Bench::new();
    bench.target.inner().tells = true;
    let wanted = [("A", "1"), ("B", "1"), ("C", "1"), ("D", "1")];
    bench.send(&wanted).await;
    bench.tried();
    let gate = Arc::new(Semaphore::new(2));
    bench.target.inner().gate = Some(Arc::clone(&gate));
    let changed = wanted.map(|(name, _)| (name, "2"));
    let run = bench.look(&changed, Options::default()).await.unwrap();
    {
        let mut half = std::pin::pin!(run.apply(|_, _| {}));
        let settled = async {
            while bench.target.inner().tried.len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut half => panic!("two writes wait at the gate"),
            () = settled => {}
        }
    }
    bench.target.inner().gate = None;
    assert_eq!(bench.tried().len(), 2);
    let rest = bench.send(&changed).await;
    assert_eq!((rest.counts.updated, rest.counts.unchanged), (2, 2));
    assert_eq!(bench.tried().len(), 2, "what had arrived is not sent again");
    assert!(bench.target.texts().values().all(|value| value == "2"));
}

#[tokio::test]
async fn only_what_was_ours_is_removed_and_only_when_asked() {
    let bench = Bench::new();
    bench.target.put("THEIRS", b"x");
    bench.send(&[("A", "1"), ("B", "1")]).await;
    let left = bench.send(&[("A", "1")]).await;
    assert_eq!(left.counts, Counts { unchanged: 1, stale: 1, ..Counts::default() });
    let pruned = bench.send_so(&[("A", "1")], Options { prune: true, all: false }).await;
    assert_eq!(pruned.counts, Counts { unchanged: 1, removed: 1, ..Counts::default() });
    assert_eq!(bench.target.texts().into_keys().collect::<Vec<_>>(), ["A", "THEIRS"]);
    let again = bench.send_so(&[("A", "1")], Options { prune: true, all: false }).await;
    assert_eq!(again.counts, Counts { unchanged: 1, ..Counts::default() });
}

#[tokio::test]
async fn a_look_writes_nothing_anywhere() {
    let bench = Bench::new();
    bench.target.put("A", b"1");
    bench.target.inner().tells = true;
    let run = bench.look(&[("A", "1"), ("B", "1")], Options::default()).await.unwrap();
    assert_eq!(run.counts(), Counts { created: 1, unchanged: 1, ..Counts::default() });
    drop(run);
    assert!(bench.tried().is_empty());
    assert!(!bench.state().target(&Bench::pair(), &bench.target.describe()).path().exists());
}

#[tokio::test]
async fn a_target_that_refuses_is_asked_once_and_nothing_is_tried() {
    let bench = Bench::new();
    let denied = TargetError::Denied { target: "memory".into(), what: "HTTP 401".into(), hint: None };
    bench.target.inner().denied = Some(denied.clone());
    let error = bench.look(&[("A", "1")], Options::default()).await.unwrap_err();
    assert_eq!(error, FanoutError::Target(denied));
    assert_eq!((bench.target.inner().looks, bench.tried().len()), (1, 0));
}

#[tokio::test]
async fn no_value_reaches_errors_or_the_state_folder() {
    let bench = Bench::new();
    bench.target.inner().babbles = true;
    bench.target.inner().loses.insert("A".into());
    let canary = "canary-7f3a91";
    let summary = bench.send(&[("A", canary), ("B", canary)]).await;
    assert_eq!(summary.counts.failed, 1);
    assert!(failure(&summary).contains("HTTP 500") && !failure(&summary).contains("canary"), "{summary:?}");
    let mut files = Vec::new();
    walk(bench.home.path(), &mut files);
    assert!(files.len() >= 2, "the key and the memory");
    let plain_hash = format!("{:x}", <sha2::Sha256 as sha2::Digest>::digest(canary));
    for (path, content) in &files {
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains("canary") && !text.contains(&plain_hash), "{path}");
    }
    let run = bench.look(&[("A", canary)], Options::default()).await.unwrap();
    assert!(!format!("{run:?}").contains("canary"));
}

fn walk(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn a_damaged_memory_is_put_aside_and_counts_as_none() {
    let bench = Bench::new();
    bench.send(&[("A", "1")]).await;
    let state = bench.state().target(&Bench::pair(), &bench.target.describe());
    crate::disk::atomic::write(state.path(), b"{\"place\":", 0o600).unwrap();
    assert_eq!(bench.send(&[("A", "1")]).await.counts.updated, 1);
    assert_eq!(bench.send(&[("A", "1")]).await.counts.unchanged, 1);
    assert!(state.path().with_extension("json.corrupt").exists());
}

#[tokio::test]
async fn a_token_is_repeated_with_its_write_and_not_when_a_value_comes_back() {
    let bench = Bench::new();
    for value in ["a", "b", "a", "b", "a"] {
        bench.send(&[("A", value)]).await;
    }
    let mut tokens = bench.target.inner().tokens.clone();
    assert!(tokens.iter().all(|token| token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit())));
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 5);
    // A write that failed is tried again with its token.
    bench.target.inner().refuses.insert("A".into());
    bench.target.inner().tokens.clear();
    bench.send(&[("A", "c")]).await;
    bench.target.inner().refuses.clear();
    bench.send(&[("A", "c")]).await;
    let tokens = bench.target.inner().tokens.clone();
    assert_eq!((tokens.len(), &tokens[0]), (2, &tokens[1]));
}

#[tokio::test]
async fn one_run_at_a_time_for_each_place() {
    let turns = Turns::default();
    let first = turns.take(Path::new("/a")).await;
    let _other = turns.take(Path::new("/b")).await;
    let mut second = std::pin::pin!(turns.take(Path::new("/a")));
    let waits =
        std::future::poll_fn(|context| std::task::Poll::Ready(second.as_mut().poll(context).is_pending()));
    assert!(waits.await);
    drop(first);
    drop(second.await);
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = temp.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        crate::disk::atomic::write(&path, content, 0o600).unwrap();
    }
    temp
}

fn sourced(folder: &Path) -> Result<Source, FanoutError> {
    read(folder, &Env::new("dev").unwrap(), "/nowhere", &Policy::default(), Kind::Gh)
}

#[test]
fn the_env_file_and_what_it_names_are_read_byte_for_byte() {
    let key = [0, 255, 13, 10, 10];
    let temp = folder(&[(".env.dev", b"A=1\nKEY_FILE=./keys/k\nGITHUB_REPO=a/b\n"), ("keys/k", &key)]);
    let source = sourced(temp.path()).unwrap();
    let values: Vec<_> =
        source.wanted.iter().map(|one| (one.name.as_str(), one.value.expose().as_slice())).collect();
    assert_eq!(values, [("A", &b"1"[..]), ("KEY", &key[..])]);
    assert_eq!(source.values["GITHUB_REPO"].expose(), "a/b");
}

#[test]
fn every_reference_that_cannot_be_read_is_named_at_once() {
    let temp = folder(&[
        (".env.dev", b"A=hunter2\nX_PATH=none\nD_FILE=dir\nF_PATH=fifo\nOK_FILE=dir/ok\n"),
        ("dir/ok", b"x"),
    ]);
    let fifo = temp.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let text = sourced(temp.path()).unwrap_err().to_string();
    for part in [
        "3 file reference(s)",
        "- X_PATH: file not found at ",
        "- D_FILE: ",
        "a folder",
        "- F_PATH: ",
        "a FIFO",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("OK_FILE") && !text.contains("hunter2"), "{text}");
}

#[test]
fn an_env_file_that_is_none_is_told_apart() {
    let empty = folder(&[]);
    assert!(matches!(sourced(empty.path()), Err(FanoutError::NoEnvFile { .. })));
    let odd = folder(&[(".env.dev/x", b"")]);
    let error = sourced(odd.path()).unwrap_err();
    assert!(matches!(&error, FanoutError::Unreadable { why, .. } if why.contains("a folder")), "{error}");
    let binary = folder(&[(".env.dev", b"A=1\n\xff\n")]);
    assert!(sourced(binary.path()).unwrap_err().to_string().contains("line 2"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever fails, is lost, is changed by others or forgotten: a calm run ends with the target holding
    /// exactly what is wanted, and the one after it sends nothing.
    #[test]
    fn trouble_ends_in_agreement(
        runs in proptest::collection::vec((0_u8..27, "[a-d]{0,3}", "[a-d]{0,3}", "[a-d]{0,2}", any::<bool>()), 1..6),
        (markless, tells, reads) in any::<(bool, bool, bool)>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            // Who neither marks nor tells cannot be watched: nobody else writes there then.
            let watched = !markless || reads;
            (bench.target.inner().markless, bench.target.inner().tells, bench.target.inner().reads) =
                (markless, tells, reads);
            let mut wanted = Vec::new();
            for (digits, refuses, loses, foreign, all) in runs {
                let values = [digits % 3, digits / 3 % 3, digits / 9].map(|digit| digit.to_string());
                wanted = ["a", "b", "c"].into_iter().map(str::to_owned).zip(values).collect();
                let now: Vec<_> = wanted.iter().map(|(name, value)| (&name[..], &value[..])).collect();
                let names = |text: &str| text.chars().map(String::from).collect();
                (bench.target.inner().refuses, bench.target.inner().loses) = (names(&refuses), names(&loses));
                for name in foreign.chars().filter(|_| watched) {
                    bench.target.put(&name.to_string(), b"9");
                }
                bench.send_so(&now, Options { all, prune: false }).await;
            }
            bench.target.inner().refuses.clear();
            bench.target.inner().loses.clear();
            let now: Vec<_> = wanted.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            bench.send(&now).await;
            let there = bench.target.texts();
            for (name, value) in &wanted {
                assert_eq!(there.get(name), Some(value));
            }
            bench.tried();
            let calm = bench.send(&now).await;
            assert_eq!((calm.counts.unchanged, bench.tried().len()), (3, 0));
        });
    }
}
