//! What Azure's answers and statuses mean.

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroize as _;

use super::super::http::Answer;
use super::super::{Mark, TargetError};

/// A secret as a write or a read tells it.
#[derive(Deserialize)]
pub(super) struct Bundle {
    #[serde(default)]
    pub(super) value: String,
    pub(super) attributes: Attributes,
}

impl Drop for Bundle {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

/// A page of the list.
#[derive(Deserialize)]
pub(super) struct List {
    #[serde(default)]
    pub(super) value: Vec<Listed>,
    #[serde(rename = "nextLink")]
    pub(super) next_link: Option<String>,
}

/// A secret of the list.
#[derive(Deserialize)]
pub(super) struct Listed {
    /// `https://VAULT/secrets/NAME`.
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
pub(super) struct Attributes {
    /// Seconds since 1970.
    updated: Option<i64>,
}

impl Attributes {
    /// When it was last written, to the second: the list tells nothing finer.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.updated.map(|seconds| Mark(seconds.to_string()))
    }
}

impl Listed {
    /// Its name in lower case, and its mark.
    pub(super) fn name_and_mark(self) -> Option<(String, Option<Mark>)> {
        let name = self.id.trim_end_matches('/').rsplit_once("/secrets/")?.1;
        Some((name.to_lowercase(), self.attributes.mark()))
    }
}

/// The nearest name of an error: `ObjectIsDeletedButRecoverable`.
fn code(answer: &Answer) -> String {
    let body: Value = answer.json().unwrap_or_default();
    let error = &body["error"];
    let codes = [&error["innererror"]["code"], &error["code"]];
    codes.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

/// The error for people; `secret` is the one it is about, if any.
pub(super) fn refusal(answer: &Answer, place: &str, vault: &str, secret: Option<&str>) -> TargetError {
    let (target, what, code) = (place.to_owned(), answer.message(), code(answer));
    match (answer.status, code.as_str(), secret) {
        (409, "ObjectIsDeletedButRecoverable", Some(secret)) => TargetError::Failed {
            target,
            what: format!("{secret} was deleted and can still be recovered, so its name is not free"),
            hint: Some(format!(
                "bring it back first: az keyvault secret recover --vault-name {vault} --name {secret}"
            )),
        },
        (409, "ObjectIsBeingDeleted" | "ObjectIsBeingRecovered", _) => TargetError::Failed {
            target,
            what,
            hint: Some("that takes a minute; run it again".into()),
        },
        (403, "ForbiddenByFirewall" | "ForbiddenByConnection", _) => TargetError::Denied {
            target,
            what,
            hint: Some("the vault takes no requests from this network: allow it in the vault's networking".into()),
        },
        (401 | 403, ..) => TargetError::Denied {
            target,
            what,
            hint: Some(
                "the role Key Vault Secrets Officer is enough; a role of your own needs the data actions \
                 secrets/setSecret/action and secrets/readMetadata/action, secrets/getSecret/action to spare needless \
                 versions, and secrets/delete for --prune"
                    .into(),
            ),
        },
        (404, ..) => TargetError::Missing { target, what, hint: Some("check --azure-vault".into()) },
        (429 | 500..600, ..) => TargetError::Unreachable { target, what },
        _ => TargetError::Failed { target, what, hint: None },
    }
}
