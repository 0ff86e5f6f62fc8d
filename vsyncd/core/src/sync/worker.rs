//! The state machine of one checkout.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::backoff::Jitter;
use super::effect::{Effect, Outcome};
use super::event::{Command, CommandId, Event, Local, Now, OpId, PullMode, RemoteMark, RemotePointer};
use super::problem::Problem;
use super::pull::PullJob;
use super::push::PushJob;
use super::report::State;
use super::timers::Timers;
use crate::vault::diff::Diff;
use crate::vault::ledger::SyncPoint;
use crate::version::Version;

/// What a worker does by itself about edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEdit {
    /// Show them in the status.
    Status,
    /// Publish them after a quiet moment.
    Push,
}

/// Settings of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Time between two looks at the remote when all is well.
    pub poll: Duration,
    /// Time between two looks at the folder when no edit was announced.
    pub rescan: Duration,
    /// What to do about edits.
    pub on_edit: OnEdit,
}

/// Why the remote version that was last seen is not in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) mark: RemoteMark,
    pub(super) problem: Problem,
    pub(super) retry_at: Instant,
    pub(super) failures: u32,
}

/// What is known of the remote.
#[derive(Debug, Clone, Default)]
pub(super) struct Remote {
    /// The pointer as last seen; the outer `None` means never.
    pub(super) mark: Option<Option<RemoteMark>>,
    /// The pointer as last read.
    pub(super) pointer: Option<RemotePointer>,
    /// When it was last seen.
    pub(super) checked_at: Option<Timestamp>,
    /// Why the last look failed.
    pub(super) trouble: Option<Problem>,
    pub(super) failures: u32,
}

/// The one thing under way besides looking.
#[derive(Debug, Clone)]
pub(super) enum Job {
    Pull(PullJob),
    Push(PushJob),
    /// The work is done; only the audit row is awaited before the answer goes out.
    Audit(OpId, Option<(CommandId, Outcome)>),
}

impl Job {
    /// Who asked; `None` for work of the worker's own.
    fn command(&self) -> Option<CommandId> {
        match self {
            Self::Pull(job) => job.command,
            Self::Push(job) => job.command,
            Self::Audit(_, answer) => answer.as_ref().map(|(id, _)| *id),
        }
    }

    /// The effect that is awaited.
    const fn op(&self) -> OpId {
        match self {
            Self::Pull(job) => job.op,
            Self::Push(job) => job.op,
            Self::Audit(op, _) => *op,
        }
    }

    /// True while nothing that matters has begun, so that a vanished client may cancel it.
    const fn cancellable(&self) -> bool {
        match self {
            Self::Pull(job) => !job.writes(),
            Self::Push(job) => !job.writes(),
            Self::Audit(..) => false,
        }
    }
}

/// Keeps one folder in step with one pointer.
///
/// It holds: at most one writing effect is under way; a publish names the pointer it replaces; a
/// swap over edits is preceded by a backup; an outcome of a number no longer awaited changes
/// nothing; after [`Event::Stop`] nothing new starts; after each failure another try is due.
#[derive(Debug, Clone)]
pub struct Worker {
    pub(super) policy: Policy,
    pub(super) jitter: Jitter,
    ops: u64,
    pub(super) synced: Option<SyncPoint>,
    /// The version that was last applied or published here; an older one is suspicious.
    pub(super) floor: Option<Version>,
    /// The greatest generation that was ever seen.
    pub(super) generation: Option<u64>,
    pub(super) local: Option<Local>,
    pub(super) local_trouble: Option<Problem>,
    pub(super) scan_failures: u32,
    pub(super) push_failures: u32,
    /// Why the worker's own push of the present edits came to nothing.
    pub(super) push_trouble: Option<Problem>,
    pub(super) remote: Remote,
    pub(super) held: Option<Held>,
    pub(super) job: Option<Job>,
    queue: VecDeque<(CommandId, Command)>,
    /// Who waits for the next look at the folder.
    pub(super) lookers: Vec<CommandId>,
    pub(super) head: Option<OpId>,
    pub(super) scan: Option<OpId>,
    pub(super) timers: Timers,
    pub(super) stopping: bool,
    state: State,
    pub(super) since: Timestamp,
}

impl Worker {
    /// A worker that knows what was last agreed on and will look at both sides at once. `floor`
    /// is the version that a remote must not be older than where no agreement is known (the
    /// ledger was lost); otherwise it is the agreement's own.
    pub fn new(
        policy: Policy,
        seed: u64,
        synced: Option<SyncPoint>,
        floor: Option<Version>,
        generation: Option<u64>,
        now: Now,
    ) -> Self {
        let floor = synced.as_ref().map(|point| point.version).or(floor);
        let generation = generation.max(synced.as_ref().and_then(|point| point.generation));
        Self {
            policy,
            jitter: Jitter::new(seed),
            ops: 0,
            synced,
            floor,
            generation,
            local: None,
            local_trouble: None,
            scan_failures: 0,
            push_failures: 0,
            push_trouble: None,
            remote: Remote::default(),
            held: None,
            job: None,
            queue: VecDeque::new(),
            lookers: Vec::new(),
            head: None,
            scan: None,
            timers: Timers::all_due(now.instant),
            stopping: false,
            state: State::Ok,
            since: now.wall,
        }
    }

    /// Takes one event in and says what to do.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Timer => {}
            Event::PollNow => self.poll_at_once(now, &mut effects),
            Event::FolderChanged => self.timers.folder_changed(now.instant),
            Event::Command(id, command) => self.command(id, command, &mut effects),
            Event::Cancel(id) => self.cancel(id, &mut effects),
            Event::Headed(op, result) => self.headed(op, result, now),
            Event::Scanned(op, result) => self.scanned(op, result, now, &mut effects),
            Event::Audited(op) => self.audited(op, &mut effects),
            Event::Stop => self.stop(&mut effects),
            outcome => self.job_outcome(outcome, now, &mut effects),
        }
        self.start_due(now, &mut effects);
        let state = self.present_state();
        if state != self.state {
            self.state = state;
            self.since = now.wall;
        }
        effects
    }

    /// True when, after [`Event::Stop`], nothing is half done any more.
    pub const fn is_stopped(&self) -> bool {
        self.stopping && self.job.is_none()
    }

    /// True when the folder agrees with this state of the pointer.
    pub(super) fn is_here(&self, mark: &RemoteMark) -> bool {
        self.synced.as_ref().is_some_and(|synced| synced.mark() == *mark)
    }

    pub(super) const fn op(&mut self) -> OpId {
        self.ops += 1;
        OpId(self.ops)
    }

    fn command(&mut self, id: CommandId, command: Command, effects: &mut Vec<Effect>) {
        if self.stopping {
            effects.push(Effect::Reply(id, Err(Problem::ShuttingDown)));
        } else if command == Command::Diff {
            // A look that began before the question may have missed the edit it is about.
            effects.extend(self.scan.take().map(Effect::Abort));
            self.lookers.push(id);
        } else {
            self.queue.push_back((id, command));
        }
    }

    fn cancel(&mut self, id: CommandId, effects: &mut Vec<Effect>) {
        let waiting = self.queue.len() + self.lookers.len();
        self.queue.retain(|(queued, _)| *queued != id);
        self.lookers.retain(|looker| *looker != id);
        if self.queue.len() + self.lookers.len() < waiting {
            effects.push(Effect::Reply(id, Err(Problem::Cancelled)));
        } else if self.job.as_ref().is_some_and(|job| job.command() == Some(id)) {
            self.drop_job(&Problem::Cancelled, effects);
        }
    }

    fn stop(&mut self, effects: &mut Vec<Effect>) {
        self.stopping = true;
        let waiting = self.queue.drain(..).map(|(id, _)| id).chain(self.lookers.drain(..));
        effects.extend(waiting.map(|id| Effect::Reply(id, Err(Problem::ShuttingDown))));
        effects.extend(self.head.take().map(Effect::Abort));
        effects.extend(self.scan.take().map(Effect::Abort));
        self.drop_job(&Problem::ShuttingDown, effects);
    }

    /// Gives the job up, unless something that matters has begun.
    fn drop_job(&mut self, why: &Problem, effects: &mut Vec<Effect>) {
        if let Some(job) = self.job.take_if(|job| job.cancellable()) {
            effects.push(Effect::Abort(job.op()));
            effects.extend(job.command().map(|id| Effect::Reply(id, Err(why.clone()))));
        }
    }

    /// Folder and remote agree since now.
    pub(super) fn agreed(&mut self, synced: SyncPoint, now: Now, effects: &mut Vec<Effect>) {
        self.floor = Some(synced.version);
        let mark = synced.mark();
        self.synced = Some(synced);
        self.held = None;
        self.timers.push = None;
        self.push_failures = 0;
        self.push_trouble = None;
        self.seen(Some(mark), now);
        // What was found before, or is being found, is measured against the old agreement.
        if let Some(local) = &mut self.local {
            local.diff = Diff::default();
            local.missing = false;
        }
        effects.extend(self.scan.take().map(Effect::Abort));
        self.timers.scan_at(now.instant);
    }

    fn audited(&mut self, op: OpId, effects: &mut Vec<Effect>) {
        let awaited = |job: &mut Job| matches!(job, Job::Audit(awaited, _) if *awaited == op);
        if let Some(Job::Audit(_, Some((id, outcome)))) = self.job.take_if(awaited) {
            effects.push(Effect::Reply(id, Ok(outcome)));
        }
    }

    pub(super) fn job_outcome(&mut self, outcome: Event, now: Now, effects: &mut Vec<Effect>) {
        match self.job.take() {
            Some(Job::Pull(job)) => self.pull_outcome(job, outcome, now, effects),
            Some(Job::Push(job)) => self.push_outcome(job, outcome, now, effects),
            other => self.job = other,
        }
    }

    /// Ends a job well: the audit row, then the answer.
    pub(super) fn finish(
        &mut self,
        command: Option<CommandId>,
        outcome: Outcome,
        row: Option<(bool, Version)>,
        effects: &mut Vec<Effect>,
    ) {
        let answer = command.map(|id| (id, outcome));
        match row {
            Some((push, version)) => {
                let op = self.op();
                effects.push(Effect::Audit { op, command, push, version });
                self.job = Some(Job::Audit(op, answer));
            }
            None => effects.extend(answer.map(|(id, outcome)| Effect::Reply(id, Ok(outcome)))),
        }
    }

    /// Starts what is due and may start now.
    fn start_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.stopping {
            return self.timers.rest(now.instant);
        }
        if self.job.is_none()
            && let Some((id, command)) = self.queue.pop_front()
        {
            self.begin(Some(id), command, now, effects);
        }
        if self.pull_is_due(now) {
            let command = Command::Pull { mode: PullMode::Plain, allow_rollback: false };
            self.begin(None, command, now, effects);
        }
        if self.push_due().is_some_and(|due| due <= now.instant) {
            self.timers.push = None;
            self.begin(None, Command::Push { force: false }, now, effects);
        }
        self.start_looks(now, effects);
    }

    fn begin(&mut self, id: Option<CommandId>, command: Command, now: Now, effects: &mut Vec<Effect>) {
        // The job reads the pointer itself; where it does not get so far, the poll begins again.
        if let Some(op) = self.head.take() {
            effects.push(Effect::Abort(op));
            self.timers.poll = now.instant;
        }
        match command {
            Command::Push { force } => self.begin_push(id, force, 0, effects),
            Command::Pull { mode, allow_rollback } => self.begin_pull(id, mode, allow_rollback, effects),
            Command::Diff => {}
        }
    }
}
