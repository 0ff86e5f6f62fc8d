//! When a request is sent again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;
use vsync_core::sync::backoff::Jitter;

use super::{Answer, HttpFault};
use crate::clock;

/// How often a request is sent at most.
const TRIES: u32 = 4;
/// How many repetitions all requests of a run have together.
const BUDGET: u32 = 60;
/// Nobody is waited for longer: an answer that asks for more is final.
const PATIENCE: Duration = Duration::from_secs(60);
/// The wait that grows from failure to failure.
const BASE: Duration = Duration::from_millis(250);

/// What follows a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, after this wait.
    After(Duration),
    /// Nothing: the outcome stands.
    Done,
}

/// The budget of a run, and until when the target asked everybody to wait.
#[derive(Debug)]
pub(super) struct Retries(Mutex<State>);

#[derive(Debug)]
struct State {
    jitter: Jitter,
    left: u32,
    not_before: Option<Instant>,
}

impl Retries {
    pub(super) fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness the waits are the same on every machine, which is all that is lost.
        let _ = getrandom::fill(&mut seed);
        let jitter = Jitter::new(u64::from_le_bytes(seed));
        Self(Mutex::new(State { jitter, left: BUDGET, not_before: None }))
    }

    /// Waits as long as the target asked any request of this run to wait.
    pub(super) async fn wait_for_others(&self) {
        let until = self.state().not_before;
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// What follows the `tries`-th try (from 1) of a request.
    pub(super) fn next(&self, outcome: &Result<Answer, HttpFault>, repeatable: bool, tries: u32) -> Next {
        let asked = outcome.as_ref().ok().and_then(|answer| retry_after(&answer.headers));
        let again = match outcome {
            Err(HttpFault::NotSent(_)) => true,
            Err(HttpFault::Unclear(_)) => repeatable,
            Ok(answer) => match answer.status {
                429 => true,
                // GitHub's second limit answers 403 with the time to come back.
                403 | 503 if asked.is_some() => true,
                501 => false,
                500..600 => repeatable,
                _ => false,
            },
        };
        let mut state = self.state();
        if !again || tries >= TRIES || state.left == 0 || asked.is_some_and(|wait| wait > PATIENCE) {
            return Next::Done;
        }
        state.left -= 1;
        match asked {
            Some(wait) => {
                let wait = wait + state.jitter.interval(BASE / 5);
                let until = Instant::now() + wait;
                state.not_before = Some(state.not_before.map_or(until, |other| other.max(until)));
                Next::After(wait)
            }
            None => Next::After(state.jitter.after_failure(BASE, tries)),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the answer asks to wait: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(clock::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())])
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(retry_after(&headers("7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers("Wed, 21 Oct 2015 07:28:00 GMT")), Some(Duration::ZERO));
        let later = clock::now() + jiff::SignedDuration::from_secs(30);
        let text = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let wait = retry_after(&headers(&text)).unwrap();
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        for text in ["soon", "-1", "", "1.5"] {
            assert_eq!(retry_after(&headers(text)), None, "{text}");
        }
    }

    #[test]
    fn the_budget_of_a_run_ends() {
        let retries = Retries::new();
        let refused = Err(HttpFault::NotSent(String::new()));
        let again = (0..1000).filter(|_| retries.next(&refused, false, 1) != Next::Done).count();
        assert_eq!(again, BUDGET as usize);
    }
}
