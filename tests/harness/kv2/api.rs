//! The endpoints.

use serde_json::{Value, json};

use super::{READER, State, TOKEN};
use crate::http::{Received, Reply};

pub(super) fn answer(state: &mut State, request: &Received) -> Reply {
    if state.sealed {
        return refused(503, "Vault is sealed");
    }
    let token = request.header("x-vault-token");
    if token != TOKEN && token != READER {
        return Reply::json(
            403,
            &json!({ "errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] }),
        );
    }
    let namespace = request.header("x-vault-namespace").trim_matches('/').to_owned();
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if !["", "team"].contains(&namespace.as_str()) {
        return no_route(&segments[1..].join("/"));
    }
    match segments.as_slice() {
        ["v1", "sys", "internal", "ui", "mounts", mount] => mounted(mount),
        ["v1", "secret", "data", path @ ..] if !path.is_empty() => {
            let at = (namespace, path.join("/"));
            match request.method.as_str() {
                "GET" => read(state, &at),
                "POST" | "PUT" if token == TOKEN => write(state, at, &request.json()),
                _ => refused(403, "1 error occurred:\n\t* permission denied\n\n"),
            }
        }
        ["v1", "old", path @ ..] => old(state, request, &path.join("/")),
        _ => no_route(&segments[1..].join("/")),
    }
}

fn mounted(mount: &str) -> Reply {
    let version = match mount {
        "secret" => "2",
        "old" => "1",
        _ => {
            return refused(
                403,
                "preflight capability check returned 403, please ensure client's policies grant access",
            );
        }
    };
    Reply::json(
        200,
        &json!({ "data": { "type": "kv", "path": format!("{mount}/"), "options": { "version": version } } }),
    )
}

fn read(state: &State, at: &(String, String)) -> Reply {
    let Some(entry) = state.entries.get(at) else {
        return Reply::json(404, &json!({ "errors": [] }));
    };
    let (version, newest) = (entry.versions.len(), entry.versions.last().cloned().flatten());
    let deleted = if newest.is_none() { "2026-01-01T00:00:00Z" } else { "" };
    let status = if newest.is_none() { 404 } else { 200 };
    let metadata = json!({ "created_time": "2026-01-01T00:00:00Z", "deletion_time": deleted, "destroyed": false, "version": version });
    Reply::json(status, &json!({ "request_id": "r", "data": { "data": newest, "metadata": metadata } }))
}

fn write(state: &mut State, at: (String, String), body: &Value) -> Reply {
    if state.races > 0
        && let Some((key, value)) = state.race.clone()
    {
        state.races -= 1;
        let entry = state.entries.entry(at.clone()).or_default();
        let mut map = entry.versions.last().cloned().flatten().unwrap_or_else(|| json!({}));
        map[key] = value;
        entry.versions.push(Some(map));
    }
    if !body["data"].is_object() {
        return refused(400, "no data provided");
    }
    let entry = state.entries.entry(at).or_default();
    let wanted = &body["options"]["cas"];
    if !wanted.is_null() && wanted.as_u64() != Some(entry.versions.len() as u64) {
        return refused(400, "check-and-set parameter did not match the current version");
    }
    entry.versions.push(Some(body["data"].clone()));
    Reply::json(200, &json!({ "data": { "version": entry.versions.len(), "destroyed": false } }))
}

/// A version 1 engine takes any path and keeps the body as it is.
fn old(state: &mut State, request: &Received, path: &str) -> Reply {
    let at = (String::new(), format!("old/{path}"));
    match request.method.as_str() {
        "GET" => match state.entries.get(&at).and_then(|entry| entry.versions.last()) {
            Some(map) => Reply::json(200, &json!({ "lease_duration": 2_764_800, "data": map })),
            None => Reply::json(404, &json!({ "errors": [] })),
        },
        _ => {
            state.entries.entry(at).or_default().versions.push(Some(request.json()));
            Reply::empty(204)
        }
    }
}

fn no_route(path: &str) -> Reply {
    refused(404, &format!("no handler for route \"{path}\". route entry not found."))
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [message] }))
}
