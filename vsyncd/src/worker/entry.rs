//! One registered checkout, whether its worker runs or not.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use vsync_core::sync::{Command, Outcome, Problem};

use super::checkout::Checkout;
use super::driver::{Handle, Request};

/// What a slot holds.
#[derive(Debug, Clone)]
pub enum Slot {
    /// The worker is being loaded.
    Starting,
    /// The worker runs.
    Running(Handle),
    /// The worker cannot run.
    Broken(Problem, Timestamp),
}

/// One registered checkout and its worker.
#[derive(Debug)]
pub struct Entry {
    /// The checkout.
    pub checkout: Arc<Checkout>,
    pub(super) slot: watch::Sender<Slot>,
    pub(super) again: Notify,
    pub(super) stop: CancellationToken,
    pub(super) ended: CancellationToken,
}

impl Entry {
    pub(super) fn new(checkout: Checkout) -> Self {
        Self {
            checkout: Arc::new(checkout),
            slot: watch::Sender::new(Slot::Starting),
            again: Notify::new(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    /// What the slot holds now.
    pub fn slot(&self) -> Slot {
        self.slot.borrow().clone()
    }

    /// Has the worker do a verb; waits for it to be loaded.
    ///
    /// # Errors
    /// Why the worker cannot run, or the verb could not be done.
    pub async fn command(&self, command: Command, request: Request) -> Result<Outcome, Problem> {
        self.handle().await?.command(command, request).await
    }

    /// The running worker; waits for it to be loaded.
    ///
    /// # Errors
    /// Why it cannot run.
    pub async fn handle(&self) -> Result<Handle, Problem> {
        // What was broken may have been mended by the one who asks.
        let again = self.slot.send_if_modified(|slot| {
            let broken = matches!(slot, Slot::Broken(..)) && !self.ended.is_cancelled();
            if broken {
                *slot = Slot::Starting;
            }
            broken
        });
        if again {
            self.again.notify_one();
        }
        let mut slot = self.slot.subscribe();
        tokio::select! {
            settled = slot.wait_for(|slot| !matches!(slot, Slot::Starting)) => match settled.map(|slot| slot.clone()) {
                Ok(Slot::Running(handle)) => Ok(handle),
                Ok(Slot::Broken(problem, _)) => Err(problem),
                Ok(Slot::Starting) | Err(_) => Err(Problem::ShuttingDown),
            },
            () = self.ended.cancelled() => Err(Problem::ShuttingDown),
        }
    }

    /// Ends when the worker has.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}
