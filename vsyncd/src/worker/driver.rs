//! The loop around one worker: an event in, effects out, outcomes back in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use vsync_core::format::audit::Meta;
use vsync_core::sync::{
    Command, CommandId, Effect, Event, Now, OpId, Outcome, Policy, Problem, Report, Worker,
};

use super::checkout::Checkout;
use super::effects::Effects;
use super::progress::Step;
use crate::clock;
use crate::watch::watcher::Watching;

/// How often replaced folders are looked at.
const KEPT_TICK: Duration = Duration::from_secs(2);

/// What a client's verb carries besides what the machine needs to know.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Cells of the audit row.
    pub meta: Meta,
    /// No audit row at all.
    pub no_audit: bool,
}

/// What other tasks send to a worker.
enum Message {
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
    fn of(machine: &Worker, effects: &Effects) -> Self {
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

/// Outcome of something that runs beside the loop.
enum Done {
    Event(Box<Event>),
    Kept,
    Flushed,
}

/// One worker, not yet running.
pub struct Driver {
    machine: Worker,
    effects: Arc<Effects>,
    edited: Arc<Notify>,
    inbox: mpsc::UnboundedReceiver<Message>,
    view: watch::Sender<View>,
    running: JoinSet<Done>,
    ops: HashMap<OpId, AbortHandle>,
    waiting: HashMap<CommandId, oneshot::Sender<Result<Outcome, Problem>>>,
    requests: HashMap<CommandId, Request>,
    flushing: bool,
}

impl Driver {
    /// Puts a machine and its effects together.
    pub fn new(machine: Worker, effects: Arc<Effects>, edited: Arc<Notify>) -> (Self, Handle) {
        let (sender, inbox) = mpsc::unbounded_channel();
        let (view, seen) = watch::channel(View::of(&machine, &effects));
        let handle = Handle {
            checkout: Arc::clone(&effects.checkout),
            inbox: sender,
            view: seen,
            effects: Arc::clone(&effects),
            numbers: Arc::default(),
        };
        let driver = Self {
            machine,
            effects,
            edited,
            inbox,
            view,
            running: JoinSet::new(),
            ops: HashMap::new(),
            waiting: HashMap::new(),
            requests: HashMap::new(),
            flushing: false,
        };
        (driver, handle)
    }

    /// Runs until it is told to stop and nothing is half done.
    pub async fn run(mut self) {
        let edited = Arc::clone(&self.edited);
        let mut kept = tokio::time::interval(KEPT_TICK);
        kept.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut keeping = false;
        while !self.machine.is_stopped() {
            let timer = tokio::time::sleep_until(self.machine.poll_timeout().into());
            let event = tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.told(message),
                    None => Some(Event::Stop),
                },
                Some(done) = self.running.join_next() => match done {
                    Ok(Done::Event(event)) => Some(*event),
                    Ok(Done::Flushed) => {
                        self.flushing = false;
                        None
                    }
                    Ok(Done::Kept) => {
                        keeping = false;
                        self.show();
                        None
                    }
                    // Aborted on purpose.
                    Err(error) if error.is_cancelled() => None,
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                },
                () = edited.notified() => Some(Event::FolderChanged),
                _ = kept.tick(), if !keeping && self.effects.has_kept() => {
                    keeping = true;
                    let effects = Arc::clone(&self.effects);
                    self.running.spawn(async move {
                        effects.sweep_kept().await;
                        Done::Kept
                    });
                    None
                }
                () = timer => Some(Event::Timer),
            };
            if let Some(event) = event {
                if matches!(event, Event::Headed(_, Ok(_))) {
                    self.flush();
                }
                self.handle(event);
            }
        }
        // A sweep under way may hold the only copy of a late write.
        while let Some(done) = self.running.join_next().await {
            drop(done);
        }
        self.effects.idle().await;
    }

    /// The store answers: audit rows that wait may go out, beside everything else.
    fn flush(&mut self) {
        if !self.flushing {
            self.flushing = true;
            let effects = Arc::clone(&self.effects);
            self.running.spawn(async move {
                effects.remote.audit.flush_if_due().await;
                Done::Flushed
            });
        }
    }

    fn told(&mut self, message: Message) -> Option<Event> {
        Some(match message {
            Message::Command(id, command, request, answer) => {
                self.waiting.insert(id, answer);
                self.requests.insert(id, request);
                Event::Command(id, command)
            }
            Message::Cancel(id) => Event::Cancel(id),
            Message::PollNow => Event::PollNow,
            Message::Policy(policy) => {
                self.machine.set_policy(policy, now());
                Event::Timer
            }
            Message::Stop => Event::Stop,
        })
    }

    fn handle(&mut self, event: Event) {
        for effect in self.machine.handle(event, now()) {
            self.perform(effect);
        }
        self.show();
    }

    fn show(&self) {
        let view = View::of(&self.machine, &self.effects);
        self.view.send_if_modified(|shown| std::mem::replace(shown, view.clone()) != view);
    }

    fn perform(&mut self, effect: Effect) {
        let effects = Arc::clone(&self.effects);
        match effect {
            Effect::Head(op) => self.start(op, async move { Event::Headed(op, effects.head().await) }),
            Effect::Scan { op, keep } => {
                self.start(op, async move { Event::Scanned(op, effects.scan(op, keep).await) });
            }
            Effect::Read(op) => self.start(op, async move { Event::Read(op, effects.read().await) }),
            Effect::Open { op, pointer } => {
                self.start(op, async move { Event::Opened(op, effects.open(op, &pointer).await) });
            }
            Effect::Probe { op, version } => {
                self.start(op, async move { Event::Probed(op, effects.probe(version).await) });
            }
            Effect::Swap { op, pointer, backup } => {
                self.start(op, async move { Event::Swapped(op, effects.swap(&pointer, backup).await) });
            }
            Effect::Adopt { op, pointer } => {
                self.start(op, async move { Event::Swapped(op, effects.adopt(&pointer).await) });
            }
            Effect::Publish { op, command, plan } => {
                let request = self.request_of(command);
                self.start(op, async move { Event::Published(op, effects.publish(&plan, request).await) });
            }
            Effect::Audit { op, .. } => {
                self.start(op, async move {
                    effects.send_rows().await;
                    Event::Audited(op)
                });
            }
            Effect::Abort(op) => {
                if let Some(handle) = self.ops.remove(&op) {
                    handle.abort();
                }
            }
            Effect::Reply(id, result) => {
                self.requests.remove(&id);
                if let Some(answer) = self.waiting.remove(&id) {
                    // The client may have left.
                    let _ = answer.send(result);
                }
            }
        }
    }

    fn request_of(&self, command: Option<CommandId>) -> Request {
        command.and_then(|id| self.requests.get(&id).cloned()).unwrap_or_default()
    }

    fn start(&mut self, op: OpId, work: impl Future<Output = Event> + Send + 'static) {
        self.ops.retain(|_, handle| !handle.is_finished());
        let handle = self.running.spawn(async move { Done::Event(Box::new(work.await)) });
        self.ops.insert(op, handle);
    }
}

pub(super) fn now() -> Now {
    Now { instant: clock::monotonic(), wall: clock::now() }
}
