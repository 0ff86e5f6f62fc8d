//! Leaving a store alone when it asks for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::error::SdkError;
use jiff::Timestamp;

use crate::clock;

/// The longest time that a store can ask for; as long as any back-off gets.
const LONGEST: Duration = Duration::from_secs(300);

/// Until when a store wants no requests.
#[derive(Debug, Default)]
pub(super) struct Patience(Mutex<Option<Instant>>);

impl Patience {
    /// How much longer the store wants to be left alone.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until?.checked_duration_since(clock::monotonic()).filter(|left| !left.is_zero())
    }

    /// Takes note of what a failed request was answered.
    pub(super) fn heed<E>(&self, error: &SdkError<E>) {
        let Some(answer) = error.raw_response().filter(|answer| is_overload(answer.status().as_u16())) else {
            return;
        };
        let asked = answer.headers().get(HEADER).and_then(|text| wanted(text, clock::now()));
        if let Some(wait) = asked {
            let until = clock::monotonic() + wait.min(LONGEST);
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(known.map_or(until, |known| known.max(until)));
        }
    }
}

const HEADER: &str = "retry-after";

const fn is_overload(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// What the header asks for: seconds, or a date.
fn wanted(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok()
}

/// Keeps the SDK from trying again within a request what the store asked to put off.
#[derive(Debug)]
pub(super) struct NotNow;

impl ClassifyRetry for NotNow {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let asks = context.response().is_some_and(|answer| {
            is_overload(answer.status().as_u16()) && answer.headers().get(HEADER).is_some()
        });
        if asks { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "Retry-After"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now: Timestamp = "2026-05-23T11:42:01Z".parse().unwrap();
        assert_eq!(wanted("30", now), Some(Duration::from_secs(30)));
        assert_eq!(wanted(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(wanted("Sat, 23 May 2026 11:43:01 GMT", now), Some(Duration::from_secs(60)));
        for nothing in ["", "soon", "-5", "1.5", "Sat, 23 May 2026 11:41:01 GMT"] {
            assert_eq!(wanted(nothing, now), None, "{nothing}");
        }
    }
}
