//! Killed right before a call that changes something on the disk, at one after the other, with strace.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use vsync_tests::strace::{self, Counted};

use super::{Case, Work, works};

/// How many seconds all of it may take.
const BUDGET: &str = "VSYNC_KILL_SECONDS";
/// As long as nothing is said.
const SECONDS: u64 = 600;
/// How long a death is waited for that may not come: how often a work asks the system is not the same
/// each time.
const PATIENCE: Duration = Duration::from_secs(3);

/// Works that begin with the start of the daemon; their steps are those of `kill.rs` alone.
const BEGIN_WITH_A_START: [&str; 4] =
    ["healing a swap", "healing before a swap", "healing a push", "late writes"];

/// Starts the work's daemon again, under strace.
fn traced(work: &mut dyn Work) -> Counted {
    let machine = work.machine();
    assert_eq!(machine.stop(), 0);
    // Every machine and every store here is in a folder of this beginning.
    let below = std::env::temp_dir().join("vs-");
    Counted::start(machine, &[below.as_path()], 0)
}

/// The numbers from 1 to `last`, each once, such that any beginning of them is spread over all.
fn spread(last: u64) -> Vec<u64> {
    let bits = u64::BITS - last.leading_zeros();
    let reversed = (0..1_u64 << bits).map(|number| number.reverse_bits() >> (u64::BITS - bits));
    reversed.filter(|number| (1..=last).contains(number)).collect()
}

/// Kills before the calls of a work for as long as there is time; how many there are, how many came to a
/// death, and how many were tried.
fn before_each_call(name: &str, work: &mut dyn Work, share: Duration) -> (u64, u64, u64) {
    let until = Instant::now() + share;
    let case = Case(format!("{name}, traced and unharmed"));
    work.prepare();
    let counted = traced(work);
    counted.arm(0);
    let ran = work.run();
    work.settle();
    let calls = counted.calls().len() as u64;
    assert!(calls > 0, "nothing was counted");
    work.machine().kill();
    work.at_rest(&ran);
    work.recover(&ran);
    drop((case, counted));
    let (mut kills, mut tried) = (0, 0);
    for at in spread(calls) {
        if Instant::now() > until {
            break;
        }
        let case = Case(format!("{name}, killed before call {at} of {calls}"));
        work.prepare();
        let counted = traced(work);
        counted.arm(at);
        let ran = work.run();
        let waiting = Instant::now();
        while work.machine().ended().is_none() && waiting.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
        kills += u64::from(work.machine().ended().is_some());
        tried += 1;
        work.machine().kill();
        let last = counted.end().last().cloned();
        let case = Case(format!("{}: {last:?}", case.0.clone()));
        work.at_rest(&ran);
        work.recover(&ran);
        drop(case);
    }
    println!("{name}: {kills} kills in {tried} runs of {calls} calls");
    (calls, kills, tried)
}

#[test]
#[ignore = "needs strace: tests/components/strace-kill.sh"]
fn a_daemon_killed_before_any_call_leaves_old_or_new_and_goes_on() {
    assert!(strace::works(), "strace may not trace here");
    let seconds = std::env::var(BUDGET).ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let works = works().into_iter().filter(|(name, _)| !BEGIN_WITH_A_START.contains(name));
    let works: VecDeque<_> = works.collect();
    let threads =
        std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(works.len()).min(4);
    let share =
        Duration::from_secs(seconds) * u32::try_from(threads).unwrap() / u32::try_from(works.len()).unwrap();
    let queue = Mutex::new(works);
    let totals = [const { AtomicU64::new(0) }; 3];
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = || {
        while let Some((name, make)) = next() {
            let (calls, kills, tried) = before_each_call(name, make().as_mut(), share);
            for (total, more) in totals.iter().zip([calls, kills, tried]) {
                total.fetch_add(more, Ordering::SeqCst);
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    let [calls, kills, tried] = totals.map(AtomicU64::into_inner);
    println!("{kills} kills in {tried} runs; {calls} calls in all");
    assert!(kills > 0, "nobody died");
}

#[test]
fn any_beginning_of_the_order_is_spread() {
    assert_eq!(spread(6), [4, 2, 6, 1, 5, 3]);
    for last in [1, 7, 8, 100] {
        let mut all = spread(last);
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=last));
    }
}
