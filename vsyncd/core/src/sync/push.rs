//! Folder to remote: look, read, decide, publish.

use jiff::SignedDuration;

use super::effect::{Effect, Outcome, PublishPlan};
use super::event::{CommandId, Event, Local, Now, OpId, Published, RemoteMark, RemotePointer};
use super::problem::Problem;
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
    warnings: Vec<String>,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Scanning,
    Reading(Local),
    Publishing(Option<Version>),
}

impl PushJob {
    pub(super) const fn writes(&self) -> bool {
        matches!(self.stage, Stage::Publishing(_))
    }
}

impl Worker {
    pub(super) fn begin_push(&mut self, command: Option<CommandId>, force: bool, effects: &mut Vec<Effect>) {
        let op = self.op();
        effects.push(Effect::Scan { op, keep: true });
        let job = PushJob { command, op, force, warnings: Vec::new(), stage: Stage::Scanning };
        self.job = Some(Job::Push(job));
    }

    pub(super) fn push_outcome(&mut self, job: PushJob, event: Event, now: Now, effects: &mut Vec<Effect>) {
        match (job.stage.clone(), event) {
            (Stage::Scanning, Event::Scanned(op, result)) if op == job.op => {
                self.looked(result.clone(), now);
                match result {
                    Ok(local) if local.missing => push_refused(&job, Problem::FolderMissing, effects),
                    Ok(local) => {
                        let op = self.op();
                        effects.push(Effect::Read(op));
                        self.job = Some(Job::Push(PushJob { op, stage: Stage::Reading(local), ..job }));
                    }
                    Err(problem) => push_refused(&job, problem, effects),
                }
            }
            (Stage::Reading(local), Event::Read(op, result)) if op == job.op => match result {
                Ok((pointer, settled)) => self.push_read(job, &local, pointer, settled, now, effects),
                Err(Problem::BadPointer(mark)) if job.force => {
                    self.publish(job, Some(mark), None, now, effects);
                }
                Err(problem) => {
                    self.read_failed(problem.clone(), now);
                    push_refused(&job, problem, effects);
                }
            },
            (Stage::Publishing(prev), Event::Published(op, result)) if op == job.op => {
                self.push_published(&job, prev, result, now, effects);
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
        if let Some(synced) = settled {
            // An earlier push of this folder did count. The look that this one began with was
            // measured against an older agreement, so begin again.
            self.agreed(synced, now);
            return self.begin_push(job.command, job.force, effects);
        }
        let mark = pointer.as_ref().map(|pointer| pointer.mark.clone());
        let torn = self.held.as_ref().is_some_and(|held| matches!(held.problem, Problem::Torn(_)));
        self.seen(mark.clone(), now);
        self.remote.pointer.clone_from(&pointer);
        let here = self.synced.as_ref().map(SyncPoint::mark);
        let moved = mark.is_some() && mark != here;
        if let Some(pointer) = &pointer {
            if moved && !job.force && !torn {
                let problem = self.remote_ahead(pointer, now);
                self.next_poll_now(now);
                return push_refused(&job, problem, effects);
            }
            if !moved && local.diff.is_empty() && !torn {
                let (version, generation) = (pointer.version, pointer.mark.generation);
                let outcome = Outcome::UpToDate { version, generation, edits: 0 };
                return self.finish(job.command, outcome, None, effects);
            }
        }
        let prev = pointer.as_ref().map(|pointer| pointer.version);
        self.publish(job, mark, prev, now, effects);
    }

    /// Why a push over a pointer that moved is refused.
    fn remote_ahead(&self, pointer: &RemotePointer, now: Now) -> Problem {
        match self.distrust(pointer, false, now) {
            Some(problem) => problem,
            None => Problem::RemoteAhead {
                remote: pointer.version,
                here: self.synced.as_ref().map(|synced| synced.version),
                author: None,
            },
        }
    }

    fn publish(
        &mut self,
        mut job: PushJob,
        replaces: Option<RemoteMark>,
        prev: Option<Version>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // A pointer that is gone does not let versions shrink.
        let before = prev.max(self.synced.as_ref().map(|synced| synced.version));
        let absurd = before.filter(|version| self.is_future(*version, now));
        let follows = if absurd.is_some() && job.force { None } else { before };
        if let Some(before) = follows
            && before.ahead_of(now.wall) > BEHIND_LIMIT
        {
            job.warnings.push(format!(
                "this machine's clock is behind: the version being replaced is dated {before}"
            ));
        }
        let known = self.generation.max(replaces.as_ref().and_then(|mark| mark.generation));
        let plan = PublishPlan {
            replaces,
            prev,
            version: Version::next(now.wall, follows),
            generation: crate::format::pointer::next_generation(known),
        };
        let op = self.op();
        effects.push(Effect::Publish { op, plan });
        self.job = Some(Job::Push(PushJob { op, stage: Stage::Publishing(prev), ..job }));
    }

    fn is_future(&self, version: Version, now: Now) -> bool {
        version.ahead_of(now.wall) > SignedDuration::from_hours(24)
    }

    fn push_published(
        &mut self,
        job: &PushJob,
        replaced: Option<Version>,
        result: Result<Published, Problem>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(Published { synced, files, bytes }) => {
                let (version, generation) = (synced.version, synced.generation);
                self.agreed(synced, now);
                let warnings = job.warnings.clone();
                let outcome = Outcome::Pushed { version, generation, replaced, files, bytes, warnings };
                self.finish(job.command, outcome, Some((true, version)), effects);
            }
            Err(problem) => {
                if matches!(problem, Problem::Unreachable(_) | Problem::Denied(_) | Problem::BucketMissing(_))
                {
                    self.remote_failed(problem.clone(), now);
                } else {
                    self.next_poll_now(now);
                }
                push_refused(job, problem, effects);
            }
        }
    }

    fn next_poll_now(&mut self, now: Now) {
        self.set_next_poll(now.instant);
    }
}

fn push_refused(job: &PushJob, problem: Problem, effects: &mut Vec<Effect>) {
    effects.extend(job.command.map(|id| Effect::Reply(id, Err(problem))));
}
