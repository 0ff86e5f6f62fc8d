//! Looking at both sides: when, and what follows from what was found.

use std::time::Instant;

use super::backoff::cap;
use super::effect::{Effect, Outcome};
use super::event::{Event, Local, Now, OpId, RemoteMark};
use super::problem::{Problem, Verdict};
use super::timers::{DEBOUNCE, PATIENCE, QUIET, SETTLED};
use super::worker::{Held, Job, OnEdit, Policy, Worker};

impl Worker {
    /// When [`Event::Timer`] is to be sent at the latest.
    pub fn poll_timeout(&self) -> Instant {
        let retry = self.held.as_ref().map(|held| held.retry_at).filter(|_| self.wants_pull());
        let due = [self.timers.scan, self.push_due(), retry];
        due.into_iter().flatten().fold(self.timers.poll.min(self.timers.rescan), Instant::min)
    }

    /// New settings; a poll under way ends under the old ones.
    pub fn set_policy(&mut self, policy: Policy, now: Now) {
        if policy.poll != self.policy.poll && self.head.is_none() {
            self.timers.poll = now.instant;
        }
        self.timers.rescan = self.timers.rescan.min(now.instant + policy.rescan);
        self.policy = policy;
        self.push_trouble = self.push_trouble.take().filter(|_| policy.on_edit == OnEdit::Push);
        self.timers.push = self.would_push().then(|| self.timers.push.unwrap_or(now.instant + QUIET));
    }

    pub(super) fn poll_at_once(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // A request that was under way across a sleep or on another network may hang for long.
        effects.extend(self.head.take().map(Effect::Abort));
        self.timers.poll = now.instant;
        self.remote.failures = 0;
        if let Some(held) = &mut self.held {
            held.retry_at = now.instant;
        }
    }

    pub(super) fn headed(&mut self, op: OpId, result: Result<Option<RemoteMark>, Problem>, now: Now) {
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
        self.generation = self.generation.max(mark.as_ref().and_then(|mark| mark.generation));
        self.remote.mark = Some(mark);
        self.remote.checked_at = Some(now.wall);
        self.remote.trouble = None;
        self.remote.failures = 0;
        self.timers.poll = now.instant + self.jitter.interval(self.policy.poll);
    }

    /// The store did not answer, or refused.
    pub(super) fn remote_failed(&mut self, problem: Problem, now: Now) {
        self.remote.trouble = Some(problem);
        self.remote.failures = self.remote.failures.saturating_add(1);
        self.timers.poll = now.instant + self.jitter.after_failure(self.policy.poll, self.remote.failures);
    }

    /// A pull came to nothing: remember why, and try again later.
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

    pub(super) fn scanned(
        &mut self,
        op: OpId,
        result: Result<Local, Problem>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.scan != Some(op) {
            return self.job_outcome(Event::Scanned(op, result), now, effects);
        }
        self.scan = None;
        let answer = result.clone().map(Outcome::Diff);
        let lookers = std::mem::take(&mut self.lookers);
        effects.extend(lookers.into_iter().map(|id| Effect::Reply(id, answer.clone())));
        self.looked(result, now);
    }

    /// The folder was looked at.
    pub(super) fn looked(&mut self, result: Result<Local, Problem>, now: Now) {
        let next = self.jitter.interval(self.policy.rescan);
        match result {
            Ok(local) => {
                self.timers.rescan = now.instant + next;
                self.scan_failures = 0;
                let changed = self.local.as_ref() != Some(&local);
                let repaired = self.local_trouble.take().is_some();
                self.local = Some(local);
                if changed || repaired {
                    self.push_failures = 0;
                    self.push_trouble = None;
                    self.retry_for_folder(now);
                }
                let quiet = now.instant + QUIET;
                let due = self.timers.push.filter(|_| !changed);
                self.timers.push = self.would_push().then(|| due.unwrap_or(quiet));
            }
            Err(problem) => {
                self.scan_failures = self.scan_failures.saturating_add(1);
                let retry = self.jitter.after_failure(self.policy.poll, self.scan_failures);
                self.timers.rescan = now.instant + retry.min(next);
                self.local_trouble = Some(problem);
                self.timers.push = None;
            }
        }
    }

    /// The folder is not what it was when the remote version was held back. An undone edit lets
    /// it come now; an edit may have made the two equal, which is worth a look once it is over.
    fn retry_for_folder(&mut self, now: Now) {
        let clean = self.local.as_ref().is_some_and(|local| local.missing || local.diff.is_empty());
        let soon = if clean { now.instant } else { now.instant + SETTLED };
        if let Some(held) = &mut self.held {
            held.retry_at = match held.problem.verdict() {
                Verdict::Diverged => soon,
                Verdict::Error => held.retry_at.min(soon),
                Verdict::Offline | Verdict::Held => held.retry_at,
            };
        }
    }

    pub(super) fn start_looks(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.timers.poll <= now.instant {
            self.start_poll(now, effects);
        }
        let asked = !self.lookers.is_empty() && self.scan.is_none();
        if !asked && !self.timers.scan_is_due(now.instant) {
            return;
        }
        // Work under way looks for itself; a question is answered all the same, as long as the
        // folder is not being replaced.
        let may = match &self.job {
            None | Some(Job::Audit(..)) => true,
            Some(Job::Push(_)) => asked,
            Some(Job::Pull(job)) => asked && !job.writes(),
        };
        if may && self.scan.is_none() {
            let op = self.op();
            self.scan = Some(op);
            self.timers.scan_started(now.instant + self.policy.rescan);
            effects.push(Effect::Scan { op, keep: false });
        } else {
            self.timers.put_off_scan(now.instant);
        }
    }

    fn start_poll(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.job.is_some() {
            self.timers.poll = now.instant + DEBOUNCE;
        } else if let Some(op) = self.head.take() {
            effects.push(Effect::Abort(op));
            self.remote_failed(Problem::Unreachable("no answer in time".to_owned()), now);
        } else {
            let op = self.op();
            self.head = Some(op);
            self.timers.poll = now.instant + cap(self.policy.poll);
            effects.push(Effect::Head(op));
        }
    }

    /// True when nothing but time stands between the remote version and another try.
    fn wants_pull(&self) -> bool {
        let Some(Some(mark)) = &self.remote.mark else { return false };
        let able = self.job.is_none() && !self.stopping && self.local.is_some();
        let healthy = self.remote.trouble.is_none() && self.local_trouble.is_none();
        able && healthy && (self.held.is_some() || !self.is_here(mark))
    }

    pub(super) fn pull_is_due(&self, now: Now) -> bool {
        self.wants_pull() && self.held.as_ref().is_none_or(|held| held.retry_at <= now.instant)
    }

    /// When the folder is published by itself, unless something stands in the way.
    pub(super) fn push_due(&self) -> Option<Instant> {
        let able = self.job.is_none() && !self.stopping;
        let clear = self.held.is_none() && self.remote.trouble.is_none();
        self.timers.push.filter(|_| able && clear)
    }

    /// True when the folder holds something to publish by itself.
    fn would_push(&self) -> bool {
        let edited = self.local.as_ref().is_some_and(|local| !local.missing && !local.diff.is_empty());
        edited && self.policy.on_edit == OnEdit::Push
    }
}
