//! Remote to folder: read, look, open, decide, swap.

use jiff::SignedDuration;

use super::effect::{Effect, Outcome};
use super::event::{CommandId, Event, Local, Now, OpId, Opened, PullMode, RemotePointer, Swapped};
use super::problem::Problem;
use super::worker::{Job, Worker};
use crate::vault::ledger::{SyncOp, SyncPoint};

/// How far ahead of the clock a pointer may be dated.
const FUTURE_LIMIT: SignedDuration = SignedDuration::from_hours(24);
/// How often a folder may change at the last moment before the pull gives up for now.
const TRIES: u32 = 3;

/// One pull under way.
#[derive(Debug, Clone)]
pub(super) struct PullJob {
    /// Who asked; `None` for a pull of the worker's own.
    pub(super) command: Option<CommandId>,
    pub(super) op: OpId,
    mode: PullMode,
    allow_rollback: bool,
    tries: u32,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Reading,
    Scanning(RemotePointer),
    Opening(RemotePointer, Local),
    Swapping(RemotePointer),
}

impl PullJob {
    pub(super) const fn writes(&self) -> bool {
        matches!(self.stage, Stage::Swapping(_))
    }
}

impl Worker {
    pub(super) fn begin_pull(
        &mut self,
        command: Option<CommandId>,
        mode: PullMode,
        allow_rollback: bool,
        effects: &mut Vec<Effect>,
    ) {
        let op = self.op();
        effects.push(Effect::Read(op));
        let stage = Stage::Reading;
        self.job = Some(Job::Pull(PullJob { command, op, mode, allow_rollback, tries: 0, stage }));
    }

    pub(super) fn pull_outcome(&mut self, job: PullJob, event: Event, now: Now, effects: &mut Vec<Effect>) {
        match (job.stage.clone(), event) {
            (Stage::Reading, Event::Read(op, result)) if op == job.op => match result {
                Ok((pointer, settled)) => self.pull_read(job, pointer, settled, now, effects),
                Err(problem) => self.pull_failed(job, None, problem, now, effects),
            },
            (Stage::Scanning(pointer), Event::Scanned(op, result)) if op == job.op => {
                self.looked(result.clone(), now);
                match result {
                    Ok(local) => self.pull_scanned(job, pointer, local, now, effects),
                    Err(problem) => self.pull_failed(job, Some(pointer), problem, now, effects),
                }
            }
            (Stage::Opening(pointer, local), Event::Opened(op, result)) if op == job.op => match result {
                Ok(opened) => self.pull_opened(job, pointer, local, opened, now, effects),
                Err(problem) => self.pull_failed(job, Some(pointer), problem, now, effects),
            },
            (Stage::Swapping(pointer), Event::Swapped(op, result)) if op == job.op => match result {
                Ok(swapped) => self.pull_swapped(&job, swapped, now, effects),
                Err(Problem::FolderMoved) if job.tries < TRIES => {
                    let job = PullJob { tries: job.tries + 1, ..job };
                    self.pull_scan(job, pointer, effects);
                }
                Err(problem) => self.pull_failed(job, Some(pointer), problem, now, effects),
            },
            _ => self.job = Some(Job::Pull(job)),
        }
    }

    fn pull_read(
        &mut self,
        job: PullJob,
        pointer: Option<RemotePointer>,
        settled: Option<SyncPoint>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(synced) = settled {
            self.agreed(synced, now);
        }
        self.seen(pointer.as_ref().map(|pointer| pointer.mark.clone()), now);
        self.remote.pointer.clone_from(&pointer);
        let Some(pointer) = pointer else {
            return self.pull_failed(job, None, Problem::NothingPublished, now, effects);
        };
        if let Some(problem) = self.distrust(&pointer, job.allow_rollback, now) {
            return self.pull_failed(job, Some(pointer), problem, now, effects);
        }
        self.pull_scan(job, pointer, effects);
    }

    /// Why a pointer is not followed, if so.
    pub(super) fn distrust(
        &self,
        pointer: &RemotePointer,
        allow_rollback: bool,
        now: Now,
    ) -> Option<Problem> {
        let remote = pointer.version;
        match self.floor {
            // The newest version ever applied is trusted, whatever its date.
            Some(applied) if remote == applied => None,
            Some(applied) if remote < applied && !allow_rollback => {
                Some(Problem::RollbackSuspected { remote, applied })
            }
            _ => (remote.ahead_of(now.wall) > FUTURE_LIMIT).then_some(Problem::FutureDated(remote)),
        }
    }

    fn pull_scan(&mut self, job: PullJob, pointer: RemotePointer, effects: &mut Vec<Effect>) {
        let op = self.op();
        effects.push(Effect::Scan { op, keep: true });
        self.job = Some(Job::Pull(PullJob { op, stage: Stage::Scanning(pointer), ..job }));
    }

    fn pull_scanned(
        &mut self,
        job: PullJob,
        pointer: RemotePointer,
        local: Local,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let here = self.synced.as_ref().is_some_and(|synced| synced.mark() == pointer.mark);
        let edits = local.diff.len();
        if here && !local.missing && job.mode != PullMode::Force {
            if job.mode == PullMode::Plain && edits > 0 {
                return self.pull_failed(job, Some(pointer), Problem::Edited(edits), now, effects);
            }
            let (version, generation) = (pointer.version, pointer.mark.generation);
            let outcome = Outcome::UpToDate { version, generation, edits };
            return self.finish(job.command, outcome, None, effects);
        }
        let op = self.op();
        effects.push(Effect::Open { op, pointer: pointer.clone() });
        self.job = Some(Job::Pull(PullJob { op, stage: Stage::Opening(pointer, local), ..job }));
    }

    fn pull_opened(
        &mut self,
        job: PullJob,
        pointer: RemotePointer,
        local: Local,
        opened: Opened,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let op = self.op();
        let next = PullJob { op, stage: Stage::Swapping(pointer.clone()), ..job };
        if opened.equal && !local.missing {
            effects.push(Effect::Adopt { op, pointer });
            self.job = Some(Job::Pull(next));
            return;
        }
        let nothing_here = local.missing || local.tree.is_empty() && self.synced.is_none();
        let edits = if nothing_here { 0 } else { local.diff.len() };
        if edits > 0 && next.mode == PullMode::Plain {
            let here = self.synced.as_ref().is_some_and(|synced| synced.mark() == pointer.mark);
            let remote = pointer.version;
            let problem = if here { Problem::Edited(edits) } else { Problem::Diverged { edits, remote } };
            return self.pull_failed(next, Some(pointer), problem, now, effects);
        }
        let backup = edits > 0 || !opened.cached && !nothing_here;
        effects.push(Effect::Swap { op, pointer, backup });
        self.job = Some(Job::Pull(next));
    }

    fn pull_swapped(&mut self, job: &PullJob, swapped: Swapped, now: Now, effects: &mut Vec<Effect>) {
        let Swapped { synced, backup, diff } = swapped;
        let (version, generation) = (synced.version, synced.generation);
        let adopted = synced.op == SyncOp::Adopt;
        self.agreed(synced, now);
        let outcome = Outcome::Pulled { version, generation, diff, backup };
        let row = (!adopted).then_some((false, version));
        self.finish(job.command, outcome, row, effects);
    }

    fn pull_failed(
        &mut self,
        job: PullJob,
        pointer: Option<RemotePointer>,
        problem: Problem,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // A verb that is refused for edits says nothing new about the remote.
        let news = !matches!(problem, Problem::Edited(_) | Problem::NothingPublished);
        match &pointer {
            Some(pointer) if news => self.hold(pointer.mark.clone(), problem.clone(), now),
            None if news => self.read_failed(problem.clone(), now),
            _ => {}
        }
        effects.extend(job.command.map(|id| Effect::Reply(id, Err(problem))));
    }

    /// Reading the pointer failed: either the store is away, or what it gave is not a pointer.
    pub(super) fn read_failed(&mut self, problem: Problem, now: Now) {
        match problem {
            Problem::BadPointer(ref mark) => {
                self.seen(Some(mark.clone()), now);
                self.hold(mark.clone(), problem, now);
            }
            problem => self.remote_failed(problem, now),
        }
    }
}
