//! Where every task begins and ends: nothing runs that is not joined at stop, and a panic is a
//! value.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A task panicked. The text of the panic went to the log, not here: it may quote anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a task failed unexpectedly")]
pub struct Panicked;

/// Runs blocking work (files, hashing, ciphers) on a thread made for it.
///
/// # Errors
/// [`Panicked`] when the work did.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub async fn blocking<T, F>(work: F) -> Result<T, Panicked>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|_| Panicked)
}

/// How much of what every checkout does runs at a time: a thread for each of a thousand would leave
/// its memory behind.
static TURNS: Semaphore = Semaphore::const_new(4);
/// How long one waits for its turn: longer only where disks hang, and those must not hold up the
/// others.
const TURN: Duration = Duration::from_secs(2);

/// As [`blocking`], for what every checkout does at the same moment: loading it, looking at it.
///
/// # Errors
/// As [`blocking`].
pub async fn blocking_in_turn<T, F>(work: F) -> Result<T, Panicked>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let turn = tokio::time::timeout(TURN, TURNS.acquire()).await;
    blocking(move || {
        let _turn = turn;
        work()
    })
    .await
}

/// A set of tasks with a common end.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts a task. A panic in it ends the task and is logged with its name.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(async move {
            // Nothing is shared with the task but what it was given; its owner sees it end.
            if caught(task).await.is_err() {
                tracing::error!(task = name, "a task failed unexpectedly");
            }
        });
    }

    /// Ends when the tasks are asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks every task to stop.
    pub fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits until every task has ended; call [`Tasks::stop`] first.
    pub async fn ended(&self) {
        self.tracker.wait().await;
    }
}

/// Awaits a future and turns a panic in it into a value.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(Panicked)),
        }
    })
    .await
}
