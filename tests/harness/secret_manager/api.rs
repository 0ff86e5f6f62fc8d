//! The endpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::state::{State, Version};
use super::{PROJECT, Role, grant};
use crate::http::{Received, Reply};

/// The limit of a payload, in bytes.
const LARGEST: usize = 64 * 1024;
/// The number that stands for the project in answers.
const NUMBER: &str = "123456789012";

pub(super) fn answer(state: &mut State, request: &Received) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let token = ["computeMetadata", "v1", "instance", "service-accounts", "default", "token"];
    match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["token"]) => return grant::answer(state, request),
        ("GET", path) if path == token => return metadata(state, request),
        _ => {}
    }
    if !state.tokens.accepts(request.header("authorization")) {
        return refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", None);
    }
    let ["v1", "projects", project, "secrets", rest @ ..] = segments.as_slice() else {
        return Reply { status: 404, body: b"<!DOCTYPE html>".to_vec(), ..Reply::default() };
    };
    if state.disabled {
        let message =
            "Secret Manager API has not been used in project 123456789012 before or it is disabled.";
        return refused(403, "PERMISSION_DENIED", message, Some("SERVICE_DISABLED"));
    }
    if ![PROJECT, NUMBER].contains(project) {
        let message = format!("Permission denied on resource project {project}.");
        return refused(403, "PERMISSION_DENIED", &message, Some("CONSUMER_INVALID"));
    }
    match (request.method.as_str(), rest) {
        ("POST", []) => create(state, request),
        ("POST", [secret]) if secret.ends_with(":addVersion") => {
            add(state, secret.trim_end_matches(":addVersion"), request)
        }
        ("GET", [name, "versions", version]) => match version.strip_suffix(":access") {
            Some(number) => access(state, name, number),
            None => show(state, name, version),
        },
        ("GET", [name]) => get(state, name),
        ("GET", []) => list(state, request),
        ("DELETE", [name]) => remove(state, name),
        _ => refused(404, "NOT_FOUND", "Method not found.", None),
    }
}

/// What the machine's own service would say.
fn metadata(state: &mut State, request: &Received) -> Reply {
    if request.header("metadata-flavor") != "Google" {
        return Reply::empty(403);
    }
    let token = state.tokens.give("ya29.given-");
    Reply::json(200, &json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }))
        .with("metadata-flavor", "Google")
}

fn create(state: &mut State, request: &Received) -> Reply {
    let name = request.query.get("secretId").cloned().unwrap_or_default();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if name.is_empty() || name.len() > 255 || !plain {
        return refused(400, "INVALID_ARGUMENT", "Secret IDs must match the expected format.", None);
    }
    if state.role == Role::Stranger {
        return forbidden("secretmanager.secrets.create");
    }
    let replication = &request.json()["replication"];
    if !replication["automatic"].is_object() && !replication["userManaged"].is_object() {
        return refused(400, "INVALID_ARGUMENT", "The replication field is required.", None);
    }
    if state.secrets.contains_key(&name) {
        let message = format!("Secret [projects/{NUMBER}/secrets/{name}] already exists.");
        return refused(409, "ALREADY_EXISTS", &message, None);
    }
    state.secrets.insert(name.clone(), Vec::new());
    Reply::json(200, &secret(&name))
}

fn get(state: &State, name: &str) -> Reply {
    if state.secrets.contains_key(name) { Reply::json(200, &secret(name)) } else { missing(name) }
}

fn list(state: &State, request: &Received) -> Reply {
    let number = |name: &str| request.query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (size, from) = (number("pageSize").unwrap_or(25_000), number("pageToken").unwrap_or(0));
    let page: Vec<Value> = state.secrets.keys().skip(from).take(size).map(|name| secret(name)).collect();
    let next = (from + page.len() < state.secrets.len()).then(|| (from + page.len()).to_string());
    let mut answer = json!({ "secrets": page, "totalSize": state.secrets.len() });
    if let Some(next) = next {
        answer["nextPageToken"] = next.into();
    }
    Reply::json(200, &answer)
}

fn secret(name: &str) -> Value {
    json!({
        "name": format!("projects/{NUMBER}/secrets/{name}"),
        "replication": { "automatic": {} },
        "createTime": "2026-01-01T00:00:00.000001Z",
        "etag": "\"15f0a5\"",
    })
}

fn add(state: &mut State, name: &str, request: &Received) -> Reply {
    if state.role == Role::Stranger {
        return forbidden("secretmanager.versions.add");
    }
    if !state.secrets.contains_key(name) {
        return missing(name);
    }
    let payload = &request.json()["payload"];
    // Both alphabets are taken, as everywhere in Google's JSON; gcloud uses the one for URLs.
    let data = payload["data"].as_str().map(|text| text.replace('-', "+").replace('_', "/"));
    let data = data.and_then(|text| STANDARD.decode(text).ok());
    let Some(data) = data.filter(|data| !data.is_empty()) else {
        return refused(400, "INVALID_ARGUMENT", "Secret Payload cannot be empty.", None);
    };
    if data.len() > LARGEST {
        return refused(400, "INVALID_ARGUMENT", "The payload of the secret is too large.", None);
    }
    let sum = payload["dataCrc32c"].as_str();
    if sum.is_some_and(|sum| sum != crc32c(&data).to_string()) {
        return refused(400, "INVALID_ARGUMENT", "The checksum does not match the payload.", None);
    }
    let number = state.add(name, data);
    let mut answer = state.secrets.get(name).and_then(|all| all.last()).map(|one| version(name, number, one));
    if let Some(answer) = answer.as_mut().filter(|_| sum.is_some() && !state.forget_checksums) {
        answer["clientSpecifiedPayloadChecksum"] = true.into();
    }
    answer.map_or_else(|| missing(name), |answer| Reply::json(200, &answer))
}

fn version(name: &str, number: usize, version: &Version) -> Value {
    json!({
        "name": format!("projects/{NUMBER}/secrets/{name}/versions/{number}"),
        "createTime": version.created,
        "state": version.state,
        "etag": "\"15f0a6\"",
        "replicationStatus": { "automatic": {} },
    })
}

/// A version by its number or as `latest`, which is the newest one whatever its state.
fn find<'a>(state: &'a State, name: &str, number: &str) -> Option<(usize, &'a Version)> {
    let all = state.secrets.get(name)?;
    let number = if number == "latest" { all.len() } else { number.parse().ok()? };
    Some((number, all.get(number.checked_sub(1)?)?))
}

fn show(state: &State, name: &str, number: &str) -> Reply {
    if state.role == Role::Stranger {
        return forbidden("secretmanager.versions.get");
    }
    match find(state, name, number) {
        Some((number, one)) => Reply::json(200, &version(name, number, one)),
        None => missing(name),
    }
}

fn access(state: &State, name: &str, number: &str) -> Reply {
    if state.role != Role::Admin {
        return forbidden("secretmanager.versions.access");
    }
    let Some((number, one)) = find(state, name, number) else { return missing(name) };
    if one.state != "ENABLED" {
        let message = format!(
            "Secret Version [projects/{NUMBER}/secrets/{name}/versions/{number}] is in {} state.",
            one.state
        );
        return refused(400, "FAILED_PRECONDITION", &message, None);
    }
    let mut data = one.value.clone();
    if state.corrupt {
        data.push(b'!');
    }
    let payload = json!({ "data": STANDARD.encode(data), "dataCrc32c": crc32c(&one.value).to_string() });
    Reply::json(
        200,
        &json!({ "name": format!("projects/{NUMBER}/secrets/{name}/versions/{number}"), "payload": payload }),
    )
}

fn remove(state: &mut State, name: &str) -> Reply {
    if state.role != Role::Admin {
        return forbidden("secretmanager.secrets.delete");
    }
    if state.secrets.remove(name).is_some() { Reply::json(200, &json!({})) } else { missing(name) }
}

fn missing(name: &str) -> Reply {
    let message = format!("Secret [projects/{NUMBER}/secrets/{name}] not found or has no versions.");
    refused(404, "NOT_FOUND", &message, None)
}

fn forbidden(permission: &str) -> Reply {
    let message = format!("Permission '{permission}' denied for resource (or it may not exist).");
    refused(403, "PERMISSION_DENIED", &message, Some("IAM_PERMISSION_DENIED"))
}

fn refused(status: u16, word: &str, message: &str, reason: Option<&str>) -> Reply {
    let mut error = json!({ "code": status, "message": message, "status": word });
    if let Some(reason) = reason {
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": { "service": "secretmanager.googleapis.com", "consumer": format!("projects/{NUMBER}") },
        }]);
    }
    Reply::json(status, &json!({ "error": error }))
}

/// CRC32C bit by bit: slow, and written apart from the one it checks.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (sum & 1).wrapping_neg();
            sum = (sum >> 1) ^ (0x82F6_3B78 & mask);
        }
    }
    !sum
}
