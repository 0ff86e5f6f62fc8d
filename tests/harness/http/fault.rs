//! Faults on demand: which requests, how often, what goes wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Reply;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Gives this answer; does nothing.
    Answer(Reply),
    /// Never answers; does nothing.
    Hang,
    /// Drops the connection before anything is done.
    Drop,
    /// Does what was asked, but the connection ends in the middle of the answer's body.
    CutBody,
    /// Does what was asked, then drops the connection instead of answering.
    LoseAnswer,
    /// Waits this long, then does what was asked.
    Delay(Duration),
}

impl Fault {
    /// An answer of this status with a JSON message as most APIs have it.
    pub fn status(status: u16) -> Self {
        Self::Answer(Reply::json(
            status,
            &serde_json::json!({ "message": "on purpose", "errors": ["on purpose"] }),
        ))
    }
}

/// Which requests a fault is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    method: Option<String>,
    path: String,
    skip: usize,
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of one method.
    pub fn method(method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..Self::default() }
    }

    /// Narrows to paths that contain `part`.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        Self { path: part.to_owned(), ..self }
    }

    /// Lets the first `count` requests that match through.
    #[must_use]
    pub fn after(self, count: usize) -> Self {
        Self { skip: count, ..self }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && path.contains(&self.path)
    }
}

struct Rule {
    left: usize,
    matcher: Matcher,
    fault: Fault,
}

/// The faults still to happen, in the order they were asked for.
#[derive(Default)]
pub(super) struct Script(Mutex<Vec<Rule>>);

impl Script {
    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, times: usize, matcher: Matcher, fault: Fault) {
        self.rules().push(Rule { left: times, matcher, fault });
    }

    pub(super) fn clear(&self) {
        self.rules().clear();
    }

    /// The fault for this request, used up by asking.
    pub(super) fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut rules = self.rules();
        rules.retain(|rule| rule.left > 0);
        for rule in rules.iter_mut().filter(|rule| rule.matcher.matches(method, path)) {
            if rule.matcher.skip > 0 {
                rule.matcher.skip -= 1;
                continue;
            }
            if rule.left != usize::MAX {
                rule.left -= 1;
            }
            return Some(rule.fault.clone());
        }
        None
    }
}
