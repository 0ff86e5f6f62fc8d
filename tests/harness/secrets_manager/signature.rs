//! Signature Version 4 for one region and service, checked from its published description.

use std::fmt::Write as _;

use ring::{digest, hmac};

use super::{KEY, REGION};
use crate::http::Received;

/// Whether the request is signed with the bench's key, with all that matters under the signature.
pub(super) fn is_right(request: &Received) -> bool {
    let field = |name: &str| {
        let (_, rest) = request.header("authorization").split_once(&format!("{name}="))?;
        rest.split(',').next()
    };
    let Some(signed) = field("SignedHeaders") else { return false };
    let names: Vec<&str> = signed.split(';').collect();
    let needed = ["content-type", "host", "x-amz-date", "x-amz-target"];
    if !needed.iter().all(|name| names.contains(name)) {
        return false;
    }
    let headers = names.iter().fold(String::new(), |mut lines, name| {
        let _ = writeln!(lines, "{name}:{}", request.header(name).trim());
        lines
    });
    let body = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    let canonical = format!("{}\n{}\n\n{headers}\n{signed}\n{body}", request.method, request.path);
    let time = request.header("x-amz-date");
    request.header("authorization").starts_with("AWS4-HMAC-SHA256 ")
        && field("Credential") == Some(&format!("{}/{}", KEY.0, scope(time)))
        && field("Signature") == Some(&signature(time, &canonical))
}

/// The headers that a plain client sends with an operation at a time (`20260101T000000Z`), signed.
pub fn signed(host: &str, operation: &str, time: &str, body: &[u8]) -> [(&'static str, String); 4] {
    let kind = "application/x-amz-json-1.1";
    let target = format!("secretsmanager.{operation}");
    let names = "content-type;host;x-amz-date;x-amz-target";
    let lines = format!("content-type:{kind}\nhost:{host}\nx-amz-date:{time}\nx-amz-target:{target}\n");
    let body = hex(digest::digest(&digest::SHA256, body).as_ref());
    let signature = signature(time, &format!("POST\n/\n\n{lines}\n{names}\n{body}"));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={names}, Signature={signature}",
        KEY.0,
        scope(time)
    );
    [
        ("content-type", kind.to_owned()),
        ("x-amz-date", time.to_owned()),
        ("x-amz-target", target),
        ("authorization", authorization),
    ]
}

fn scope(time: &str) -> String {
    format!("{}/{REGION}/secretsmanager/aws4_request", time.get(..8).unwrap_or_default())
}

/// The signature of a request in its canonical form.
fn signature(time: &str, canonical: &str) -> String {
    let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{}\n{digest}", scope(time));
    let start = format!("AWS4{}", KEY.1).into_bytes();
    let parts = [time.get(..8).unwrap_or_default(), REGION, "secretsmanager", "aws4_request", &to_sign];
    let signature = parts.iter().fold(start, |key, part| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
    });
    hex(&signature)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
