//! What came back, and the part of it that people may see.

use std::fmt;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::hidden::Hidden;
use super::{HttpFault, fault};

/// No answer is read further, in bytes.
const LONGEST: usize = 4 << 20;
/// No message is longer, in characters.
const CLIPPED: usize = 200;

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 4 MiB.
    pub body: Vec<u8>,
    said: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    pub(super) async fn receive(mut response: reqwest::Response, hidden: &Hidden) -> Result<Self, HttpFault> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unclear(&error))? {
            if body.len() + chunk.len() > LONGEST {
                return Err(HttpFault::Unclear(format!("the answer is larger than {} MiB", LONGEST >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        let said = if status < 400 { String::new() } else { clipped(&hidden.remove_from(said(&body))) };
        Ok(Self { status, headers, body, said })
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; `None` when it is none of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// For people, in one short line: `HTTP 403 Forbidden: Resource not accessible`. What the target said
    /// is cut to 200 characters, and what was sent is taken out of it.
    pub fn message(&self) -> String {
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        let said = match self.status {
            300..400 => "it points elsewhere, which is not followed",
            _ => &self.said,
        };
        let colon = if said.is_empty() { "" } else { ": " };
        format!("HTTP {}{reason}{colon}{said}", self.status)
    }
}

/// A status came and the rest did not: whatever was asked may have been done.
fn unclear(error: &reqwest::Error) -> HttpFault {
    match fault(error) {
        HttpFault::NotSent(text) | HttpFault::Unclear(text) => HttpFault::Unclear(text),
    }
}

/// The message in an error body, by the habits of the five targets.
fn said(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let error = &json["error"];
    let fields = [&json["message"], &json["Message"], &error["message"], &json["error_description"], error];
    if let Some(text) = fields.into_iter().find_map(Value::as_str) {
        return text.to_owned();
    }
    let texts = json["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join("; ")
}

/// One line without control characters, at most 200 characters long.
pub(super) fn clipped(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= CLIPPED {
        return words;
    }
    words.chars().take(CLIPPED - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_where_each_target_puts_it() {
        for (body, expected) in [
            (r#"{"message":"Not Found","documentation_url":"x"}"#, "Not Found"),
            (r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#, "no"),
            (r#"{"__type":"X","Message":"gone"}"#, "gone"),
            (r#"{"error":"invalid_client","error_description":"expired"}"#, "expired"),
            (r#"{"error":"invalid_client"}"#, "invalid_client"),
            (r#"{"errors":["permission denied","1 error"]}"#, "permission denied; 1 error"),
            (r#"{"errors":[{"a":1}]}"#, ""),
            ("<html>", ""),
            ("[]", ""),
        ] {
            assert_eq!(said(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn messages_are_one_short_line() {
        assert_eq!(clipped("a\r\n\u{1b}[31m b\0"), "a [31m b");
        let long = clipped(&"ü".repeat(500));
        assert_eq!((long.chars().count(), long.chars().last()), (200, Some('…')));
    }
}
