//! Calls that may never come back, on threads of their own: who asks waits for a while and goes
//! on. A keychain may wait for a person, or for a service that hangs; neither may hold the daemon.

use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::clock;

/// Runs calls one per thread, at most so many at a time, and waits so long for each. A call that
/// is given up keeps its place until it ends.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    limit: Duration,
    places: Arc<Places>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Impatient {
    /// It takes too long, or too many others do.
    Late,
    /// The call panicked, or the system gives no thread.
    Failed,
}

#[derive(Debug)]
struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

/// Gives its place back, however the call ends.
struct Place(Arc<Places>);

impl Patience {
    /// At most `most` calls at a time, `limit` for each from being asked to the answer.
    pub(super) fn new(limit: Duration, most: usize) -> Self {
        Self { limit, places: Arc::new(Places { free: Mutex::new(most), freed: Condvar::new() }) }
    }

    /// Waits for the call's answer. Blocks no longer than the limit.
    ///
    /// # Errors
    /// [`Impatient`].
    pub(super) fn wait<T, F>(&self, call: F) -> Result<T, Impatient>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let deadline = clock::monotonic() + self.limit;
        let place = self.places.take(deadline).ok_or(Impatient::Late)?;
        let (answer, answered) = mpsc::sync_channel(1);
        let work = move || {
            let value = call();
            // Free before the answer is known, so that the next call finds the place.
            drop(place);
            // Nobody waits any more: the answer comes too late.
            let _ = answer.send(value);
        };
        std::thread::Builder::new().name("keychain".to_owned()).spawn(work).map_err(|_| Impatient::Failed)?;
        answered.recv_timeout(left(deadline)).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => Impatient::Late,
            mpsc::RecvTimeoutError::Disconnected => Impatient::Failed,
        })
    }
}

impl Places {
    fn take(self: &Arc<Self>, deadline: Instant) -> Option<Place> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, left(deadline), |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(clock::monotonic())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    const SHORT: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(60);

    /// A call that ends when its sender is dropped.
    fn stuck() -> (Sender<()>, impl FnOnce() + Send) {
        let (release, released) = channel::<()>();
        let call = move || {
            let _ = released.recv();
        };
        (release, call)
    }

    #[test]
    fn an_answer_comes_back() {
        let patience = Patience::new(LONG, 1);
        for number in 0..20 {
            assert_eq!(patience.wait(move || number * 2), Ok(number * 2));
        }
    }

    #[test]
    fn a_stuck_call_is_given_up_and_the_next_one_is_made() {
        let patience = Patience::new(SHORT, 2);
        let (release, call) = stuck();
        let began = clock::monotonic();
        assert_eq!(patience.wait(call), Err(Impatient::Late));
        assert!(began.elapsed() < LONG);
        assert_eq!(Patience { limit: LONG, ..patience }.wait(|| 7), Ok(7));
        drop(release);
    }

    #[test]
    fn no_more_calls_are_made_than_there_are_places_and_ended_ones_give_theirs_back() {
        let patience = Patience::new(SHORT, 2);
        let (first, call) = stuck();
        assert_eq!(patience.wait(call), Err(Impatient::Late));
        let (second, call) = stuck();
        assert_eq!(patience.wait(call), Err(Impatient::Late));
        let (made, was_made) = channel();
        assert_eq!(patience.wait(move || made.send(())), Err(Impatient::Late));
        assert!(was_made.try_recv().is_err(), "the third call has no place");
        drop(first);
        assert_eq!(Patience { limit: LONG, ..patience.clone() }.wait(|| 7), Ok(7));
        drop(second);
    }

    #[test]
    fn a_call_waits_for_a_place() {
        let patience = Patience::new(LONG, 1);
        let (release, call) = stuck();
        let (busy, first) = (patience.clone(), channel());
        let (begun, has_begun) = first;
        let holder = std::thread::spawn(move || {
            busy.wait(move || {
                let _ = begun.send(());
                call();
            })
        });
        has_begun.recv().unwrap();
        let waiter = std::thread::spawn(move || patience.wait(|| 7));
        drop(release);
        assert_eq!(waiter.join().unwrap(), Ok(7));
        assert_eq!(holder.join().unwrap(), Ok(()));
    }

    #[test]
    fn a_panic_is_an_answer_too_and_frees_its_place() {
        let patience = Patience::new(LONG, 1);
        let failed: Result<(), _> = patience.wait(|| std::panic::resume_unwind(Box::new(())));
        assert_eq!(failed, Err(Impatient::Failed));
        assert_eq!(patience.wait(|| 7), Ok(7));
    }
}
