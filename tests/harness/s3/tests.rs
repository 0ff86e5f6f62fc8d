use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::*;

/// One request over a connection of its own; the whole answer, empty when there is none.
fn ask(server: &S3Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = stream.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").as_bytes());
    let _ = stream.write_all(b"\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_unsigned_request_is_denied() {
    let server = S3Server::start();
    server.put_raw("a/b", "body", &[]);
    for request in ["GET /vsync-test/a/b", "GET /vsync-test?list-type=2", "PUT /vsync-test/c"] {
        let answer = ask(&server, request);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("AccessDenied"), "{answer}");
    }
    assert_eq!(server.keys(), ["a/b"]);
}

#[test]
fn an_old_signature_is_a_clock_error() {
    let server = S3Server::start();
    let request = "GET /vsync-test/a HTTP/1.1\r\nx-amz-date: 20200101T000000Z\r\n\
        x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\
        authorization: AWS4-HMAC-SHA256 Credential=VSYNCTESTWRITER/20200101/us-east-1/s3/aws4_request, \
        SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
        Signature=0000000000000000000000000000000000000000000000000000000000000000\r\nx:";
    let answer = ask(&server, request);
    assert!(answer.contains("RequestTimeTooSkewed"), "{answer}");
}

#[test]
fn faults_are_used_up_in_order_and_requests_counted() {
    let server = S3Server::start();
    server.fail_next(1, Matcher::method("GET").key("b"), Fault::Status(503));
    server.fail_next(1, Matcher::method("GET"), Fault::Error(418, "Teapot"));
    server.fail_next(1, Matcher::any(), Fault::LoseAnswer);
    let answers: Vec<String> = ["a%2Fx", "a/b", "c", "d"]
        .iter()
        .map(|key| ask(&server, &format!("GET /vsync-test/{key}")))
        .collect();
    assert!(answers[0].contains("418") && answers[0].contains("Teapot"), "{answers:?}");
    assert!(answers[1].contains("503") && answers[1].contains("SlowDown"), "{answers:?}");
    assert_eq!(answers[2], "", "the answer is lost");
    assert!(answers[3].contains("403"), "{answers:?}");
    assert_eq!(server.requests("GET", ""), 4);
    assert_eq!(server.requests("GET", "a/"), 2);
    assert_eq!(server.requests("PUT", ""), 0);
}

#[test]
fn offline_drops_connections_until_it_is_over() {
    let server = S3Server::start();
    server.offline(true);
    assert_eq!(ask(&server, "GET /vsync-test/a"), "");
    server.offline(false);
    assert!(ask(&server, "GET /vsync-test/a").contains("403"));
    assert_eq!(server.requests("GET", "a"), 1);
}

#[test]
fn hundreds_of_connections_stay_open_beside_each_other() {
    let server = S3Server::start();
    let idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    assert!(ask(&server, "GET /vsync-test/a").contains("403"));
    drop(idle);
}

#[test]
fn objects_can_be_seen_and_set_from_the_test() {
    let server = S3Server::start();
    let etag = server.put_raw("k", "hello", &[("gen", "1")]);
    assert_eq!(etag, "5d41402abc4b2a76b9719d911017c592");
    let object = server.get_raw("k").unwrap();
    assert_eq!((object.body.as_ref(), object.metadata["gen"].as_str()), (&b"hello"[..], "1"));
    assert!(server.remove_raw("k"));
    assert!(!server.remove_raw("k"));
    assert_eq!(server.get_raw("k"), None);
}
