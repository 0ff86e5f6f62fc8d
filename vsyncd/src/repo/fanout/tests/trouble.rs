//! What is lost, dies half way, is damaged or comes back.

use std::sync::Arc;

use proptest::prelude::{ProptestConfig, any, proptest};
use tokio::sync::Semaphore;
use vsync_core::fanout::plan::Options;

use super::Bench;
use crate::targets::Target as _;

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

/// A run that ends without another word once the target has done so many writes; which they were.
async fn die_after(count: usize, bench: &Bench, wanted: &[(&str, &str)]) -> Vec<String> {
    bench.target.inner().gate = Some(Arc::new(Semaphore::new(count)));
    let run = bench.look(wanted, Options::default()).await.unwrap();
    {
        let mut cut = std::pin::pin!(run.apply(|_, _| {}));
        let settled = async {
            while bench.target.inner().tried.len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut cut => panic!("the other writes wait at the gate"),
            () = settled => {}
        }
    }
    bench.target.inner().gate = None;
    let done = bench.tried();
    assert_eq!(done.len(), count);
    done
}

#[tokio::test]
async fn what_a_run_that_died_had_made_can_be_taken_away() {
    let bench = Bench::new();
    let names = ["A", "B", "C", "D"];
    let made = die_after(2, &bench, &names.map(|name| (name, "1"))).await;
    bench.target.put("THEIRS", b"x");
    let prune = Options { prune: true, all: false };
    let pruned = bench.send_so(&[("KEPT", "1")], prune).await;
    assert_eq!((pruned.counts.created, pruned.counts.removed, pruned.counts.failed), (1, 2, 0));
    assert_eq!(bench.target.texts().into_keys().collect::<Vec<_>>(), ["KEPT", "THEIRS"]);
    // Of what never arrived nothing is claimed from now on: it belongs to whoever makes it.
    let never = names.into_iter().find(|name| !made.iter().any(|made| made == name)).unwrap();
    bench.target.put(never, b"theirs");
    assert_eq!(bench.send_so(&[("KEPT", "1")], prune).await.counts.removed, 0);
    assert_eq!(bench.target.texts()[never], "theirs");
}

#[tokio::test]
async fn what_was_never_made_is_not_ours() {
    let bench = Bench::new();
    bench.target.put("FOUND", b"theirs");
    bench.target.inner().forbids = ["A".to_owned(), "FOUND".to_owned()].into();
    assert_eq!(bench.send(&[("A", "1"), ("FOUND", "1")]).await.counts.failed, 2);
    bench.target.inner().forbids.clear();
    bench.target.put("A", b"theirs");
    let kept = bench.send_so(&[], Options { prune: true, all: false }).await;
    assert_eq!(kept.counts.removed, 0);
    assert_eq!(bench.target.texts().len(), 2);
}

#[tokio::test]
async fn a_run_that_dies_half_way_is_taken_up_where_it_was() {
    let bench = Bench::new();
    bench.target.inner().tells = true;
    let wanted = [("A", "1"), ("B", "1"), ("C", "1"), ("D", "1")];
    bench.send(&wanted).await;
    bench.tried();
    let changed = wanted.map(|(name, _)| (name, "2"));
    die_after(2, &bench, &changed).await;
    let rest = bench.send(&changed).await;
    assert_eq!((rest.counts.updated, rest.counts.unchanged), (2, 2));
    assert_eq!(bench.tried().len(), 2, "what had arrived is not sent again");
    assert!(bench.target.texts().values().all(|value| value == "2"));
}

#[tokio::test]
async fn what_was_made_and_not_heard_of_is_pruned_and_what_others_made_is_not() {
    let prune = Options { all: false, prune: true };
    let bench = Bench::new();
    bench.target.inner().loses.insert("A".into());
    assert_eq!(bench.send(&[("A", "1")]).await.counts.failed, 1);
    bench.target.inner().loses.clear();
    assert_eq!(bench.target.texts().len(), 1);
    let gone = bench.send_so(&[], prune).await;
    assert_eq!((gone.counts.removed, bench.target.texts().len()), (1, 0));
    // A create that was refused makes nobody's secret ours, and neither does an update of theirs.
    bench.target.inner().forbids.insert("B".into());
    bench.send(&[("B", "1")]).await;
    bench.target.put("B", b"theirs");
    bench.send(&[("B", "1")]).await;
    bench.target.inner().forbids.clear();
    bench.send_so(&[], prune).await;
    assert_eq!(bench.target.texts()["B"], "theirs");
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
    // So is one that was to make it and whose answer was lost.
    bench.target.inner().loses.insert("NEW".into());
    bench.target.inner().tokens.clear();
    bench.send(&[("NEW", "c")]).await;
    bench.target.inner().loses.clear();
    bench.target.inner().secrets.clear();
    bench.send(&[("NEW", "c")]).await;
    let tokens = bench.target.inner().tokens.clone();
    assert_eq!((tokens.len(), &tokens[0]), (2, &tokens[1]));
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
