//! What GitHub's statuses mean.

use jiff::Timestamp;

use super::super::TargetError;
use super::super::http::Answer;

/// What a token needs.
pub(super) const PERMISSIONS: &str = "a fine-grained token needs Environments: write (repository secrets: \
    Secrets: write), Metadata: read, and Actions: read to tell a missing environment; a classic one the \
    scope repo";

/// The kinds of refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The token is not valid, or not any more.
    BadToken,
    /// So many requests were made that none is answered until then.
    LimitUsedUp(Option<Timestamp>),
    /// The token is valid and may not do this.
    Forbidden,
    /// It is not there, or may not be seen.
    Missing,
    /// It has another name now.
    Moved,
    /// No answer of use now; perhaps later.
    Later,
    /// Anything else.
    Other,
}

pub(super) fn meaning(answer: &Answer) -> Meaning {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let used_up = header("x-ratelimit-remaining") == Some("0") || header("retry-after").is_some();
    match answer.status {
        401 => Meaning::BadToken,
        403 | 429 if used_up => {
            let reset = header("x-ratelimit-reset").and_then(|text| text.parse().ok());
            Meaning::LimitUsedUp(reset.and_then(|seconds| Timestamp::from_second(seconds).ok()))
        }
        403 => Meaning::Forbidden,
        404 => Meaning::Missing,
        301 | 302 | 307 | 308 => Meaning::Moved,
        429 | 500..600 => Meaning::Later,
        _ => Meaning::Other,
    }
}

/// The error for people.
pub(super) fn refusal(answer: &Answer, place: &str, credential: &str) -> TargetError {
    let (target, what) = (place.to_owned(), answer.message());
    match meaning(answer) {
        Meaning::BadToken => TargetError::Denied {
            target,
            what,
            hint: Some(format!("the token of {credential} is not valid, or no longer")),
        },
        Meaning::LimitUsedUp(until) => {
            let until = until.map(|until| format!(", until {until}")).unwrap_or_default();
            TargetError::Unreachable {
                target,
                what: format!("{what}; the limit of requests is used up{until}"),
            }
        }
        Meaning::Forbidden => TargetError::Denied { target, what, hint: Some(permissions(answer)) },
        Meaning::Missing => TargetError::Missing {
            target,
            what,
            hint: Some(format!("it was taken away, or the token may not see it: {PERMISSIONS}")),
        },
        Meaning::Moved => TargetError::Missing {
            target,
            what,
            hint: Some("the repository was renamed or moved: name it as it is called now".into()),
        },
        Meaning::Later => TargetError::Unreachable { target, what },
        Meaning::Other => TargetError::Failed { target, what, hint: None },
    }
}

/// What the token lacks, as GitHub says it where it does.
fn permissions(answer: &Answer) -> String {
    let said = answer.headers.get("x-accepted-github-permissions").and_then(|value| value.to_str().ok());
    let plain = |text: &&str| {
        (1..=100).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_=;, ".contains(c))
    };
    match said.filter(plain) {
        Some(needed) => format!("the token lacks a permission: {needed}"),
        None => PERMISSIONS.to_owned(),
    }
}
