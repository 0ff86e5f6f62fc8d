use serde_json::{Value, json};

use super::*;
use crate::http::{Received, Reply, Service as _};

/// A request signed by another program: the example keys, region and time are the bench's, the signature
/// was made with openssl.
fn request(signature: &str) -> Received {
    let headers = [
        ("host", "127.0.0.1:1"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "secretsmanager.DescribeSecret"),
        ("x-amz-date", "20260101T000000Z"),
    ];
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/{REGION}/secretsmanager/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}",
        KEY.0
    );
    let headers = headers.into_iter().chain([("authorization", authorization.as_str())]);
    Received {
        method: "POST".into(),
        path: "/".into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: br#"{"SecretId":"A"}"#.to_vec(),
        ..Received::default()
    }
}

fn error(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["__type"].as_str().unwrap_or_default().to_owned()
}

const SIGNATURE: &str = "e365215cf9f88d845d952ad1cc8dde3412495ef8bef3256108217fbbedd71669";

#[test]
fn only_right_signatures_are_taken() {
    let server = SecretsManager::start();
    server.set_secret("A", Content::Text("x".into()));
    assert_eq!(server.api.answer(&request(SIGNATURE)).status, 200);
    assert_eq!(
        error(&server.api.answer(&request(&SIGNATURE.replace('a', "b")))),
        "InvalidSignatureException"
    );
    let mut changed = request(SIGNATURE);
    changed.body = json!({ "SecretId": "B" }).to_string().into_bytes();
    assert_eq!(error(&server.api.answer(&changed)), "InvalidSignatureException");
    server.expire_after(1);
    assert_eq!(server.api.answer(&request(SIGNATURE)).status, 200);
    assert_eq!(error(&server.api.answer(&request(SIGNATURE))), "ExpiredTokenException");
}

#[test]
fn what_the_bench_signs_is_what_openssl_signed() {
    let headers = signed("127.0.0.1:1", "DescribeSecret", "20260101T000000Z", br#"{"SecretId":"A"}"#);
    let (_, authorization) = &headers[3];
    assert!(authorization.ends_with(&format!("Signature={SIGNATURE}")), "{authorization}");
}
