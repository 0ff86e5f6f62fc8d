//! A server whose whole knowledge is one value behind a lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Received, Reply, Service};

/// What a server knows, and how it answers from it: one request at a time.
#[derive(Debug)]
pub(crate) struct Locked<S> {
    state: Mutex<S>,
    answer: fn(&mut S, &Received) -> Reply,
}

impl<S> Locked<S> {
    pub(crate) fn new(state: S, answer: fn(&mut S, &Received) -> Reply) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), answer })
    }

    /// What it knows, for tests that change it past the API.
    pub(crate) fn state(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Send + 'static> Service for Locked<S> {
    fn answer(&self, request: &Received) -> Reply {
        (self.answer)(&mut self.state(), request)
    }
}
