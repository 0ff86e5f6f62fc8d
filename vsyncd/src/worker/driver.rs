//! The loop around one worker: an event in, effects out, outcomes back in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use vsync_core::sync::{CommandId, Effect, Event, Now, OpId, Outcome, Problem, Worker};

use super::effects::Effects;
use super::handle::Message;
use crate::clock;

pub use super::handle::{Handle, Request, View};

/// How often replaced folders are looked at.
const KEPT_TICK: Duration = Duration::from_secs(2);

/// Outcome of something that runs beside the loop.
enum Done {
    Event(Box<Event>),
    Kept,
    Flushed,
    /// Whether all of it was done.
    CaughtUp(bool),
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
    catching_up: bool,
}

impl Driver {
    /// Puts a machine and its effects together.
    pub fn new(machine: Worker, effects: Arc<Effects>, edited: Arc<Notify>) -> (Self, Handle) {
        let (sender, inbox) = mpsc::unbounded_channel();
        let (view, seen) = watch::channel(View::of(&machine, &effects));
        let handle = Handle::new(sender, seen, Arc::clone(&effects));
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
            catching_up: false,
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
                    Ok(Done::CaughtUp(done)) => {
                        self.catching_up = false;
                        // What the disk does not take now is tried again at the next event.
                        if done {
                            self.catch_up();
                        }
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
                self.catch_up();
            }
        }
        // A sweep under way may hold the only copy of a late write.
        while let Some(done) = self.running.join_next().await {
            drop(done);
        }
        self.effects.idle().await;
        if self.effects.has_later() {
            self.effects.catch_up().await;
        }
    }

    /// Does what jobs have left for later, beside everything else.
    fn catch_up(&mut self) {
        if !self.catching_up && self.effects.has_later() {
            self.catching_up = true;
            let effects = Arc::clone(&self.effects);
            self.running.spawn(async move { Done::CaughtUp(effects.catch_up().await) });
        }
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
            Effect::Audit { op, push, .. } => {
                self.start(op, async move {
                    effects.send_rows(push).await;
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
