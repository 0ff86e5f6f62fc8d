use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;

/// A server that gives these answers one after the other, the last one for ever; an empty one breaks the
/// connection after the request was read.
async fn server(answers: Vec<String>) -> (Http, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    crate::tasks::Tasks::default().spawn("server", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !complete(&request) {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).await.unwrap_or(0);
                if read == 0 {
                    break;
                }
                request.extend_from_slice(&part[..read]);
            }
            let number = count.fetch_add(1, Ordering::SeqCst);
            let answer = &answers[number.min(answers.len() - 1)];
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (Http::new(&base, "the bench").unwrap(), asked)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn request(repeatable: bool) -> Request {
    Request {
        method: Method::PUT,
        path_and_query: "/secret".into(),
        headers: vec![(AUTHORIZATION, HeaderValue::from_static("Bearer token-0123456789"))],
        body: Some(Secret::new(br#"{"value":"s3cret value","n":1}"#.to_vec())),
        content_type: Some("application/json"),
        repeatable,
    }
}

#[tokio::test]
async fn answers_come_back_with_their_body() {
    let (http, asked) = server(vec![answer("201 Created", "X-A: b\r\n", r#"{"version":3}"#)]).await;
    let got = http.send(request(false)).await.unwrap();
    assert_eq!((got.status, got.headers["x-a"].to_str().unwrap()), (201, "b"));
    assert_eq!(got.json::<serde_json::Value>().unwrap()["version"], 3);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(
        format!("{got:?} {:?}", request(true)),
        "Answer { status: 201, .. } Request { method: PUT, .. }"
    );
}

#[tokio::test]
async fn a_limit_is_waited_for_also_when_the_request_must_not_be_done_twice() {
    let limit = answer("429 Too Many Requests", "Retry-After: 1\r\n", "");
    let (http, asked) = server(vec![limit, answer("200 OK", "", "")]).await;
    let start = Instant::now();
    assert_eq!(http.send(request(false)).await.unwrap().status, 200);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_may_have_been_done_is_repeated_only_by_leave() {
    for (first, left) in [(answer("500 Oops", "", ""), "answer"), (String::new(), "fault")] {
        let (http, asked) = server(vec![first.clone(), answer("200 OK", "", "")]).await;
        assert_eq!(http.send(request(true)).await.unwrap().status, 200, "{left}");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let (http, asked) = server(vec![first, answer("200 OK", "", "")]).await;
        match (http.send(request(false)).await, left) {
            (Ok(answer), "answer") => assert_eq!(answer.status, 500),
            (Err(HttpFault::Unclear(_)), "fault") => {}
            (other, _) => panic!("{other:?}"),
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn four_tries_are_all_and_the_last_answer_counts() {
    let (http, asked) = server(vec![answer("503 Busy", "Retry-After: 0\r\n", "")]).await;
    assert_eq!(http.send(request(false)).await.unwrap().status, 503);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    let (http, asked) = server(vec![answer("429 Slow", "Retry-After: 3600\r\n", "")]).await;
    assert_eq!(http.send(request(true)).await.unwrap().status, 429);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "an hour is too long");
}

#[tokio::test]
async fn nobody_there_is_surely_not_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let fault = Http::new(&base, "x").unwrap().send(request(false)).await.unwrap_err();
    assert!(matches!(&fault, HttpFault::NotSent(text) if text.contains("refused")), "{fault}");
    assert!(!fault.text().contains("/secret"), "{fault}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (http, asked) = server(vec![answer("302 Found", "Location: http://127.0.0.1:1/x\r\n", "")]).await;
    let got = http.send(request(true)).await.unwrap();
    assert_eq!((got.status, asked.load(Ordering::SeqCst)), (302, 1));
    assert!(got.message().contains("not followed"), "{}", got.message());
}

#[tokio::test]
async fn what_was_sent_never_comes_back_in_a_message() {
    let body = r#"{"message":"bad\nvalue 's3cret value' with token-0123456789"}"#;
    let (http, _) = server(vec![answer("422 Unprocessable Entity", "", body)]).await;
    let got = http.send(request(true)).await.unwrap();
    assert_eq!(got.message(), "HTTP 422 Unprocessable Entity: bad value '…' with …");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let body = "x".repeat(5 << 20);
    let (http, _) = server(vec![answer("200 OK", "", &body)]).await;
    let fault = http.send(request(false)).await.unwrap_err();
    assert!(matches!(&fault, HttpFault::Unclear(text) if text.contains("4 MiB")), "{fault}");
}
