//! Runs against a target in memory: what is sent, what is remembered, what goes wrong.

mod trouble;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use vsync_core::dotenv::Assignment;
use vsync_core::fanout::plan::{Action, Options};
use vsync_core::id::{Env, Pair, Repo};
use vsync_core::secret::Secret;
use vsync_core::vault::tree::ContentHash;

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
async fn what_a_run_replaces_is_shown_and_taken_away() {
    let bench = Bench::new();
    bench.send(&[("A", "1"), ("OLD", "1")]).await;
    bench.target.put("THEIRS", b"x");
    bench.target.inner().others = vec!["OLD".into(), "THEIRS".into()];
    let replaced = bench.send(&[("A", "1")]).await;
    assert_eq!(replaced.counts, Counts { unchanged: 1, removed: 2, ..Counts::default() });
    assert_eq!(bench.target.texts().into_keys().collect::<Vec<_>>(), ["A"]);
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
    assert!(bench.tried().is_empty());
    assert_eq!(bench.target.inner().looks, 1);
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
    let plain_hash = ContentHash::of(canary.as_bytes()).to_string();
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
