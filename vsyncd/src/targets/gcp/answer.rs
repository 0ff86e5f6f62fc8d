//! What Google's statuses mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use vsync_core::secret::Secret;

use super::super::http::Answer;
use super::super::{Mark, TargetError};
use super::crc32c::crc32c;

/// A version as the API tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    /// `projects/…/secrets/…/versions/7`.
    name: String,
    #[serde(default)]
    create_time: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    pub(super) client_specified_payload_checksum: bool,
}

impl Version {
    /// Its number. Numbers begin anew when a secret was taken away and made again; the time does not.
    pub(super) fn number(&self) -> Option<u64> {
        self.name.rsplit_once("/versions/")?.1.parse().ok()
    }

    /// Number, time and, unless it can be used, state: what is disabled or destroyed is not what was sent.
    pub(super) fn mark(&self) -> Option<Mark> {
        let number = self.number()?;
        let state = match self.state.as_str() {
            "ENABLED" | "" => String::new(),
            other => format!(" {}", other.to_lowercase()),
        };
        Some(Mark(format!("{number} {}{state}", self.create_time)))
    }
}

#[derive(Deserialize)]
struct Accessed {
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    data: String,
    data_crc32c: Option<String>,
}

/// The value in the answer of an access; `None` when it is none, or not the one that its checksum is for.
pub(super) fn payload(answer: Answer) -> Option<Secret<Vec<u8>>> {
    let accessed = answer.json::<Accessed>();
    let _wiped = Secret::new(answer.body);
    let Payload { data, data_crc32c } = accessed?.payload;
    let data = Secret::new(data);
    let value = Secret::new(STANDARD.decode(data.expose()).ok()?);
    let right = data_crc32c.is_none_or(|sum| sum == crc32c(value.expose()).to_string());
    right.then_some(value)
}

/// The machine-readable reason of an error: `SERVICE_DISABLED`.
fn reason(answer: &Answer) -> String {
    let body: Value = answer.json().unwrap_or_default();
    let details = body["error"]["details"].as_array().cloned().unwrap_or_default();
    details.iter().find_map(|detail| detail["reason"].as_str()).unwrap_or_default().to_owned()
}

/// Whether the payload cannot be read because the version is disabled or destroyed.
pub(super) fn is_out_of_use(answer: &Answer) -> bool {
    let body: Value = answer.json().unwrap_or_default();
    answer.status == 400 && body["error"]["status"] == "FAILED_PRECONDITION"
}

/// The error for people.
pub(super) fn refusal(answer: &Answer, place: &str, project: &str) -> TargetError {
    let (target, what) = (place.to_owned(), answer.message());
    let reason = reason(answer);
    match (answer.status, reason.as_str()) {
        (403, "SERVICE_DISABLED") => TargetError::Denied {
            target,
            what: "Secret Manager is not switched on in this project (SERVICE_DISABLED)".into(),
            hint: Some(format!(
                "switch it on: gcloud services enable secretmanager.googleapis.com --project {project}"
            )),
        },
        (403, "BILLING_DISABLED") => {
            TargetError::Denied { target, what, hint: Some("the project needs a billing account".into()) }
        }
        (403, "CONSUMER_INVALID") => TargetError::Missing {
            target,
            what,
            hint: Some(
                "there is no such project, or this credential may not see it: check --gcp-project".into(),
            ),
        },
        (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT") => TargetError::Denied {
            target,
            what,
            hint: Some("the token needs the scope https://www.googleapis.com/auth/cloud-platform".into()),
        },
        (403, _) => TargetError::Denied {
            target,
            what,
            hint: Some(
                "a custom role needs secretmanager.secrets.create, secretmanager.versions.add and \
                 secretmanager.versions.get; secretmanager.secrets.delete for --prune"
                    .into(),
            ),
        },
        (404, _) => TargetError::Missing {
            target,
            what,
            hint: Some("check --gcp-project, and the base URL when one is given".into()),
        },
        (429 | 500..600, _) => TargetError::Unreachable { target, what },
        _ => TargetError::Failed { target, what, hint: None },
    }
}
