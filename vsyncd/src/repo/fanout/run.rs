//! One run: look, plan, write, remember.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use vsync_core::dotenv::Assignment;
use vsync_core::fanout::plan::{self, Action, Options, Step};
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;

use super::{FanoutError, Memory, hint_of};
use crate::fail_point;
use crate::repo::trouble::io_problem;
use crate::targets::http::each;
use crate::targets::{Done, Mark, Target, TargetError, Write};
use crate::tasks;

/// A value that is shorter is in every text by chance.
const TELLING: usize = 5;

/// A run that knows what it would do.
#[derive(Debug)]
pub struct Run {
    target: Arc<dyn Target>,
    memory: Memory,
    wanted: BTreeMap<String, Secret<Vec<u8>>>,
    hashes: BTreeMap<String, String>,
    present: BTreeMap<String, Option<String>>,
    steps: Vec<Step>,
}

/// How many secrets met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New there.
    pub created: u64,
    /// With another value there.
    pub updated: u64,
    /// As they were.
    pub unchanged: u64,
    /// Taken away.
    pub removed: u64,
    /// Left although nobody wants them any more.
    pub stale: u64,
    /// Tried and not done.
    pub failed: u64,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many.
    pub counts: Counts,
    /// Which failed, and why; in the plan's order.
    pub failures: Vec<(String, String)>,
    /// What a person should know besides.
    pub warnings: Vec<String>,
}

impl Run {
    /// Asks the target what is there and plans. Nothing is written, there or here.
    ///
    /// # Errors
    /// What the target says.
    pub async fn look(
        target: Arc<dyn Target>,
        memory: Memory,
        wanted: Vec<Assignment>,
        options: Options,
    ) -> Result<Self, FanoutError> {
        let hash = |one: &Assignment| (one.name.clone(), memory.hash(&one.name, &one.value));
        let ordered: Vec<(String, String)> = wanted.iter().map(hash).collect();
        let names: BTreeSet<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
        let mut known = memory.known(&names);
        let mut asked: Vec<String> = ordered.iter().map(|(name, _)| name.clone()).collect();
        // A name that is spelled otherwise by now is no other secret, to be taken away, where case says nothing.
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let wanted_still = |name: &String| {
            names.contains(name.as_str())
                || (target.folds_case() && folded.contains(&name.to_ascii_lowercase()))
        };
        known.retain(|name, _| names.contains(name.as_str()) || !wanted_still(name));
        asked.extend(memory.names().filter(|name| !wanted_still(name)).cloned());
        let seen = target.look(&asked).await?;
        let marks = seen.present.into_iter().map(|(name, mark)| (name, mark.map(|mark| mark.0)));
        let present: BTreeMap<String, Option<String>> = marks.collect();
        let mut steps = plan::plan(&ordered, &known, &present, options);
        take_away(&mut steps, target.others(), &names);
        let wanted = wanted.into_iter().map(|one| (one.name, one.value)).collect();
        let mut run = Self { target, memory, wanted, hashes: ordered.into_iter().collect(), present, steps };
        run.ask(options).await?;
        Ok(run)
    }

    /// Settles what only the target can tell: whether it holds a value already.
    async fn ask(&mut self, options: Options) -> Result<(), TargetError> {
        let reads = self.target.reads_values() && !options.all;
        let open = |step: &Step| match step.action {
            Action::Ask => true,
            Action::Update | Action::Unchanged => reads && self.present.contains_key(&step.name),
            Action::Create | Action::Remove | Action::Stale => false,
        };
        let numbered = self.steps.iter().enumerate().filter(|(_, step)| open(step));
        let open: Vec<(usize, &str, &Secret<Vec<u8>>)> = numbered
            .filter_map(|(at, step)| Some((at, step.name.as_str(), self.wanted.get(&step.name)?)))
            .collect();
        let mut answers = Vec::with_capacity(open.len());
        let target = &self.target;
        let one = |(at, name, value)| async move { (at, target.holds(name, value).await) };
        each(open, one, |answer| answers.push(answer)).await;
        for (at, answer) in answers {
            let held = match answer {
                // It answers nobody: what is written next would not arrive either.
                Err(error @ (TargetError::Unreachable { .. } | TargetError::Denied { .. })) => {
                    return Err(error);
                }
                Err(_) => None,
                Ok(held) => held,
            };
            self.answered(at, held);
        }
        Ok(())
    }

    fn answered(&mut self, at: usize, held: Option<bool>) {
        let Some(step) = self.steps.get_mut(at) else { return };
        match (held, step.action) {
            (Some(true), _) => {
                step.action = Action::Unchanged;
                step.foreign = false;
                if let Some(hash) = self.hashes.get(&step.name) {
                    let mark = self.present.get(&step.name).cloned().flatten().map(Mark);
                    self.memory.holds(&step.name, hash.clone(), mark);
                }
            }
            // We sent this value, and it is not there any more.
            (Some(false), Action::Unchanged) => {
                step.action = Action::Update;
                step.foreign = true;
            }
            (_, Action::Ask) => step.action = Action::Update,
            _ => {}
        }
    }

    /// What it would do with each secret; nothing is left to be asked.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What it would do, as numbers.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            *counts.of(step.action) += 1;
        }
        counts
    }

    /// Writes what the plan says, and remembers each write as soon as it is settled. `progress` is told how
    /// many are settled, of how many. A write that fails stops no other.
    ///
    /// # Errors
    /// [`FanoutError::Here`] when this machine cannot remember what it begins; then nothing is written.
    pub async fn apply(mut self, progress: impl Fn(u64, u64) + Send + Sync) -> Result<Summary, FanoutError> {
        let writes = self.writes();
        let mut open: BTreeMap<String, Action> = BTreeMap::new();
        for step in self.steps.iter().filter(|step| is_write(step.action)) {
            self.memory.begin(&step.name, step.action == Action::Create);
            open.insert(step.name.clone(), step.action);
        }
        for name in self.gone() {
            self.memory.forget(&name);
        }
        self.save().await?;
        let mut counts = self.counts();
        (counts.created, counts.updated, counts.removed) = (0, 0, 0);
        let mut failed = BTreeMap::new();
        let mut unsaved = None;
        let total = writes.len() as u64;
        progress(0, total);
        let target = Arc::clone(&self.target);
        let (sender, mut settled) = mpsc::unbounded_channel::<Done>();
        let writing = async move {
            // Nobody listens only when this whole run was dropped.
            target.apply(writes, &|done| drop(sender.send(done))).await;
        };
        let settling = async {
            let mut batch = Vec::new();
            while settled.recv_many(&mut batch, 64).await > 0 {
                for Done { name, outcome } in batch.drain(..) {
                    let Some(action) = open.remove(&name) else { continue };
                    fail_point::reach("secret", "sent");
                    match outcome {
                        Ok(mark) => {
                            *counts.of(action) += 1;
                            self.done(&name, action, mark);
                        }
                        Err(error) => {
                            if is_refusal(&error) {
                                self.memory.not_made(&name);
                            }
                            failed.insert(name, self.told(&error));
                        }
                    }
                }
                progress(total - open.len() as u64, total);
                unsaved = self.save().await.err();
            }
        };
        tokio::join!(writing, settling);
        failed.extend(
            open.into_keys().map(|name| (name, "the target did not say what became of it".to_owned())),
        );
        counts.failed = failed.len() as u64;
        let failures = self.steps.iter().filter_map(|step| failed.remove_entry(&step.name)).collect();
        let warn = |error| format!("what was sent could not be remembered; the next run asks again: {error}");
        Ok(Summary { counts, failures, warnings: unsaved.map(warn).into_iter().collect() })
    }

    fn writes(&self) -> Vec<Write> {
        let write = |step: &Step| {
            let name = step.name.clone();
            if step.action == Action::Remove {
                return Some(Write::Remove { name });
            }
            let (value, hash) = (self.wanted.get(&name)?, self.hashes.get(&name)?);
            let seen = self.present.get(&name);
            let token = self.memory.token(&name, hash, seen.and_then(Option::as_deref));
            Some(Write::Put { name, value: value.clone(), exists: seen.is_some(), token })
        };
        self.steps.iter().filter(|step| is_write(step.action)).filter_map(write).collect()
    }

    /// What was sent once, is wanted no more, and is not there either.
    fn gone(&self) -> Vec<String> {
        let here = |name: &String| self.wanted.contains_key(name) || self.present.contains_key(name);
        self.memory.names().filter(|name| !here(name)).cloned().collect()
    }

    fn done(&mut self, name: &str, action: Action, mark: Option<Mark>) {
        match (action, self.hashes.get(name)) {
            (Action::Remove, _) | (_, None) => self.memory.forget(name),
            (_, Some(hash)) => self.memory.holds(name, hash.clone(), mark),
        }
    }

    /// A target's error in words, without any value that it may quote.
    fn told(&self, error: &TargetError) -> String {
        let hint = hint_of(error).map(|hint| format!(" ({hint})")).unwrap_or_default();
        let text = format!("{error}{hint}");
        let values = self.wanted.values().filter_map(|value| std::str::from_utf8(value.expose()).ok());
        let telling = values.filter(|value| value.len() >= TELLING);
        telling.fold(text, |text, value| text.replace(value, "…"))
    }

    async fn save(&self) -> Result<(), Problem> {
        let (file, sent) = self.memory.snapshot();
        let saved = tasks::blocking(move || file.save(&sent)).await?;
        saved.map_err(|error| io_problem("cannot write down what is sent", &error))
    }
}

impl Counts {
    const fn of(&mut self, action: Action) -> &mut u64 {
        match action {
            Action::Create => &mut self.created,
            Action::Update | Action::Ask => &mut self.updated,
            Action::Unchanged => &mut self.unchanged,
            Action::Remove => &mut self.removed,
            Action::Stale => &mut self.stale,
        }
    }
}

const fn is_write(action: Action) -> bool {
    matches!(action, Action::Create | Action::Update | Action::Remove)
}

/// Whether a write that ended so was surely not done. The other errors may hide one whose answer was lost.
const fn is_refusal(error: &TargetError) -> bool {
    !matches!(error, TargetError::Unreachable { .. } | TargetError::Failed { .. })
}

/// Adds what the target found and this run replaces; what our own earlier runs left there is part of it.
fn take_away(steps: &mut Vec<Step>, others: Vec<String>, wanted: &BTreeSet<&str>) {
    for name in others.into_iter().filter(|name| !wanted.contains(name.as_str())) {
        match steps.iter_mut().find(|step| step.name == name) {
            Some(step) => step.action = Action::Remove,
            None => steps.push(Step { name, action: Action::Remove, foreign: false }),
        }
    }
}
