//! The endpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::state::{Sealed, State};
use crate::http::{Received, Reply};

/// GitHub's limit of a value, in bytes of the sealed box.
const LARGEST: usize = 48 * 1024 + 48;

pub(super) fn answer(state: &mut State, request: &Received) -> Reply {
    // The real service refuses anonymous programs and versions of the API that it does not know.
    if request.header("user-agent").is_empty() {
        return refused(403, "Request forbidden by administrative rules.");
    }
    let version = request.header("x-github-api-version");
    if !version.is_empty() && version != "2022-11-28" {
        return refused(400, "The X-GitHub-Api-Version is not supported.");
    }
    if !state.accepts(request.header("authorization")) {
        return refused(401, "Bad credentials");
    }
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let segments = segments.strip_prefix(&["api", "v3"]).unwrap_or(&segments);
    let ["repos", owner, name, rest @ ..] = segments else { return missing() };
    if state.hidden || format!("{owner}/{name}") != state.repository {
        return missing();
    }
    match (request.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!({ "id": 1, "full_name": state.repository, "private": true })),
        (method, ["environments", environment]) => self::environment(state, method, environment),
        (_, ["environments", environment, "secrets", rest @ ..]) => {
            if !state.environments.contains_key(*environment) {
                return missing();
            }
            secrets(state, Some(environment), request, rest)
        }
        (_, ["actions", "secrets", rest @ ..]) => secrets(state, None, request, rest),
        _ => missing(),
    }
}

fn environment(state: &mut State, method: &str, name: &str) -> Reply {
    match method {
        "GET" if !state.environments.contains_key(name) => missing(),
        "GET" => Reply::json(200, &json!({ "id": 2, "name": name })),
        "PUT" => {
            state.environment_writes += 1;
            state.environments.entry(name.to_owned()).or_default();
            Reply::json(200, &json!({ "id": 2, "name": name }))
        }
        _ => missing(),
    }
}

fn secrets(state: &mut State, environment: Option<&str>, request: &Received, rest: &[&str]) -> Reply {
    match (request.method.as_str(), rest) {
        ("GET", ["public-key"]) => {
            let key = STANDARD.encode(state.public_key());
            Reply::json(200, &json!({ "key_id": state.key_id(), "key": key }))
        }
        ("GET", []) => list(state, environment, request),
        ("GET", [name]) => {
            let found = state.secrets(environment).and_then(|all| all.get_key_value(&name.to_uppercase()));
            found.map_or_else(missing, |(name, secret)| Reply::json(200, &shown(name, secret)))
        }
        ("PUT", [name]) => put(state, environment, name, &request.json()),
        ("DELETE", [name]) => {
            let removed = state.secrets_mut(environment).and_then(|all| all.remove(&name.to_uppercase()));
            if removed.is_some() { Reply::empty(204) } else { missing() }
        }
        _ => missing(),
    }
}

fn list(state: &State, environment: Option<&str>, request: &Received) -> Reply {
    let number = |name: &str, default: usize| {
        request.query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(default)
    };
    let (size, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
    let Some(all) = state.secrets(environment) else { return missing() };
    let page: Vec<Value> = all.iter().skip((page - 1) * size).take(size).map(|(n, s)| shown(n, s)).collect();
    Reply::json(200, &json!({ "total_count": all.len(), "secrets": page }))
}

fn shown(name: &str, secret: &Sealed) -> Value {
    json!({ "name": name, "created_at": secret.created_at, "updated_at": secret.updated_at })
}

fn put(state: &mut State, environment: Option<&str>, name: &str, body: &Value) -> Reply {
    let first = name.chars().next().unwrap_or('0');
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain || first.is_ascii_digit() || name.to_uppercase().starts_with("GITHUB_") {
        return refused(422, "Secret names can only contain alphanumeric characters or underscores.");
    }
    let sealed = body["encrypted_value"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let Some(sealed) = sealed else {
        return refused(422, "Invalid request.\n\n\"encrypted_value\" wasn't supplied.");
    };
    if sealed.len() > LARGEST {
        return refused(422, "Secret value is too large.");
    }
    if body["key_id"] != state.key_id() {
        return refused(422, "The provided key_id does not match the public key of this repository.");
    }
    let Some(value) = state.open(&sealed) else {
        return refused(422, "Bad Request - Unable to open the sealed value.");
    };
    let at = state.next_time();
    let Some(all) = state.secrets_mut(environment) else { return missing() };
    if Sealed::put(all, name, value, &at) { Reply::json(201, &json!({})) } else { Reply::empty(204) }
}

fn missing() -> Reply {
    refused(404, "Not Found")
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() }),
    )
}
