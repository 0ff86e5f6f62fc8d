//! The state machine of one checkout.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::backoff::Jitter;
use super::effect::{Effect, Outcome};
use super::event::{Command, CommandId, Event, Local, Now, OpId, PullMode, RemoteMark, RemotePointer};
use super::problem::{Problem, Verdict};
use super::pull::PullJob;
use super::push::PushJob;
use super::report::State;
use crate::vault::ledger::SyncPoint;
use crate::version::Version;

/// How long edits may go on before they are looked at all the same.
const DEBOUNCE_MAX: Duration = Duration::from_secs(2);
/// How long a folder must be quiet before a look.
const DEBOUNCE: Duration = Duration::from_millis(300);
/// How long a folder must be quiet before it is published by itself.
const QUIET: Duration = Duration::from_secs(2);

/// How long a divergence that nobody touches is left alone.
const PATIENCE: Duration = Duration::from_secs(3600);

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
    /// True while the folder or the bucket may be changing.
    const fn writes(&self) -> bool {
        match self {
            Self::Pull(job) => job.writes(),
            Self::Push(job) => job.writes(),
            Self::Audit(..) => false,
        }
    }

    /// True while nothing that matters has begun, so that a vanished client may cancel it.
    const fn cancellable(&self) -> bool {
        !self.writes() && !matches!(self, Self::Audit(..))
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
    jitter: Jitter,
    ops: u64,
    pub(super) synced: Option<SyncPoint>,
    /// The newest version that was ever applied or published here.
    pub(super) floor: Option<Version>,
    /// The greatest generation known from here.
    pub(super) generation: Option<u64>,
    pub(super) local: Option<Local>,
    pub(super) local_trouble: Option<Problem>,
    pub(super) remote: Remote,
    pub(super) held: Option<Held>,
    pub(super) job: Option<Job>,
    queue: VecDeque<(CommandId, Command)>,
    lookers: Vec<CommandId>,
    head: Option<OpId>,
    scan: Option<OpId>,
    next_poll: Instant,
    next_rescan: Instant,
    scan_due: Option<Instant>,
    scan_latest: Option<Instant>,
    push_due: Option<Instant>,
    stopping: bool,
    state: State,
    pub(super) since: Timestamp,
}

impl Worker {
    /// A worker that knows what was last agreed on and will look at both sides at once. `floor`
    /// is the newest version ever here, also when the ledger was lost.
    pub fn new(
        policy: Policy,
        seed: u64,
        synced: Option<SyncPoint>,
        floor: Option<Version>,
        generation: Option<u64>,
        now: Now,
    ) -> Self {
        let floor = floor.max(synced.as_ref().map(|point| point.version));
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
            remote: Remote::default(),
            held: None,
            job: None,
            queue: VecDeque::new(),
            lookers: Vec::new(),
            head: None,
            scan: None,
            next_poll: now.instant,
            next_rescan: now.instant,
            scan_due: Some(now.instant),
            scan_latest: Some(now.instant),
            push_due: None,
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
            Event::PollNow => {
                self.next_poll = now.instant;
                self.remote.failures = 0;
                if let Some(held) = &mut self.held {
                    held.retry_at = now.instant;
                }
            }
            Event::FolderChanged => self.folder_changed(now),
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

    /// When [`Event::Timer`] is to be sent at the latest.
    pub fn poll_timeout(&self) -> Instant {
        let mut next = self.next_poll;
        for due in [Some(self.next_rescan), self.scan_due, self.push_due].into_iter().flatten() {
            next = next.min(due);
        }
        next
    }

    /// True when, after [`Event::Stop`], nothing is half done any more.
    pub const fn is_stopped(&self) -> bool {
        self.stopping && self.job.is_none()
    }

    pub(super) const fn set_next_poll(&mut self, at: Instant) {
        self.next_poll = at;
    }

    /// New settings; they count from the next wait on.
    pub fn set_policy(&mut self, policy: Policy, now: Now) {
        if policy.poll != self.policy.poll {
            self.next_poll = now.instant;
        }
        self.policy = policy;
    }

    pub(super) fn op(&mut self) -> OpId {
        self.ops += 1;
        OpId(self.ops)
    }

    fn folder_changed(&mut self, now: Now) {
        let latest = *self.scan_latest.get_or_insert(now.instant + DEBOUNCE_MAX);
        self.scan_due = Some((now.instant + DEBOUNCE).min(latest));
        if self.push_due.is_some() {
            self.push_due = Some(now.instant + QUIET);
        }
    }

    fn command(&mut self, id: CommandId, command: Command, effects: &mut Vec<Effect>) {
        if self.stopping {
            effects.push(Effect::Reply(id, Err(Problem::ShuttingDown)));
        } else if command == Command::Diff {
            // A look that began before the question may have missed the edit it is about.
            if let Some(op) = self.scan.take() {
                effects.push(Effect::Abort(op));
            }
            self.lookers.push(id);
        } else {
            self.queue.push_back((id, command));
        }
    }

    fn cancel(&mut self, id: CommandId, effects: &mut Vec<Effect>) {
        self.queue.retain(|(queued, _)| *queued != id);
        self.lookers.retain(|looker| *looker != id);
        let (command, op) = match &self.job {
            Some(Job::Pull(job)) => (job.command, job.op),
            Some(Job::Push(job)) => (job.command, job.op),
            _ => return,
        };
        if command == Some(id) && self.job.as_ref().is_some_and(Job::cancellable) {
            self.job = None;
            effects.push(Effect::Abort(op));
            effects.push(Effect::Reply(id, Err(Problem::Cancelled)));
        }
    }

    fn stop(&mut self, effects: &mut Vec<Effect>) {
        self.stopping = true;
        let waiting = self.queue.drain(..).map(|(id, _)| id).chain(self.lookers.drain(..));
        effects.extend(waiting.map(|id| Effect::Reply(id, Err(Problem::ShuttingDown))));
        effects.extend(self.head.take().map(Effect::Abort));
        effects.extend(self.scan.take().map(Effect::Abort));
        if self.job.as_ref().is_some_and(Job::cancellable) {
            let (command, op) = match self.job.take() {
                Some(Job::Pull(job)) => (job.command, job.op),
                Some(Job::Push(job)) => (job.command, job.op),
                Some(Job::Audit(..)) | None => return,
            };
            effects.push(Effect::Abort(op));
            effects.extend(command.map(|id| Effect::Reply(id, Err(Problem::ShuttingDown))));
        }
    }

    fn headed(&mut self, op: OpId, result: Result<Option<RemoteMark>, Problem>, now: Now) {
        if self.head != Some(op) {
            return;
        }
        self.head = None;
        match result {
            Ok(mark) => self.seen(mark, now),
            Err(problem) => self.remote_failed(problem, now),
        }
    }

    /// The pointer was seen: the store answers.
    pub(super) fn seen(&mut self, mark: Option<RemoteMark>, now: Now) {
        if self.held.as_ref().is_some_and(|held| Some(&held.mark) != mark.as_ref()) {
            self.held = None;
        }
        if self.remote.pointer.as_ref().is_some_and(|pointer| Some(&pointer.mark) != mark.as_ref()) {
            self.remote.pointer = None;
        }
        self.remote.mark = Some(mark);
        self.remote.checked_at = Some(now.wall);
        self.remote.trouble = None;
        self.remote.failures = 0;
        self.next_poll = now.instant + self.jitter.interval(self.policy.poll);
    }

    /// The store did not answer, or refused.
    pub(super) fn remote_failed(&mut self, problem: Problem, now: Now) {
        self.remote.trouble = Some(problem);
        self.remote.failures = self.remote.failures.saturating_add(1);
        self.next_poll = now.instant + self.jitter.after_failure(self.policy.poll, self.remote.failures);
    }

    /// A background pull came to nothing: remember why, and try again later.
    pub(super) fn hold(&mut self, mark: RemoteMark, problem: Problem, now: Now) {
        let failures = match &self.held {
            Some(held) if held.mark == mark => held.failures.saturating_add(1),
            _ => 1,
        };
        // What waits for a person is looked at again when the folder changes.
        let wait = match problem.verdict() {
            Verdict::Diverged => PATIENCE,
            _ => self.jitter.after_failure(self.policy.poll, failures),
        };
        let retry_at = now.instant + wait;
        self.held = Some(Held { mark, problem, retry_at, failures });
    }

    fn scanned(&mut self, op: OpId, result: Result<Local, Problem>, now: Now, effects: &mut Vec<Effect>) {
        if self.scan == Some(op) {
            self.scan = None;
            let answer = result.clone().map(Outcome::Diff);
            let lookers = std::mem::take(&mut self.lookers);
            effects.extend(lookers.into_iter().map(|id| Effect::Reply(id, answer.clone())));
            self.looked(result, now);
        } else {
            self.job_outcome(Event::Scanned(op, result), now, effects);
        }
    }

    /// The folder was looked at.
    pub(super) fn looked(&mut self, result: Result<Local, Problem>, now: Now) {
        self.next_rescan = now.instant + self.jitter.interval(self.policy.rescan);
        match result {
            Ok(local) => {
                if self.local.as_ref() != Some(&local) {
                    // An edit was undone or made: what waits for a person may go on by itself.
                    if let Some(held) = &mut self.held {
                        held.retry_at = now.instant;
                    }
                    let publish = self.policy.on_edit == OnEdit::Push && !local.diff.is_empty();
                    self.push_due = publish.then_some(now.instant + QUIET);
                }
                self.local = Some(local);
                self.local_trouble = None;
            }
            Err(problem) => {
                self.local_trouble = Some(problem);
                self.push_due = None;
            }
        }
    }

    /// Folder and remote agree since now.
    pub(super) fn agreed(&mut self, synced: SyncPoint, now: Now) {
        self.floor = self.floor.max(Some(synced.version));
        self.generation = self.generation.max(synced.generation);
        let mark = synced.mark();
        self.synced = Some(synced);
        self.held = None;
        self.push_due = None;
        self.seen(Some(mark), now);
        // What was found before is measured against the old agreement.
        self.scan_due = Some(now.instant);
        self.scan_latest = Some(now.instant);
    }

    fn audited(&mut self, op: OpId, effects: &mut Vec<Effect>) {
        if matches!(&self.job, Some(Job::Audit(awaited, _)) if *awaited == op)
            && let Some(Job::Audit(_, Some((id, outcome)))) = self.job.take()
        {
            effects.push(Effect::Reply(id, Ok(outcome)));
        }
    }

    fn job_outcome(&mut self, outcome: Event, now: Now, effects: &mut Vec<Effect>) {
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
            return;
        }
        if self.job.is_none()
            && let Some((id, command)) = self.queue.pop_front()
        {
            self.begin(Some(id), command, effects);
        }
        if self.job.is_none() && self.local.is_some() && self.pull_is_due(now) {
            self.begin_pull(None, PullMode::Plain, false, effects);
        }
        if self.job.is_none() && self.push_due.is_some_and(|due| due <= now.instant) {
            self.push_due = None;
            if self.held.is_none() && self.remote.trouble.is_none() {
                self.begin(None, Command::Push { force: false }, effects);
            }
        }
        self.start_looks(now, effects);
    }

    fn begin(&mut self, id: Option<CommandId>, command: Command, effects: &mut Vec<Effect>) {
        // A look under way would end in a state that the job has overtaken.
        effects.extend(self.head.take().map(Effect::Abort));
        match command {
            Command::Push { force } => self.begin_push(id, force, effects),
            Command::Pull { mode, allow_rollback } => self.begin_pull(id, mode, allow_rollback, effects),
            Command::Diff => {}
        }
    }

    fn start_looks(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.next_poll <= now.instant && self.head.is_none() && self.job.is_none() {
            let op = self.op();
            self.head = Some(op);
            // A poll that never ends must not stop the clock.
            self.next_poll = now.instant + super::backoff::cap(self.policy.poll);
            effects.push(Effect::Head(op));
        } else if self.next_poll <= now.instant {
            self.next_poll = now.instant + DEBOUNCE;
        }
        let due = self.scan_due.is_some_and(|due| due <= now.instant)
            || self.next_rescan <= now.instant
            || !self.lookers.is_empty();
        let quiet = match &self.job {
            None => true,
            Some(job) => !self.lookers.is_empty() && !job.writes(),
        };
        if due && quiet && self.scan.is_none() {
            let op = self.op();
            self.scan = Some(op);
            self.scan_due = None;
            self.scan_latest = None;
            self.next_rescan = now.instant + self.policy.rescan;
            effects.push(Effect::Scan { op, keep: false });
        } else if due {
            self.scan_due = self.scan_due.map(|due| due.max(now.instant + DEBOUNCE));
            self.next_rescan = self.next_rescan.max(now.instant + DEBOUNCE);
        }
    }

    /// True when the remote shows something that is neither here nor held for now.
    fn pull_is_due(&self, now: Now) -> bool {
        let Some(Some(mark)) = &self.remote.mark else { return false };
        if self.remote.trouble.is_some() || self.local_trouble.is_some() {
            return false;
        }
        if self.synced.as_ref().is_some_and(|synced| synced.mark() == *mark) {
            return false;
        }
        match &self.held {
            Some(held) => held.mark != *mark || held.retry_at <= now.instant,
            None => true,
        }
    }
}

impl SyncPoint {
    /// What the pointer looks like while this agreement holds.
    pub fn mark(&self) -> RemoteMark {
        RemoteMark { etag: self.etag.clone(), generation: self.generation, push_id: self.push_id.clone() }
    }
}
