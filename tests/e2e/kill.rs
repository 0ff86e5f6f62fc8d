//! The daemon dies with SIGKILL at every named step between two changes that last (`fail_point.rs` in
//! vsyncd): the folder is old or new, whole; nothing written is lost; no plaintext lies elsewhere; and
//! the next start and the same verb again bring everything to its end.
//!
//! In CI each work dies once at each step that leaves another state behind; with `VSYNC_SOAK=1` at each
//! step, every time that it is reached, and there are more works. `VSYNC_KILL_ONLY` names one of them.

mod backups;
mod calls;
mod heal;
mod pull;
mod push;
mod rest;
mod restore;
mod setup;
mod share;
mod sync;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use vsync_tests::machine::{Machine, Ran};
use vsync_tests::soak;
use vsync_tests::wait::until;
use vsyncd::fail_point::POINTS;

/// In every file of every vault here, and to be found nowhere else.
const CANARY: &str = "canary-4d1f-that-sings-in-the-vault-alone";
/// SIGKILL's number.
const KILLED: i32 = 9;
/// How often a step that a work reaches many times is the last one, in the long form.
const OFTEN: u64 = 4;

/// Steps after which exactly the same is on the disk as after the step before: SIGKILL loses nothing
/// that was written and not yet synced.
const SAME_AS_BEFORE: [&str; 3] = ["synced", "lasting", "removed"];

/// What a machine is asked to do, again and again.
trait Work {
    /// The machine whose daemon dies.
    fn machine(&mut self) -> &mut Machine;

    /// Brings everything to where the work can begin.
    fn prepare(&mut self);

    /// Does it; the daemon may die on the way.
    fn run(&mut self) -> Ran;

    /// Waits for what goes on after the work is done.
    fn settle(&mut self) {}

    /// What holds while nothing runs, whatever became of the work.
    fn at_rest(&mut self, ran: &Ran);

    /// Starts the daemon, which comes to a good state by itself; then the same again succeeds.
    fn recover(&mut self, ran: &Ran);

    /// What holds when all of it is over, soon.
    fn end(&mut self) {}

    /// Which steps are this work's own and come each time; folders are made the first time alone.
    fn counts(&self, step: &str) -> bool {
        !step.starts_with("folder.")
    }
}

/// A machine whose daemon can be told where to die.
fn mortal(name: &str) -> Machine {
    let machine = Machine::new(name);
    let (point, temporary) = (machine.path("fail-point"), machine.path("tmp"));
    fs::create_dir(&temporary).unwrap();
    let machine = machine.with("VSYNC_FAIL_POINT", &point.display().to_string());
    machine.with("TMPDIR", &temporary.display().to_string())
}

fn seen_file(machine: &Machine) -> PathBuf {
    machine.path("fail-point.seen")
}

/// Tells the machine's daemon to die when it is at this step for the n-th time from now on.
fn arm(machine: &Machine, step: &str, number: u64) {
    let file = machine.path("fail-point");
    let staged = machine.path("fail-point.next");
    fs::write(&staged, format!("{step} {number}\n")).unwrap();
    fs::rename(staged, file).unwrap();
}

fn disarm(machine: &Machine) {
    let _ = fs::remove_file(machine.path("fail-point"));
}

/// Waits for a death that was asked for.
fn dead(machine: &mut Machine) {
    let mut ended = None;
    until("the daemon dies where it was told to", || {
        ended = machine.ended();
        ended.is_some()
    });
    let signal = ended.and_then(|status| status.signal());
    assert_eq!(signal, Some(KILLED), "{ended:?}\n{}", machine.log());
    machine.kill();
    disarm(machine);
}

/// Names the case when it fails.
struct Case(String);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} ---", self.0);
        }
    }
}

/// Does the work once unharmed, and tells which steps it has, and how often.
fn steps(work: &mut dyn Work) -> BTreeMap<String, u64> {
    work.prepare();
    let seen = seen_file(work.machine());
    let _ = fs::remove_file(&seen);
    let ran = work.run();
    work.settle();
    // It ends when nothing is left for later any more.
    assert_eq!(work.machine().stop(), 0);
    let mut steps = BTreeMap::new();
    for step in fs::read_to_string(&seen).unwrap_or_default().lines() {
        *steps.entry(step.to_owned()).or_insert(0) += 1;
    }
    work.at_rest(&ran);
    work.recover(&ran);
    steps
}

/// Where a work is to die: step and number.
fn deaths(steps: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let all = soak::rounds(0, 1) == 1;
    let other =
        |step: &&String| all || !SAME_AS_BEFORE.iter().any(|same| step.ends_with(&format!(".{same}")));
    let each = |step: &String| {
        let often = if all { steps[step].min(OFTEN) } else { 1 };
        (1..=often).map(|number| (step.clone(), number)).collect::<Vec<_>>()
    };
    steps.keys().filter(other).flat_map(each).collect()
}

/// Kills the daemon under this work at each of its steps; returns the steps and how often it died.
fn at_every_step(name: &str, work: &mut dyn Work) -> (BTreeSet<String>, u64) {
    let case = Case(format!("{name}, unharmed"));
    let steps = steps(work);
    drop(case);
    assert!(!steps.is_empty(), "{name} reaches no step: was vsyncd built without the feature fail-points?");
    let mut kills = 0;
    for (step, number) in deaths(&steps) {
        if !work.counts(&step) {
            continue;
        }
        let _case = Case(format!("{name}, killed at {step} ({number})"));
        work.prepare();
        arm(work.machine(), &step, number);
        let ran = work.run();
        // What a work does beside its main line may take another turn this time.
        if number > 1 && work.machine().ended().is_none() && ran.code == 0 {
            disarm(work.machine());
            work.settle();
            work.machine().kill();
        } else {
            dead(work.machine());
            kills += 1;
        }
        work.at_rest(&ran);
        work.recover(&ran);
    }
    work.end();
    println!("{name}: {kills} kills at {} steps", steps.len());
    (steps.into_keys().collect(), kills)
}

/// Makes a work; each is made where it is done.
type Make = fn() -> Box<dyn Work>;

/// All works, those that take longest first.
const WORKS: [(&str, Make); 14] = [
    ("pull over edits", || Box::new(pull::Pulling::new(true))),
    ("import", || Box::new(share::Importing::new())),
    ("pull", || Box::new(pull::Pulling::new(false))),
    ("healing a swap", || Box::new(heal::Healing::new("exchange.done"))),
    ("push", || Box::new(push::Pushing::new(false))),
    ("init", || Box::new(setup::Init::new())),
    ("sync", || Box::new(sync::Syncing::new())),
    ("late writes", || Box::new(heal::LateWrites::new())),
    ("import over another key", || Box::new(share::Rejoining::new())),
    ("healing a push", || Box::new(heal::HealingPush::new())),
    ("restore", || Box::new(restore::Restoring::new())),
    ("pull without a cached bundle", || Box::new(backups::Uncached::new())),
    ("export", || Box::new(share::Exporting::new())),
    ("profile and first push to S3", || Box::new(setup::OnS3::new())),
];

/// Works of the long form: they have no step of their own, only other beginnings.
const MORE_WORKS: [(&str, Make); 2] = [
    ("healing before a swap", || Box::new(heal::Healing::new("staged.named"))),
    ("forced push", || Box::new(push::Pushing::new(true))),
];

/// What is told: a work by its name, whichever list it is in, or those of this form of the stories.
fn works() -> Vec<&'static (&'static str, Make)> {
    let all = || WORKS.iter().chain(&MORE_WORKS);
    match std::env::var("VSYNC_KILL_ONLY") {
        Ok(only) => all().filter(|(name, _)| *name == only).collect(),
        Err(_) if soak::rounds(0, 1) == 1 => all().collect(),
        Err(_) => WORKS.iter().collect(),
    }
}

#[test]
fn a_daemon_killed_at_any_step_leaves_old_or_new_and_goes_on() {
    let works = works();
    let whole = works.len() >= WORKS.len();
    let queue: Mutex<VecDeque<_>> = Mutex::new(works.into());
    let found = Mutex::new((BTreeSet::new(), 0));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = || {
        while let Some((name, make)) = next() {
            let (steps, kills) = at_every_step(name, make().as_mut());
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.0.extend(steps);
            found.1 += kills;
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(4);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(worker))));
    let (seen, kills) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{kills} kills in all");
    if whole {
        let moments = |(thing, moments): &(&str, &[&str])| {
            moments.iter().map(|moment| format!("{thing}.{moment}")).collect::<Vec<_>>()
        };
        let declared: BTreeSet<String> = POINTS.iter().flat_map(moments).collect();
        let unreached: Vec<_> = declared.difference(&seen).collect();
        let undeclared: Vec<_> = seen.difference(&declared).collect();
        assert!(
            unreached.is_empty() && undeclared.is_empty(),
            "never reached: {unreached:?}; not in fail_point.rs: {undeclared:?}"
        );
    }
}
