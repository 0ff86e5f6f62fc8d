//! What AWS's errors mean.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::http::Answer;
use super::super::{Mark, TargetError};

/// The stage of the version that programs read.
const CURRENT: &str = "AWSCURRENT";

/// What `DescribeSecret` tells.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    /// When it will go, for one that was taken away.
    deleted_date: Option<Value>,
    #[serde(default)]
    version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

impl Described {
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted_date.is_some()
    }

    /// The id of the current version.
    pub(super) fn mark(self) -> Option<Mark> {
        let mut versions = self.version_ids_to_stages.into_iter();
        versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT)).map(|(id, _)| Mark(id))
    }
}

/// What a write answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Written {
    version_id: Option<String>,
    version_stages: Option<Vec<String>>,
}

impl Written {
    /// Whether the version that was asked for is there and is not the current one: AWS ignores a repeated
    /// write, also when another one came after the first.
    pub(super) fn is_overtaken(&self) -> bool {
        self.version_stages.as_ref().is_some_and(|stages| !stages.iter().any(|stage| stage == CURRENT))
    }

    pub(super) fn mark(self) -> Option<Mark> {
        self.version_id.map(Mark)
    }
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The secret is not there.
    Absent,
    /// It is there, or a version with this token is.
    Present,
    /// It was taken away and can still be brought back.
    Scheduled,
    /// The credentials are not valid, or not any more.
    BadCredentials,
    /// They are valid and may not do this.
    Forbidden,
    /// Too much was asked; AWS says it with status 400.
    Throttled,
    /// No answer of use now; perhaps later.
    Later,
    /// Anything else.
    Other,
}

/// The error's name, as both places that may have it spell it: `ns#Name:url`.
fn name(answer: &Answer) -> String {
    let header = answer.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let body = || answer.json::<Value>().and_then(|body| body["__type"].as_str().map(str::to_owned));
    let whole = header.map(str::to_owned).or_else(body).unwrap_or_default();
    let bare = whole.rsplit('#').next().unwrap_or_default();
    bare.split(':').next().unwrap_or_default().to_owned()
}

pub(super) fn meaning(answer: &Answer) -> Meaning {
    match name(answer).as_str() {
        "ResourceNotFoundException" => Meaning::Absent,
        "ResourceExistsException" => Meaning::Present,
        "InvalidRequestException" if answer.message().to_lowercase().contains("delet") => Meaning::Scheduled,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidClientTokenIdException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "ExpiredToken"
        | "ExpiredTokenException" => Meaning::BadCredentials,
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Meaning::Forbidden,
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => {
            Meaning::Throttled
        }
        _ => match answer.status {
            403 => Meaning::Forbidden,
            429 => Meaning::Throttled,
            500..600 => Meaning::Later,
            _ => Meaning::Other,
        },
    }
}

/// The error for people.
pub(super) fn refusal(answer: &Answer, place: &str, credential: &str, secret: &str) -> TargetError {
    let (target, said, name) = (place.to_owned(), answer.message(), name(answer));
    let what = if name.is_empty() { said } else { format!("{name}: {said}") };
    match meaning(answer) {
        Meaning::BadCredentials => TargetError::Denied {
            target,
            what,
            hint: Some(format!(
                "the credentials of {credential} are not valid, or no longer; a clock that is minutes off has the \
                 same effect"
            )),
        },
        Meaning::Forbidden => TargetError::Denied {
            target,
            what,
            hint: Some(
                "the policy has to allow secretsmanager:DescribeSecret, CreateSecret and PutSecretValue; \
                 GetSecretValue spares needless versions, DeleteSecret is for --prune; a key of your own in KMS \
                 needs kms:GenerateDataKey and kms:Decrypt"
                    .into(),
            ),
        },
        Meaning::Scheduled => scheduled(place, secret),
        Meaning::Throttled | Meaning::Later => TargetError::Unreachable { target, what },
        Meaning::Absent | Meaning::Present | Meaning::Other => TargetError::Failed { target, what, hint: None },
    }
}

/// A secret that was taken away keeps its name until AWS forgets it.
pub(super) fn scheduled(place: &str, secret: &str) -> TargetError {
    TargetError::Failed {
        target: place.to_owned(),
        what: format!("{secret} is scheduled for deletion"),
        hint: Some(format!("bring it back first: aws secretsmanager restore-secret --secret-id {secret}")),
    }
}
