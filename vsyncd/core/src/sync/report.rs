//! What a worker shows of itself.

use std::time::Instant;

use jiff::Timestamp;

use super::event::{Local, RemoteMark};
use super::problem::{Problem, Verdict};
use super::worker::{Job, Worker};
use crate::vault::ledger::SyncPoint;
use crate::version::Version;

/// The state of one checkout, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Folder and remote agree.
    Ok,
    /// The folder holds edits that are not published.
    Edited,
    /// The folder holds edits and the remote moved: a person decides.
    Diverged,
    /// The remote moved and is not here yet.
    Behind,
    /// The remote shows something that is not trusted or not whole.
    Held,
    /// The store does not answer.
    Offline,
    /// Something is not set up right.
    Error,
}

/// All that status shows of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The state.
    pub state: State,
    /// What stands behind it.
    pub problem: Option<Problem>,
    /// Since when.
    pub since: Timestamp,
    /// What the folder agrees with.
    pub synced: Option<SyncPoint>,
    /// The folder as last looked at; `None` before the first look.
    pub local: Option<Local>,
    /// The pointer as last seen: `None` = never seen, `Some(None)` = there is none.
    pub remote: Option<Option<RemoteMark>>,
    /// What the pointer names, where it was read.
    pub remote_version: Option<Version>,
    /// When the pointer was last seen.
    pub checked_at: Option<Timestamp>,
    /// A pull or push is under way.
    pub busy: bool,
    /// When the remote is looked at next.
    pub next_poll: Instant,
}

impl Worker {
    /// The present state and what stands behind it.
    pub fn report(&self) -> Report {
        let (state, problem) = self.judge();
        Report {
            state,
            problem: problem.cloned(),
            since: self.since,
            synced: self.synced.clone(),
            local: self.local.clone(),
            remote: self.remote.mark.clone(),
            remote_version: self.remote_version(),
            checked_at: self.remote.checked_at,
            busy: matches!(self.job, Some(Job::Pull(_) | Job::Push(_))),
            next_poll: self.timers.poll,
        }
    }

    pub(super) fn present_state(&self) -> State {
        self.judge().0
    }

    fn remote_version(&self) -> Option<Version> {
        let read = self.remote.pointer.as_ref().map(|pointer| pointer.version);
        read.or_else(|| {
            let seen = self.remote.mark.as_ref()?.as_ref()?;
            self.synced.as_ref().filter(|synced| synced.mark() == *seen).map(|synced| synced.version)
        })
    }

    /// The worst thing first: what keeps everything from working, then what keeps the remote
    /// out, then what only this folder knows.
    fn judge(&self) -> (State, Option<&Problem>) {
        let trouble = self.remote.trouble.as_ref();
        let held = self.held.as_ref().map(|held| &held.problem);
        if let Some(problem) = &self.local_trouble {
            return (State::Error, Some(problem));
        }
        if let Some(problem) = trouble.or(held) {
            let state = match problem.verdict() {
                Verdict::Offline => State::Offline,
                Verdict::Held => State::Held,
                Verdict::Diverged => State::Diverged,
                Verdict::Error => State::Error,
            };
            return (state, Some(problem));
        }
        let edited = self.local.as_ref().is_some_and(|local| !local.missing && !local.diff.is_empty());
        let moved = match &self.remote.mark {
            Some(Some(mark)) => self.synced.as_ref().is_none_or(|synced| synced.mark() != *mark),
            _ => false,
        };
        let gone = self.synced.is_some() && self.remote.mark == Some(None);
        let missing = self.local.as_ref().is_some_and(|local| local.missing);
        match (moved, edited) {
            _ if gone => (State::Held, Some(&Problem::NothingPublished)),
            (_, false) if missing => (State::Behind, Some(&Problem::FolderMissing)),
            (true, _) => (State::Behind, None),
            // Nobody asked for that push, so nobody else would hear of its end.
            (false, true) if self.push_trouble.is_some() => (State::Error, self.push_trouble.as_ref()),
            (false, true) => (State::Edited, None),
            (false, false) => (State::Ok, None),
        }
    }
}
