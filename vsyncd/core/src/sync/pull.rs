//! Remote to folder: read, look, open, decide, swap.

use jiff::SignedDuration;

use super::effect::{Effect, Outcome};
use super::event::{
    CommandId, Event, Local, Now, OpId, Opened, PullMode, RemoteMark, RemotePointer, Swapped,
};
use super::problem::{Problem, Verdict};
use super::worker::{Job, Worker};
use crate::vault::ledger::{SyncOp, SyncPoint};

/// How far ahead of the clock a pointer may be dated.
pub(super) const FUTURE_LIMIT: SignedDuration = SignedDuration::from_hours(24);
/// How often a folder may change at the last moment before the pull gives up for now.
pub(super) const TRIES: u32 = 3;

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
                Err(problem) => self.pull_failed(&job, None, problem, now, effects),
            },
            (Stage::Scanning(pointer), Event::Scanned(op, result)) if op == job.op => {
                self.looked(result.clone(), now);
                match result {
                    Ok(local) => self.pull_scanned(job, pointer, local, effects),
                    Err(problem) => self.pull_failed(&job, Some(pointer), problem, now, effects),
                }
            }
            (Stage::Opening(pointer, local), Event::Opened(op, result)) if op == job.op => match result {
                Ok(opened) => self.pull_opened(job, pointer, local, opened, now, effects),
                Err(problem) => self.pull_failed(&job, Some(pointer), problem, now, effects),
            },
            (Stage::Swapping(pointer), Event::Swapped(op, result)) if op == job.op => match result {
                Ok(swapped) => self.pull_swapped(&job, swapped, now, effects),
                Err(Problem::FolderMoved) if self.stopping => {
                    self.pull_failed(&job, Some(pointer), Problem::ShuttingDown, now, effects);
                }
                Err(Problem::FolderMoved) if job.tries < TRIES => {
                    let job = PullJob { tries: job.tries + 1, ..job };
                    self.pull_scan(job, pointer, effects);
                }
                Err(problem) => self.pull_failed(&job, Some(pointer), problem, now, effects),
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
        if let Some(synced) = settled.filter(|synced| self.synced.as_ref() != Some(synced)) {
            self.agreed(synced, now, effects);
        }
        self.seen(pointer.as_ref().map(|pointer| pointer.mark.clone()), now);
        self.remote.pointer.clone_from(&pointer);
        let Some(pointer) = pointer else {
            effects.extend(job.command.map(|id| Effect::Reply(id, Err(Problem::NothingPublished))));
            return;
        };
        if let Some(problem) = self.distrust(&pointer, job.allow_rollback, now) {
            return self.pull_failed(&job, Some(pointer), problem, now, effects);
        }
        self.pull_scan(job, pointer, effects);
    }

    /// True when a pointer took the place of one that was written here instead of following it,
    /// as happens where a store does not hold writers to their conditions. What was published
    /// here would be gone from every folder without anybody having decided so.
    pub(super) fn was_overwritten_by(&self, pointer: &RemotePointer) -> bool {
        let Some(ours) = self.synced.as_ref().filter(|synced| synced.op == SyncOp::Push) else {
            return false;
        };
        ours.is_skipped_by(pointer)
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
            // What was applied is trusted, whatever its date.
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
        effects: &mut Vec<Effect>,
    ) {
        // A bundle that could not be used is looked at again even when it is the one that is here.
        if self.held.is_none() && self.leaves_folder(&job, &pointer, &local) {
            return self.pull_unmoved(&job, &pointer, local.diff.len(), effects);
        }
        let op = self.op();
        effects.push(Effect::Open { op, pointer: pointer.clone() });
        self.job = Some(Job::Pull(PullJob { op, stage: Stage::Opening(pointer, local), ..job }));
    }

    /// True when the remote has not moved and the verb does not ask to read it again.
    fn leaves_folder(&self, job: &PullJob, pointer: &RemotePointer, local: &Local) -> bool {
        self.is_here(&pointer.mark) && !local.missing && job.mode != PullMode::Force
    }

    /// The remote has not moved: that leaves edits alone, and a plain pull says that there are any.
    fn pull_unmoved(
        &mut self,
        job: &PullJob,
        pointer: &RemotePointer,
        edits: usize,
        effects: &mut Vec<Effect>,
    ) {
        if job.mode == PullMode::Plain && edits > 0 {
            effects.extend(job.command.map(|id| Effect::Reply(id, Err(Problem::Edited(edits)))));
            return;
        }
        let (version, generation) = (pointer.version, pointer.mark.generation);
        let outcome = Outcome::UpToDate { version, generation, edits };
        self.finish(job.command, outcome, None, effects);
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
        if self.is_here(&pointer.mark) {
            // Nothing is wrong with the version that is here, after all.
            self.held = None;
        }
        if self.leaves_folder(&job, &pointer, &local) {
            return self.pull_unmoved(&job, &pointer, local.diff.len(), effects);
        }
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
            let problem = Problem::Diverged { edits, remote: pointer.version };
            return self.pull_failed(&next, Some(pointer), problem, now, effects);
        }
        let overwritten = self.was_overwritten_by(&pointer);
        if overwritten && next.mode == PullMode::Plain {
            let problem = Problem::LostRace { winner: pointer.version, author: None };
            return self.pull_failed(&next, Some(pointer), problem, now, effects);
        }
        let unpublished = edits > 0 || overwritten;
        let backup = unpublished || !opened.cached && !nothing_here;
        effects.push(Effect::Swap { op, pointer, backup });
        self.job = Some(Job::Pull(next));
    }

    fn pull_swapped(&mut self, job: &PullJob, swapped: Swapped, now: Now, effects: &mut Vec<Effect>) {
        let Swapped { synced, backup, diff } = swapped;
        let (version, generation) = (synced.version, synced.generation);
        let adopted = synced.op == SyncOp::Adopt;
        self.agreed(synced, now, effects);
        let outcome = Outcome::Pulled { version, generation, diff, backup };
        let row = (!adopted).then_some((false, version));
        self.finish(job.command, outcome, row, effects);
    }

    fn pull_failed(
        &mut self,
        job: &PullJob,
        pointer: Option<RemotePointer>,
        problem: Problem,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let known = pointer.map(|pointer| pointer.mark).or_else(|| self.remote.mark.clone().flatten());
        match (known, &problem) {
            (_, Problem::ShuttingDown) if self.stopping => {}
            (_, Problem::BadPointer(_)) => self.read_failed(problem.clone(), now),
            (Some(mark), _) if self.is_in_the_way(&mark, &problem) => self.hold(mark, problem.clone(), now),
            (_, problem) if problem.verdict() == Verdict::Offline => self.remote_failed(problem.clone(), now),
            (None, _) => self.remote_failed(problem.clone(), now),
            (Some(_), _) => {}
        }
        effects.extend(job.command.map(|id| Effect::Reply(id, Err(problem))));
    }

    /// True when a problem keeps a version out of the folder, or shows that the version which is
    /// here can no longer be had from the bucket. Other troubles of a verb are the verb's own.
    fn is_in_the_way(&self, mark: &RemoteMark, problem: &Problem) -> bool {
        !self.is_here(mark) || self.held.is_some() || problem.verdict() == Verdict::Held
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
