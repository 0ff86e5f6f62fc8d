//! Every step of a verb with every error.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use vsync_tests::inject::{Call, Injection};

use crate::bench::Bench;
use crate::errors::{self, Disk};
use crate::verbs::{Act, Verb};

/// The calls that change something on a disk, apart from `write`.
const CALLS: &str = "fsync,fdatasync,syncfs,renameat,renameat2,mkdirat,unlinkat,linkat,fchmod,fchmodat,ftruncate,\
    utimensat,openat";
/// How many seconds a story may go on before it leaves out what is left; unset: as long as it takes.
pub(crate) const BUDGET: &str = "VSYNC_DISK_ERRORS_SECONDS";

/// What was done and found.
#[derive(Debug)]
struct Tally {
    verb: Verb,
    begun: Instant,
    cases: usize,
    failed: usize,
    steps: BTreeSet<String>,
    found: BTreeMap<String, usize>,
}

impl Tally {
    fn of(verb: Verb) -> Self {
        Self {
            verb,
            begun: Instant::now(),
            cases: 0,
            failed: 0,
            steps: BTreeSet::new(),
            found: BTreeMap::new(),
        }
    }

    fn goes_on(&self) -> bool {
        let seconds = std::env::var(BUDGET).ok().and_then(|text| text.parse().ok());
        seconds.is_none_or(|seconds| self.begun.elapsed() < Duration::from_secs(seconds))
    }

    /// One case: what was hit, and whether all is as it has to be.
    fn judge(&mut self, bench: &Bench, act: &Act, disk: &Disk, step: &str, ran: &(i32, serde_json::Value)) {
        let (code, answer) = ran;
        self.cases += 1;
        self.failed += usize::from(*code != 0);
        self.steps.insert(step.to_owned());
        let mut wrong = Vec::new();
        if *code != 0 {
            wrong.extend(disk.misjudged(*code, answer));
        }
        wrong.extend(act.wrong_now(bench));
        if bench.tells(answer) {
            wrong.push("a secret was told".to_owned());
        }
        wrong.extend(act.recover(bench, *code));
        for wrong in wrong {
            eprintln!("    {} {} at {step}: {wrong}", self.verb, disk.name);
            *self.found.entry(wrong).or_default() += 1;
        }
    }

    fn end(mut self, bench: &Bench) {
        let begun = Instant::now();
        let mut litter = bench.litter();
        while !litter.is_empty() && begun.elapsed() < Duration::from_secs(90) {
            std::thread::sleep(Duration::from_millis(100));
            litter = bench.litter();
        }
        for path in litter {
            let wrong = format!("left behind: {}", path.display());
            eprintln!("    {}: {wrong}", self.verb);
            *self.found.entry(wrong).or_default() += 1;
        }
        eprintln!(
            "{}: {} cases at {} steps, {} told to the person, {} wrong, {:?}",
            self.verb,
            self.cases,
            self.steps.len(),
            self.failed,
            self.found.values().sum::<usize>(),
            self.begun.elapsed()
        );
        assert!(self.found.is_empty(), "{}: {} kinds of wrong", self.verb, self.found.len());
    }
}

/// Each call but `write`, found by looking on once.
pub(crate) fn calls(library: &str, verb: Verb) {
    let mut bench = Bench::new(library);
    let mut tally = Tally::of(verb);
    let log = bench.ben.path("strace.log");
    let act = Act::prepare(&mut bench, verb);
    let looking = Injection::attach(bench.ben.pid(), &log, CALLS, None);
    let (code, answer) = act.run(&bench);
    let seen = looking.detach();
    assert_eq!(code, 0, "{answer}");
    assert_eq!(act.recover(&bench, code), None);
    let mut steps: Vec<_> = steps(&seen).into_iter().collect();
    // Whatever the budget cuts off, some of each call is in what is left.
    steps.sort_by_key(|(name, at)| (at * 37 + name.len() * 11) % 101);
    for (turn, (name, at)) in steps.into_iter().enumerate() {
        for (which, disk) in errors::ALL.iter().enumerate() {
            // In a slice each step meets one error, and each error every fifth step.
            if std::env::var_os(BUDGET).is_some() && which != turn % errors::ALL.len() || !tally.goes_on() {
                continue;
            }
            let act = Act::prepare(&mut bench, verb);
            let inject = format!("{name}:error={}:when={at}", disk.name);
            let injection = Injection::attach(bench.ben.pid(), &log, CALLS, Some(&inject));
            let ran = act.run(&bench);
            let hit = injection.detach();
            assert!(bench.ben.ended().is_none(), "{verb}: the daemon died of {inject}\n{}", bench.ben.log());
            let hit: Vec<_> = hit.iter().filter(|call| call.injected).map(place).collect();
            if !hit.is_empty() {
                tally.judge(&bench, &act, disk, &hit.join(" + "), &ran);
            } else {
                act.recover(&bench, ran.0);
            }
        }
    }
    tally.end(&bench);
}

/// Which call of which name in one thread is worth a fault. Opening is when it makes a file.
fn steps(seen: &[Call]) -> BTreeSet<(String, usize)> {
    let mut counts: BTreeMap<(u32, &str), usize> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for call in seen {
        let count = counts.entry((call.thread, &call.name)).or_default();
        *count += 1;
        if call.name != "openat" || call.line.contains("O_CREAT") {
            found.insert((call.name.clone(), *count));
        }
    }
    found
}

/// What a call was about, without what differs from one run to the next.
fn place(call: &Call) -> String {
    let about = call.line.split(" = ").next().unwrap_or(&call.line);
    about.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Each write to a plain file.
pub(crate) fn writes(library: &str, verb: Verb) {
    let mut bench = Bench::new(library);
    let mut tally = Tally::of(verb);
    for at in 1.. {
        let mut beyond = true;
        for (which, disk) in errors::ALL.iter().enumerate() {
            if std::env::var_os(BUDGET).is_some() && which != at as usize % errors::ALL.len()
                || !tally.goes_on()
            {
                continue;
            }
            let act = Act::prepare(&mut bench, verb);
            bench.fault.begin(disk.number, at, false);
            let ran = act.run(&bench);
            let (_, hit) = bench.fault.end();
            assert!(
                bench.ben.ended().is_none(),
                "{verb}: the daemon died of write {at}\n{}",
                bench.ben.log()
            );
            match hit {
                Some(path) => {
                    beyond = false;
                    let path: String = path.chars().filter(|c| !c.is_ascii_digit()).collect();
                    tally.judge(&bench, &act, disk, &format!("write {path}"), &ran);
                }
                None => {
                    act.recover(&bench, ran.0);
                }
            }
        }
        if beyond {
            break;
        }
    }
    tally.end(&bench);
}
