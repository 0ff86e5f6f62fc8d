//! What Vault's statuses mean.

use super::super::TargetError;
use super::super::http::Answer;

/// What a policy has to allow.
pub(super) fn policy(mount: &str, path: &str) -> String {
    format!(
        "the token's policy needs: path \"{mount}/data/{path}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}"
    )
}

/// Whether a refused write met another version than the one it was to replace.
pub(super) fn is_conflict(answer: &Answer) -> bool {
    answer.status == 400 && answer.message().contains("check-and-set parameter did not match")
}

/// Whether no engine is mounted there.
pub(super) fn is_unmounted(answer: &Answer) -> bool {
    answer.status == 404 && answer.message().contains("no handler for route")
}

/// The error for people.
pub(super) fn refusal(answer: &Answer, place: &str, mount: &str, path: &str) -> TargetError {
    let (target, what) = (place.to_owned(), answer.message());
    match answer.status {
        403 => TargetError::Denied {
            target,
            what,
            hint: Some(format!("the token is not valid any more, or {}", policy(mount, path))),
        },
        404 => TargetError::Missing {
            target,
            what: format!("nothing is mounted at '{mount}' in this namespace"),
            hint: Some("name the KV mount with --vault-mount, the namespace with VAULT_NAMESPACE".into()),
        },
        300..400 => TargetError::Failed {
            target,
            what,
            hint: Some("a standby points to the active server: give that one as --vault-addr".into()),
        },
        429 | 472 | 473 | 500..600 => TargetError::Unreachable { target, what },
        _ => TargetError::Failed { target, what, hint: None },
    }
}

/// The engine keeps no versions, so nothing protects what others write at the same time.
pub(super) fn old_engine(place: &str, mount: &str) -> TargetError {
    TargetError::Failed {
        target: place.to_owned(),
        what: format!("'{mount}' is not a KV engine of version 2"),
        hint: Some(format!(
            "upgrade it: vault kv enable-versioning {mount}; or name another with --vault-mount"
        )),
    }
}
