//! A model of everything at once: two or three machines with the daemon's real parts (repository,
//! driver, disk), one bucket, people who edit, and trouble of every kind, in an order that chance
//! chooses. Three things hold after each step: what a person saved and did not replace or delete
//! is in the folder, a backup or the bucket; versions follow each other one by one and none is
//! overwritten; a folder is what it was or one version whole. And when the trouble is over, all
//! machines agree.
//!
//! A failing story is made as short as possible and printed with its seed. `VSYNC_MODEL_SEED`
//! tells that story again; `VSYNC_MODEL_SECONDS` is how long stories are told where `VSYNC_SOAK=1`
//! asks for the long form.
#![expect(clippy::disallowed_methods, reason = "a person writes files as people do")]

mod bucket;
mod calm;
mod content;
mod host;
mod person;
mod race;
mod step;
mod world;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use vsync_core::sync::Command;

use self::calm::calm;
use self::host::VaultKey;
use self::step::{Edit, Step, Text, story};
use self::world::{Checked, World};
use crate::repo::remote::random;

/// How many steps CI takes.
const STEPS: usize = 10_000;
/// How many stories are told at a time.
const TELLERS: usize = 2;
/// How many a story has at most.
const STORY: usize = 120;
/// How long the long form goes on, unless it is told otherwise.
const HOUR: u64 = 3600;

/// Tells one story; a panic in it is its failure.
fn tell(key: &VaultKey, machines: usize, steps: &[Step], taken: &Cell<usize>) -> Checked {
    let told = catch_unwind(AssertUnwindSafe(|| play(key, machines, steps, taken)));
    told.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic").to_owned())
    })
}

fn play(key: &VaultKey, machines: usize, steps: &[Step], taken: &Cell<usize>) -> Checked {
    let mut world = World::new(key.clone(), machines, crate::clock::now());
    for (number, step) in steps.iter().enumerate() {
        taken.set(taken.get() + 1);
        world.step(step).map_err(|why| format!("after step {number}, {step:?}: {why}"))?;
    }
    calm(&mut world).map_err(|why| format!("in peace: {why}"))
}

/// Tells the story of a seed; a failing one is shortened first.
fn tell_of(seed: u64, key: &VaultKey, taken: &Cell<usize>) {
    let config = Config { cases: 1, failure_persistence: None, max_shrink_iters: 3000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let (before, first) = (taken.get(), Cell::new(None));
    let told = runner.run(&story(STORY), |(machines, steps)| {
        let told = tell(key, machines, &steps, taken);
        if told.is_err() && first.get().is_none() {
            first.set(Some(taken.get() - before));
            eprintln!("VSYNC_MODEL_SEED={seed} fails after {} steps; being shortened", taken.get());
        }
        told.map_err(TestCaseError::fail)
    });
    match told {
        Ok(()) => {}
        Err(TestError::Fail(why, (machines, steps))) => {
            let steps: Vec<_> = steps.iter().map(|step| format!("  {step:?}")).collect();
            panic!(
                "VSYNC_MODEL_SEED={seed} fails at step {}, after {before} of other stories; shortest, with {machines} machines:\n{}\n{why}",
                first.get().unwrap_or(0),
                steps.join("\n")
            );
        }
        Err(TestError::Abort(why)) => panic!("VSYNC_MODEL_SEED={seed}: {why}"),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_and_all_machines_agree() {
    let key = VaultKey::new();
    if let Some(seed) = number("VSYNC_MODEL_SEED") {
        return tell_of(seed, &key, &Cell::new(0));
    }
    let begun = Instant::now();
    let time = Duration::from_secs(number("VSYNC_MODEL_SECONDS").unwrap_or(HOUR));
    let long = vsync_tests::soak::rounds(0, 1) == 1;
    // In CI the same stories each time; what nobody has heard yet is for the long form.
    let next = AtomicU64::new(0);
    let seed = || match long {
        true => u64::from_le_bytes(random().unwrap()),
        false => next.fetch_add(1, Ordering::Relaxed),
    };
    let teller = || {
        let (taken, mut stories) = (Cell::new(0), 0);
        while if long { begun.elapsed() < time } else { taken.get() < STEPS / TELLERS } {
            tell_of(seed(), &key, &taken);
            stories += 1;
        }
        println!("{} steps in {stories} stories, {:?}", taken.get(), begun.elapsed());
    };
    std::thread::scope(|scope| (0..TELLERS).for_each(|_| drop(scope.spawn(teller))));
}

/// A story that is told every time.
fn always(machines: usize, steps: &[Step]) {
    let told = tell(&VaultKey::new(), machines, steps, &Cell::new(0));
    assert_eq!(told, Ok(()));
}

fn saves(host: u8, path: u8) -> Step {
    Step::Edit { host, edit: Edit::Write { path, content: Text::New }, told: true }
}

#[test]
fn a_clock_that_is_set_back_keeps_no_replaced_folder() {
    let push = Step::Do { host: 0, verb: Command::Push { force: false } };
    let minute = || Step::WaitAll { millis: 60_000 };
    let pulled_while = |by| {
        let (there, back) = (Step::Jump { host: 1, by }, Step::Jump { host: 1, by: -by });
        [saves(0, 0), push.clone(), minute(), saves(0, 1), push.clone(), there, minute(), back]
    };
    always(2, &pulled_while(0));
    always(2, &pulled_while(80_000));
    always(2, &pulled_while(4000));
}
