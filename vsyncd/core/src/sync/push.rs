//! Folder to remote: look, read, decide, publish.

use jiff::SignedDuration;

use super::effect::{Effect, Outcome, PublishPlan};
use super::event::{CommandId, Event, Local, Now, OpId, Published, RemoteMark, RemotePointer};
use super::problem::{Problem, Verdict};
use super::pull::{FUTURE_LIMIT, TRIES};
use super::worker::{Job, Worker};
use crate::vault::ledger::SyncPoint;
use crate::version::Version;

/// How far the clock may lie behind the pointer before a push says so.
const BEHIND_LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// One push under way.
#[derive(Debug, Clone)]
pub(super) struct PushJob {
    /// Who asked; `None` for a push of the worker's own.
    pub(super) command: Option<CommandId>,
    pub(super) op: OpId,
    force: bool,
    /// How often the folder changed at the last moment.
    tries: u32,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Scanning,
    Reading(Local),
    /// Whether the bundle of the pointer that was read is there.
    Probing(RemotePointer),
    Publishing {
        replaced: Option<Version>,
        warnings: Vec<String>,
    },
}

impl PushJob {
    pub(super) const fn writes(&self) -> bool {
        matches!(self.stage, Stage::Publishing { .. })
    }
}

impl Worker {
    pub(super) fn begin_push(
        &mut self,
        command: Option<CommandId>,
        force: bool,
        tries: u32,
        effects: &mut Vec<Effect>,
    ) {
        let op = self.op();
        effects.push(Effect::Scan { op, keep: true });
        self.job = Some(Job::Push(PushJob { command, op, force, tries, stage: Stage::Scanning }));
    }

    pub(super) fn push_outcome(&mut self, job: PushJob, event: Event, now: Now, effects: &mut Vec<Effect>) {
        match (job.stage.clone(), event) {
            (Stage::Scanning, Event::Scanned(op, result)) if op == job.op => {
                self.looked(result.clone(), now);
                match result {
                    Ok(local) if local.missing => {
                        self.push_refused(&job, Problem::FolderMissing, now, effects);
                    }
                    Ok(local) => {
                        let op = self.op();
                        effects.push(Effect::Read(op));
                        self.job = Some(Job::Push(PushJob { op, stage: Stage::Reading(local), ..job }));
                    }
                    Err(problem) => self.push_refused(&job, problem, now, effects),
                }
            }
            (Stage::Reading(local), Event::Read(op, result)) if op == job.op => match result {
                Ok((pointer, settled)) => self.push_read(job, &local, pointer, settled, now, effects),
                Err(Problem::BadPointer(mark)) if job.force => {
                    self.publish(job, Some(mark), None, now, effects);
                }
                Err(problem) => {
                    self.read_failed(problem.clone(), now);
                    self.push_refused(&job, problem, now, effects);
                }
            },
            (Stage::Probing(pointer), Event::Probed(op, result)) if op == job.op => match result {
                Ok(true) => self.push_not_needed(&job, &pointer, now, effects),
                Ok(false) => self.publish(job, Some(pointer.mark), Some(pointer.version), now, effects),
                Err(problem) => {
                    self.remote_failed(problem.clone(), now);
                    self.push_refused(&job, problem, now, effects);
                }
            },
            (Stage::Publishing { replaced, warnings }, Event::Published(op, result)) if op == job.op => {
                match result {
                    Ok(published) => self.push_done(&job, replaced, warnings, published, now, effects),
                    Err(problem) => self.push_failed(&job, problem, now, effects),
                }
            }
            _ => self.job = Some(Job::Push(job)),
        }
    }

    fn push_read(
        &mut self,
        job: PushJob,
        local: &Local,
        pointer: Option<RemotePointer>,
        settled: Option<SyncPoint>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(synced) = settled.filter(|synced| self.synced.as_ref() != Some(synced)) {
            // An earlier push of this folder did count. The look that this one began with was
            // measured against an older agreement, so begin again.
            self.agreed(synced, now, effects);
            return self.begin_push(job.command, job.force, job.tries, effects);
        }
        self.seen(pointer.as_ref().map(|pointer| pointer.mark.clone()), now);
        self.remote.pointer.clone_from(&pointer);
        let Some(pointer) = pointer else {
            return self.publish(job, None, None, now, effects);
        };
        let moved = !self.is_here(&pointer.mark);
        let torn = self.held.as_ref().is_some_and(|held| matches!(held.problem, Problem::Torn(_)));
        let nothing_new = !moved && local.diff.is_empty();
        if nothing_new || moved && torn && !job.force {
            // Only a bundle that is missing is a reason to publish now, and only the store
            // knows whether it still is.
            let op = self.op();
            effects.push(Effect::Probe { op, version: pointer.version });
            self.job = Some(Job::Push(PushJob { op, stage: Stage::Probing(pointer), ..job }));
        } else if moved && !job.force {
            let problem = self.remote_ahead(&pointer, now);
            self.push_refused(&job, problem, now, effects);
        } else {
            self.publish(job, Some(pointer.mark), Some(pointer.version), now, effects);
        }
    }

    /// The bundle that the pointer names is there.
    fn push_not_needed(
        &mut self,
        job: &PushJob,
        pointer: &RemotePointer,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(held) = &mut self.held {
            held.retry_at = now.instant;
        }
        if self.is_here(&pointer.mark) {
            let (version, generation) = (pointer.version, pointer.mark.generation);
            let outcome = Outcome::UpToDate { version, generation, edits: 0 };
            self.finish(job.command, outcome, None, effects);
        } else {
            let problem = self.remote_ahead(pointer, now);
            self.push_refused(job, problem, now, effects);
        }
    }

    /// Why a push over a pointer that moved is refused.
    fn remote_ahead(&self, pointer: &RemotePointer, now: Now) -> Problem {
        match self.distrust(pointer, false, now) {
            Some(problem) => problem,
            None if self.was_overwritten_by(pointer) => {
                Problem::LostRace { winner: pointer.version, author: None }
            }
            None => Problem::RemoteAhead {
                remote: pointer.version,
                here: self.synced.as_ref().map(|synced| synced.version),
                author: None,
            },
        }
    }

    fn publish(
        &mut self,
        job: PushJob,
        replaces: Option<RemoteMark>,
        prev: Option<Version>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // A pointer that is gone, or that went back, does not let versions shrink.
        let believed = |version: &Version| !job.force || version.ahead_of(now.wall) <= FUTURE_LIMIT;
        let follows = prev.filter(believed).max(self.floor.filter(believed));
        let behind = follows.filter(|version| version.ahead_of(now.wall) > BEHIND_LIMIT);
        let warn = |dated| format!("this machine's clock is behind: the newest version is dated {dated}");
        let warnings = behind.map(warn).into_iter().collect();
        let known = self.generation.max(replaces.as_ref().and_then(|mark| mark.generation));
        let plan = PublishPlan {
            replaces,
            prev,
            version: Version::next(now.wall, follows),
            generation: crate::format::pointer::next_generation(known),
        };
        let op = self.op();
        effects.push(Effect::Publish { op, command: job.command, plan });
        let stage = Stage::Publishing { replaced: prev, warnings };
        self.job = Some(Job::Push(PushJob { op, stage, ..job }));
    }

    fn push_done(
        &mut self,
        job: &PushJob,
        replaced: Option<Version>,
        warnings: Vec<String>,
        published: Published,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Published { synced, files, bytes } = published;
        let (version, generation) = (synced.version, synced.generation);
        self.agreed(synced, now, effects);
        let outcome = Outcome::Pushed { version, generation, replaced, files, bytes, warnings };
        self.finish(job.command, outcome, Some((true, version)), effects);
    }

    fn push_failed(&mut self, job: &PushJob, problem: Problem, now: Now, effects: &mut Vec<Effect>) {
        match problem {
            Problem::FolderMoved if self.stopping => {
                self.push_refused(job, Problem::ShuttingDown, now, effects);
            }
            Problem::FolderMoved if job.tries < TRIES => {
                self.begin_push(job.command, job.force, job.tries + 1, effects);
            }
            problem => {
                let store = matches!(problem, Problem::Denied(_) | Problem::BucketMissing(_));
                if store || problem.verdict() == Verdict::Offline {
                    self.remote_failed(problem.clone(), now);
                } else {
                    self.timers.poll = now.instant;
                }
                self.push_refused(job, problem, now, effects);
            }
        }
    }

    /// Ends a push that came to nothing. One of the worker's own is tried again later.
    fn push_refused(&mut self, job: &PushJob, problem: Problem, now: Now, effects: &mut Vec<Effect>) {
        match job.command {
            Some(id) => effects.push(Effect::Reply(id, Err(problem))),
            None => {
                self.push_failures = self.push_failures.saturating_add(1);
                self.push_trouble = Some(problem).filter(|problem| problem.verdict() == Verdict::Error);
                let wait = self.jitter.after_failure(self.policy.poll, self.push_failures);
                self.timers.push = self.timers.push.map(|due| due.max(now.instant + wait));
            }
        }
    }
}
