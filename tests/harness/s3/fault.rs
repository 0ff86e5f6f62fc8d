//! Faults on demand: which requests, how often, what goes wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and the error code that S3 uses with it; does nothing.
    Status(u16),
    /// Answers with this status and error code; does nothing.
    Error(u16, &'static str),
    /// Answers that it is overloaded, and asks to be left alone for this many seconds.
    Overload(u64),
    /// Answers that the signature is for another region than this one.
    OtherRegion(&'static str),
    /// Never answers; does nothing.
    Hang,
    /// Answers, but the body at this many bytes per second.
    Slow(u64),
    /// Answers, but the connection ends in the middle of the body.
    CutBody,
    /// Answers with the whole body, but announces one that is this many bytes longer.
    LongerLength(u64),
    /// Announces only this many bytes of the body, and sends no more.
    ShorterLength(u64),
    /// Does what was asked, then drops the connection instead of answering.
    LoseAnswer,
    /// Does what was asked, then answers with this status and the error code usual with it.
    DoneBut(u16),
    /// Does what was asked, then keeps the connection open and never answers.
    Mute,
    /// Waits this long, then does what was asked.
    Delay(Duration),
}

/// Which requests a fault is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher {
    method: Option<String>,
    key: String,
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests of one method: `HEAD`, `GET`, `PUT`, `DELETE`, or `LIST` for a listing.
    pub fn method(method: &str) -> Self {
        Self { method: Some(method.to_owned()), key: String::new() }
    }

    /// Narrows to keys that contain `part`.
    #[must_use]
    pub fn key(self, part: &str) -> Self {
        Self { key: part.to_owned(), ..self }
    }

    fn matches(&self, method: &str, key: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && key.contains(&self.key)
    }
}

#[derive(Debug)]
struct Rule {
    left: usize,
    matcher: Matcher,
    fault: Fault,
}

/// The faults still to happen, in the order they were asked for.
#[derive(Debug, Default)]
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
    pub(super) fn take(&self, method: &str, key: &str) -> Option<Fault> {
        let mut rules = self.rules();
        rules.retain(|rule| rule.left > 0);
        let rule = rules.iter_mut().find(|rule| rule.matcher.matches(method, key))?;
        if rule.left != usize::MAX {
            rule.left -= 1;
        }
        Some(rule.fault.clone())
    }
}

/// The code S3 sends with a status, as far as there is a usual one.
pub(super) fn usual_code(status: u16) -> &'static str {
    match status {
        400 => "InvalidRequest",
        403 => "AccessDenied",
        404 => "NoSuchKey",
        409 => "ConditionalRequestConflict",
        412 => "PreconditionFailed",
        429 | 503 => "SlowDown",
        501 => "NotImplemented",
        _ => "InternalError",
    }
}
