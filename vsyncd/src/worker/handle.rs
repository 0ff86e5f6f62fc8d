//! The outside of a running worker: what others send to it, and what it shows.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use vsync_core::format::audit::Meta;
use vsync_core::sync::{Command, CommandId, Outcome, Policy, Problem, Report, Worker};

use super::checkout::Checkout;
use super::effects::Effects;
use super::progress::Step;
use crate::watch::watcher::Watching;

/// What a client's verb carries besides what the machine needs to know.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Cells of the audit row.
    pub meta: Meta,
    /// No audit row at all.
    pub no_audit: bool,
}

/// What other tasks send to a worker.
pub(super) enum Message {
    Command(CommandId, Command, Request, oneshot::Sender<Result<Outcome, Problem>>),
    Cancel(CommandId),
    PollNow,
    Policy(Policy),
    Stop,
}

/// What a worker shows of itself, from moment to moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The machine's report.
    pub report: Report,
    /// Whether swaps are one step here; `None` before the first.
    pub atomic: Option<bool>,
    /// Things a person should know, newest last.
    pub notices: Arc<Vec<crate::disk::state::Notice>>,
    /// Whether edits are heard of, or only seen by looks.
    pub watching: Watching,
}

impl View {
    pub(super) fn of(machine: &Worker, effects: &Effects) -> Self {
        let (atomic, notices, watching) = (effects.atomic(), effects.notices(), effects.watching());
        Self { report: machine.report(), atomic, notices, watching }
    }
}

/// The outside of a running worker.
#[derive(Debug, Clone)]
pub struct Handle {
    /// Which checkout it keeps.
    pub checkout: Arc<Checkout>,
    inbox: mpsc::UnboundedSender<Message>,
    view: watch::Receiver<View>,
    effects: Arc<Effects>,
    numbers: Arc<std::sync::atomic::AtomicU64>,
}

/// Cancels a verb whose client has left.
struct Leave<'a> {
    handle: &'a Handle,
    id: CommandId,
    done: bool,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.handle.send(Message::Cancel(self.id));
        }
    }
}

impl Handle {
    /// The outside of a worker that reads this inbox and shows itself in this view.
    pub(super) fn new(
        inbox: mpsc::UnboundedSender<Message>,
        view: watch::Receiver<View>,
        effects: Arc<Effects>,
    ) -> Self {
        Self { checkout: Arc::clone(&effects.checkout), inbox, view, effects, numbers: Arc::default() }
    }

    /// Has the worker do a verb. Dropping the future cancels what has not begun to change
    /// anything.
    ///
    /// # Errors
    /// Why it could not be done.
    pub async fn command(&self, command: Command, request: Request) -> Result<Outcome, Problem> {
        let id = CommandId(self.numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        self.send(Message::Command(id, command, request, answer));
        let mut leave = Leave { handle: self, id, done: false };
        let result = answered.await;
        leave.done = true;
        // The worker ended with the question: the daemon stops, or loads its settings.
        result.unwrap_or(Err(Problem::ShuttingDown))
    }

    /// What the worker shows now.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Follows what the worker shows.
    pub fn views(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Follows its long work.
    pub fn progress(&self) -> broadcast::Receiver<Step> {
        self.effects.progress.watch()
    }

    /// What it works with, for verbs that only read.
    pub fn effects(&self) -> &Arc<Effects> {
        &self.effects
    }

    /// Has it look at the remote at once.
    pub fn poll_now(&self) {
        self.send(Message::PollNow);
    }

    /// Gives it other settings.
    pub fn set_policy(&self, policy: Policy) {
        self.send(Message::Policy(policy));
    }

    /// Has it end when nothing is half done.
    pub fn stop(&self) {
        self.send(Message::Stop);
    }

    fn send(&self, message: Message) {
        // A worker that has ended answers nobody; waiting callers see their channel closed.
        let _ = self.inbox.send(message);
    }
}
