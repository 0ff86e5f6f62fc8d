use super::*;
use crate::http::{Received, Service as _};

fn request(method: &str, path: &str, query: &[(&str, &str)], body: &str) -> Received {
    Received {
        method: method.into(),
        path: path.into(),
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        headers: [("authorization".to_owned(), format!("Bearer {TOKEN}"))].into(),
        body: body.into(),
    }
}

fn ask(server: &SecretManager, method: &str, path: &str, body: &str) -> (u16, serde_json::Value) {
    let reply =
        server.api.answer(&request(method, &format!("/v1/projects/{PROJECT}/secrets{path}"), &[], body));
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

fn payload(data: &str, sum: u32) -> String {
    json!({ "payload": { "data": data, "dataCrc32c": sum.to_string() } }).to_string()
}

#[test]
fn payloads_with_a_wrong_checksum_are_refused() {
    let server = SecretManager::start();
    server.add_empty("A");
    assert_eq!(api::crc32c(b"123456789"), 0xE306_9283);
    // `eA==` is `x`.
    assert_eq!(ask(&server, "POST", "/A:addVersion", &payload("eA==", 1)).0, 400);
    let (status, version) = ask(&server, "POST", "/A:addVersion", &payload("eA==", api::crc32c(b"x")));
    assert_eq!((status, &version["clientSpecifiedPayloadChecksum"]), (200, &json!(true)));
    assert_eq!(version["name"], "projects/123456789012/secrets/A/versions/1");
    assert_eq!(ask(&server, "POST", "/B:addVersion", &payload("eA==", api::crc32c(b"x"))).0, 404);
    let (_, accessed) = ask(&server, "GET", "/A/versions/latest:access", "");
    assert_eq!(accessed["payload"], json!({ "data": "eA==", "dataCrc32c": api::crc32c(b"x").to_string() }));
    server.disable("A");
    assert_eq!(ask(&server, "GET", "/A/versions/latest:access", "").0, 400);
    assert_eq!(ask(&server, "GET", "/A/versions/latest", "").1["state"], "DISABLED");
}

#[test]
fn a_token_needs_the_right_signature() {
    let server = SecretManager::start();
    let body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.e30.AA";
    assert_eq!(server.api.answer(&request("POST", "/token", &[], body)).status, 400);
    let body = format!(
        "grant_type=refresh_token&client_secret=s&refresh_token={}",
        REFRESH_TOKEN.replace('/', "%2F")
    );
    assert_eq!(server.api.answer(&request("POST", "/token", &[], &body)).status, 200);
    assert_eq!(server.tokens_given(), 1);
    server.expire_tokens(1);
    assert_eq!([1, 2].map(|_| ask(&server, "GET", "", "").0), [200, 401]);
}

#[test]
fn lists_come_in_pages() {
    let server = SecretManager::start();
    for name in ["A", "B", "C"] {
        server.set_secret(name, b"x");
    }
    let page = |token: &str| {
        let path = format!("/v1/projects/{PROJECT}/secrets");
        let reply = server.api.answer(&request("GET", &path, &[("pageSize", "2"), ("pageToken", token)], ""));
        serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap()
    };
    let first = page("");
    assert_eq!(first["secrets"].as_array().unwrap().len(), 2);
    let second = page(first["nextPageToken"].as_str().unwrap());
    assert_eq!((second["secrets"].as_array().unwrap().len(), second.get("nextPageToken")), (1, None));
}
