//! The operations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Content, Secret, State, signature};
use crate::http::{Received, Reply};

/// The limit of a value, in bytes.
const LARGEST: usize = 65_536;

pub(super) fn answer(state: &mut State, request: &Received) -> Reply {
    if let Some(left) = state.expires_after {
        match left.checked_sub(1) {
            Some(fewer) => state.expires_after = Some(fewer),
            None => state.expired = true,
        }
    }
    if state.expired {
        return refused("ExpiredTokenException", "The security token included in the request is expired");
    }
    if !signature::is_right(request) {
        let message = "The request signature we calculated does not match the signature you provided.";
        return refused("InvalidSignatureException", message);
    }
    let operation = request.header("x-amz-target").strip_prefix("secretsmanager.").unwrap_or_default();
    if request.method != "POST" || request.header("content-type") != "application/x-amz-json-1.1" {
        return refused("UnknownOperationException", "");
    }
    let reads = matches!(operation, "DescribeSecret" | "GetSecretValue");
    if (state.readers_only && !reads) || (state.blind && operation == "GetSecretValue") {
        let message = format!(
            "User: arn:aws:iam::1:user/bench is not authorized to perform: secretsmanager:{operation}"
        );
        return refused("AccessDeniedException", &message);
    }
    let body = request.json();
    let name = body["SecretId"].as_str().or(body["Name"].as_str()).unwrap_or_default().to_owned();
    match operation {
        "DescribeSecret" => describe(state, &name),
        "GetSecretValue" => get(state, &name),
        "CreateSecret" => create(state, &name, &body),
        "PutSecretValue" => put(state, &name, &body),
        "DeleteSecret" => delete(state, &name),
        _ => refused("UnknownOperationException", ""),
    }
}

fn describe(state: &State, name: &str) -> Reply {
    let Some(secret) = state.secrets.get(name) else { return missing() };
    let count = secret.versions.len();
    let stages = |at: usize| match count - at {
        1 => vec!["AWSCURRENT"],
        2 => vec!["AWSPREVIOUS"],
        _ => Vec::new(),
    };
    let versions = secret.versions.iter().enumerate();
    let versions: Map<String, Value> = versions
        .filter(|(at, _)| !stages(*at).is_empty())
        .map(|(at, (id, _))| (id.clone(), json!(stages(at))))
        .collect();
    let mut answer = json!({ "ARN": arn(name), "Name": name, "VersionIdsToStages": versions });
    if secret.deleted {
        answer["DeletedDate"] = json!(1_767_225_600.5);
    }
    reply(200, &answer)
}

fn get(state: &State, name: &str) -> Reply {
    let Some(secret) = state.secrets.get(name) else { return missing() };
    if secret.deleted {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return refused("InvalidRequestException", message);
    }
    let Some((id, content)) = secret.versions.last() else { return missing() };
    let mut answer =
        json!({ "ARN": arn(name), "Name": name, "VersionId": id, "VersionStages": ["AWSCURRENT"] });
    match content {
        Content::Text(text) => answer["SecretString"] = text.as_str().into(),
        Content::Binary(bytes) => answer["SecretBinary"] = STANDARD.encode(bytes).into(),
    }
    reply(200, &answer)
}

fn create(state: &mut State, name: &str, body: &Value) -> Reply {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return refused("ValidationException", "Invalid name.");
    }
    let Some(content) = content(body) else { return bad_content() };
    let Some(token) = token(body) else { return bad_content() };
    if let Some(secret) = state.secrets.get(name) {
        if secret.deleted {
            let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return refused("InvalidRequestException", message);
        }
        if !secret.versions.contains(&(token.clone(), content)) {
            return refused(
                "ResourceExistsException",
                "The operation failed because the secret already exists.",
            );
        }
    } else {
        let secret = Secret { versions: vec![(token.clone(), content)], deleted: false };
        state.secrets.insert(name.to_owned(), secret);
    }
    reply(200, &json!({ "ARN": arn(name), "Name": name, "VersionId": token }))
}

fn put(state: &mut State, name: &str, body: &Value) -> Reply {
    let Some(content) = content(body) else { return bad_content() };
    let Some(token) = token(body) else { return bad_content() };
    let Some(secret) = state.secrets.get_mut(name) else { return missing() };
    if secret.deleted {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return refused("InvalidRequestException", message);
    }
    let known = secret.versions.iter().find(|(id, _)| *id == token);
    if known.is_some_and(|(_, held)| *held != content) {
        let message = "The operation failed because the version with that token holds other content.";
        return refused("ResourceExistsException", message);
    }
    if known.is_none() {
        secret.versions.push((token.clone(), content));
    }
    let current = secret.versions.last().is_some_and(|(id, _)| *id == token);
    let stages: &[&str] = if current { &["AWSCURRENT"] } else { &["AWSPREVIOUS"] };
    reply(200, &json!({ "ARN": arn(name), "Name": name, "VersionId": token, "VersionStages": stages }))
}

fn delete(state: &mut State, name: &str) -> Reply {
    let Some(secret) = state.secrets.get_mut(name) else { return missing() };
    if secret.deleted {
        let message =
            "You can't perform this operation on the secret because it was already scheduled for deletion.";
        return refused("InvalidRequestException", message);
    }
    secret.deleted = true;
    reply(200, &json!({ "ARN": arn(name), "Name": name, "DeletionDate": 1_769_817_600.5 }))
}

fn content(body: &Value) -> Option<Content> {
    let text = body["SecretString"].as_str().map(|text| Content::Text(text.to_owned()));
    let binary =
        body["SecretBinary"].as_str().and_then(|text| STANDARD.decode(text).ok()).map(Content::Binary);
    let content = text.xor(binary)?;
    let length = match &content {
        Content::Text(text) => text.len(),
        Content::Binary(bytes) => bytes.len(),
    };
    (1..=LARGEST).contains(&length).then_some(content)
}

fn token(body: &Value) -> Option<String> {
    body["ClientRequestToken"].as_str().filter(|token| (32..=64).contains(&token.len())).map(str::to_owned)
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{}:123456789012:secret:{name}-AbCdEf", super::REGION)
}

fn bad_content() -> Reply {
    refused("InvalidParameterException", "The parameters are not valid.")
}

fn missing() -> Reply {
    refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn refused(name: &str, message: &str) -> Reply {
    reply(400, &json!({ "__type": name, "Message": message }))
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, body: body.to_string().into_bytes(), ..Reply::default() }
        .with("content-type", "application/x-amz-json-1.1")
}
