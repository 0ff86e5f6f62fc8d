//! The endpoints.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CLIENT, CLIENT_SECRET, IDENTITY_HEADER, State, TENANT};
use crate::http::{Received, Reply, decoded};

/// The limit of a value, in bytes.
const LARGEST: usize = 25 * 1024;
/// What tokens are asked for.
const RESOURCE: &str = "https://vault.azure.net";

pub(super) fn answer(state: &mut State, request: &Received) -> Reply {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let query = |name: &str| request.query.get(name).map_or("", String::as_str);
    match (request.method.as_str(), segments.as_slice()) {
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => return login(state, tenant, request),
        ("GET", ["metadata", "identity", "oauth2", "token"]) => {
            let asked = request.header("metadata") == "true" && query("api-version") == "2018-02-01";
            return identity(state, asked && query("resource") == RESOURCE);
        }
        ("GET", ["msi", "token"]) => {
            let asked = request.header("x-identity-header") == IDENTITY_HEADER;
            return identity(
                state,
                asked && query("resource") == RESOURCE && query("api-version") == "2019-08-01",
            );
        }
        _ => {}
    }
    if !state.tokens.accepts(request.header("authorization")) {
        let challenge = format!(r#"Bearer authorization="{}/{TENANT}", resource="{RESOURCE}""#, state.url);
        return refused(401, "Unauthorized", None, "AKV10000: Request is missing a Bearer or PoP token.")
            .with("www-authenticate", &challenge);
    }
    if query("api-version") != "7.4" {
        return refused(400, "BadParameter", None, "The specified version is not supported.");
    }
    if state.stranger {
        let message = "Caller is not authorized to perform action on resource.";
        return refused(403, "Forbidden", Some("ForbiddenByRbac"), message);
    }
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["secrets"]) => list(state, request),
        ("GET", ["secrets", name] | ["secrets", name, ""]) => get(state, name),
        ("PUT", ["secrets", name]) => put(state, name, request),
        ("DELETE", ["secrets", name]) => delete(state, name),
        _ => refused(404, "NotFound", None, "Not found."),
    }
}

fn login(state: &mut State, tenant: &str, request: &Received) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
    let form: BTreeMap<String, String> = body.split('&').filter_map(pair).collect();
    let expected = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", CLIENT_SECRET),
        ("scope", "https://vault.azure.net/.default"),
    ];
    if tenant != TENANT
        || expected.iter().any(|(name, value)| form.get(*name).is_none_or(|sent| sent != value))
    {
        let message = "AADSTS7000215: Invalid client secret provided.";
        return Reply::json(401, &json!({ "error": "invalid_client", "error_description": message }));
    }
    identity(state, true)
}

fn identity(state: &mut State, right: bool) -> Reply {
    if !right {
        return Reply::json(400, &json!({ "error": "invalid_request", "error_description": "Bad request." }));
    }
    let token = state.tokens.give("eyJ0.bench.");
    Reply::json(200, &json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }))
}

fn list(state: &State, request: &Received) -> Reply {
    let number = |name: &str| request.query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (size, from) = (number("maxresults").unwrap_or(25), number("$skiptoken").unwrap_or(0));
    if !(1..=25).contains(&size) {
        return refused(400, "BadParameter", None, "The maxresults parameter is not valid.");
    }
    let alive: Vec<_> = state.secrets.iter().filter(|(_, entry)| !entry.deleted).collect();
    let shown = |(name, entry): &(&String, &super::Entry)| {
        let at = entry.versions.last().map_or(0, |(_, at)| *at);
        json!({ "id": format!("{}/secrets/{name}", state.url), "attributes": attributes(at) })
    };
    let page: Vec<Value> = alive.iter().skip(from).take(size).map(shown).collect();
    let next = (from + page.len() < alive.len()).then(|| {
        let next = from + page.len();
        format!("{}/secrets?api-version=7.4&$skiptoken={next}&maxresults={size}", state.url)
    });
    Reply::json(200, &json!({ "value": page, "nextLink": state.link.clone().or(next) }))
}

fn get(state: &State, name: &str) -> Reply {
    if state.writers_only {
        let message =
            "Caller is not authorized to perform action Microsoft.KeyVault/vaults/secrets/getSecret/action.";
        return refused(403, "Forbidden", Some("ForbiddenByRbac"), message);
    }
    let entry = state.secrets.get(&name.to_lowercase()).filter(|entry| !entry.deleted);
    match entry.and_then(|entry| Some((entry.versions.len(), entry.versions.last()?))) {
        Some((number, (value, at))) => Reply::json(200, &bundle(state, name, number, value, *at)),
        None => {
            let message = format!("A secret with (name/id) {name} was not found in this key vault.");
            refused(404, "SecretNotFound", None, &message)
        }
    }
}

fn put(state: &mut State, name: &str, request: &Received) -> Reply {
    if name.is_empty() || name.len() > 127 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return refused(400, "BadParameter", None, "The request URI contains an invalid name.");
    }
    let body = request.json();
    let Some(value) = body["value"].as_str().filter(|value| value.len() <= LARGEST) else {
        return refused(400, "BadParameter", None, "Property value has invalid value.");
    };
    if state.secrets.get(&name.to_lowercase()).is_some_and(|entry| entry.deleted) {
        let message = format!("Secret {name} is currently in a deleted but recoverable state.");
        return refused(409, "Conflict", Some("ObjectIsDeletedButRecoverable"), &message);
    }
    let (number, at) = state.put(name, value);
    Reply::json(200, &bundle(state, name, number, value, at))
}

fn delete(state: &mut State, name: &str) -> Reply {
    let id = format!("{}/deletedsecrets/{name}", state.url);
    match state.secrets.get_mut(&name.to_lowercase()).filter(|entry| !entry.deleted) {
        Some(entry) => {
            entry.deleted = true;
            Reply::json(200, &json!({ "recoveryId": id, "deletedDate": 1, "scheduledPurgeDate": 2 }))
        }
        None => {
            refused(404, "SecretNotFound", None, "A secret with that name was not found in this key vault.")
        }
    }
}

fn bundle(state: &State, name: &str, number: usize, value: &str, at: u64) -> Value {
    let id = format!("{}/secrets/{name}/{number:032x}", state.url);
    json!({ "value": value, "id": id, "attributes": attributes(at) })
}

fn attributes(at: u64) -> Value {
    json!({ "enabled": true, "created": at, "updated": at, "recoveryLevel": "Recoverable+Purgeable" })
}

fn refused(status: u16, code: &str, inner: Option<&str>, message: &str) -> Reply {
    let mut error = json!({ "code": code, "message": message });
    if let Some(inner) = inner {
        error["innererror"] = json!({ "code": inner });
    }
    Reply::json(status, &json!({ "error": error }))
}
