use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dryoc::classic::crypto_box::crypto_box_seal;
use serde_json::Value;

use super::*;
use crate::http::{Fault, Matcher};

/// Status and JSON of an answer; status 0 when the connection broke.
fn ask(server: &GitHubServer, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\nUser-Agent: t\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    // A server that hangs up need not have read it.
    let _ = stream.write_all(request.as_bytes());
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn sealed(server: &GitHubServer, value: &[u8]) -> String {
    let (_, key) = ask(server, "GET", "/repos/o/r/actions/secrets/public-key", TOKEN, "");
    let public = STANDARD.decode(key["key"].as_str().unwrap()).unwrap();
    let mut sealed = vec![0; value.len() + 48];
    crypto_box_seal(&mut sealed, value, &public.try_into().unwrap()).unwrap();
    format!(r#"{{"encrypted_value":"{}","key_id":{}}}"#, STANDARD.encode(sealed), key["key_id"])
}

#[test]
fn sealed_boxes_are_opened_and_old_keys_refused() {
    let server = GitHubServer::start("o/r");
    let body = sealed(&server, b"hello");
    assert_eq!(ask(&server, "PUT", "/repos/o/r/actions/secrets/a", TOKEN, &body).0, 201);
    assert_eq!(ask(&server, "PUT", "/api/v3/repos/o/r/actions/secrets/A", TOKEN, &body).0, 204);
    assert_eq!((server.secret(None, "A").unwrap(), server.versions(None, "A")), (b"hello".to_vec(), 2));
    server.rotate_key();
    assert_eq!(ask(&server, "PUT", "/repos/o/r/actions/secrets/A", TOKEN, &body).0, 422);
    let stolen = sealed(&server, b"x").replace("encrypted_value\":\"", "encrypted_value\":\"AAAA");
    assert_eq!(ask(&server, "PUT", "/repos/o/r/actions/secrets/A", TOKEN, &stolen).0, 422);
    assert_eq!(ask(&server, "PUT", "/repos/o/r/environments/dev/secrets/A", TOKEN, &body).0, 404);
    assert_eq!(ask(&server, "PUT", "/repos/o/r/actions/secrets/GITHUB_A", TOKEN, &body).0, 422);
}

/// A box that libsodium sealed (through PyNaCl) for the secret key 00 01 … 1f.
#[test]
fn boxes_of_libsodium_are_opened() {
    let secret: [u8; 32] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let public = STANDARD.decode("j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=").unwrap();
    let sealed = "O0uRZ5TD56dy3LZZ1oEvIJiU85G4SJGGLd/PzspFLzd0tDdnTCc4GXCbjYaoVzndIgcxZ8o1l6E=";
    let sealed = STANDARD.decode(sealed).unwrap();
    let mut opened = vec![0; sealed.len() - 48];
    let public = public.try_into().unwrap();
    dryoc::classic::crypto_box::crypto_box_seal_open(&mut opened, &sealed, &public, &secret).unwrap();
    assert_eq!(opened, "grüße\n".as_bytes());
}

#[test]
fn tokens_are_checked_and_expire() {
    let server = GitHubServer::start("o/r");
    assert_eq!(ask(&server, "GET", "/repos/o/r", "wrong", "").0, 401);
    server.expire_token_after(1);
    assert_eq!(ask(&server, "GET", "/repos/o/r", TOKEN, "").0, 200);
    assert_eq!(ask(&server, "GET", "/repos/o/r", TOKEN, "").0, 401);
    server.renew_token();
    assert_eq!(ask(&server, "GET", "/repos/o/r", TOKEN, "").0, 200);
    assert_eq!(ask(&server, "GET", "/repos/o/other", TOKEN, "").0, 404);
}

#[test]
fn lists_come_in_pages() {
    let server = GitHubServer::start("o/r");
    server.add_environment("a/b");
    for number in 0..150 {
        server.set_secret(Some("a/b"), &format!("S{number:03}"), b"x");
    }
    let page = |query: &str| {
        let path = format!("/repos/o/r/environments/a%2Fb/secrets?{query}");
        ask(&server, "GET", &path, TOKEN, "").1
    };
    assert_eq!(page("per_page=100&page=2")["secrets"].as_array().unwrap().len(), 50);
    assert_eq!(page("")["secrets"].as_array().unwrap().len(), 30);
    let times: Vec<Value> =
        page("per_page=2")["secrets"].as_array().unwrap().iter().map(|s| s["updated_at"].clone()).collect();
    assert_eq!(times, ["2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]);
}

#[test]
fn faults_hit_the_requests_they_were_made_for() {
    let server = GitHubServer::start("o/r");
    server.add_environment("dev");
    let get = |path: &str| ask(&server, "GET", path, TOKEN, "").0;
    server.http().fail_next(1, Matcher::method("GET").path("/environments/").after(1), Fault::status(500));
    assert_eq!([1, 2, 3].map(|_| get("/repos/o/r/environments/dev")), [200, 500, 200]);
    server.http().fail_next(1, Matcher::any(), Fault::Drop);
    assert_eq!(get("/repos/o/r"), 0);
    server.http().fail_next(1, Matcher::method("PUT"), Fault::LoseAnswer);
    assert_eq!(ask(&server, "PUT", "/repos/o/r/environments/qa", TOKEN, "").0, 0);
    assert_eq!(server.environments(), ["dev", "qa"], "the lost write happened");
    server.http().fail_next(1, Matcher::any(), Fault::CutBody);
    assert_eq!(ask(&server, "GET", "/repos/o/r", TOKEN, "").1, Value::Null);
    server.http().offline(true);
    assert_eq!(get("/repos/o/r"), 0);
    server.http().offline(false);
    assert_eq!((get("/repos/o/r"), server.http().requests("GET", "environments")), (200, 3));
}
