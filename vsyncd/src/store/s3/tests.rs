use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vsync_core::secret::Secret;
use vsync_core::sync::{Cause, Right};
use vsync_tests::s3::{Credentials, Fault, Matcher, S3Server};

use super::*;
use crate::store::conformance::{Bench, conformance_tests};

const KEY: &str = "acme/prod/manifest";
const LIMIT: u64 = 1024 * 1024;

conformance_tests!({
    let server = S3Server::start();
    Bench::new(store(&server), server)
});

conformance_tests!(unguarded {
    let server = S3Server::start();
    server.ignore_conditions(true);
    Bench::new(store(&server), server)
});

fn settings(server: &S3Server, credentials: Credentials) -> S3Settings {
    S3Settings {
        endpoint: server.endpoint(),
        region: server.region().to_owned(),
        bucket: server.bucket().to_owned(),
        access_key_id: credentials.access_key_id,
        secret_access_key: Secret::new(credentials.secret_access_key),
        timeouts: Timeouts::default(),
    }
}

fn store(server: &S3Server) -> S3Store {
    S3Store::new(settings(server, server.credentials())).unwrap()
}

/// A store that loses patience soon, for servers that never answer.
fn hasty(server: &S3Server) -> S3Store {
    let mut settings = settings(server, server.credentials());
    settings.timeouts = Timeouts {
        connect: Duration::from_secs(2),
        attempt: Duration::from_secs(1),
        operation: Duration::from_secs(2),
        stall: Duration::from_secs(1),
        slowest: LIMIT,
    };
    S3Store::new(settings).unwrap()
}

async fn put(store: &S3Store, body: &'static str) -> Result<String, StoreError> {
    store.put(KEY, Bytes::from_static(body.as_bytes()), &Metadata::new(), Condition::Absent).await
}

/// All three kinds of reads, each of which must give this error.
async fn reads_fail(store: &S3Store, is: impl Fn(&StoreError) -> bool) {
    let errors =
        [store.head(KEY).await.err(), store.get(KEY, LIMIT).await.err(), store.list("acme/").await.err()];
    for error in errors {
        let error = error.expect("a failure");
        assert!(is(&error), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("127.0.0.1") && text.contains(&store.bucket), "{text}");
        assert!(!text.contains("VSYNCTEST") && !text.contains("secret-of"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_denied_by_name() {
    let server = S3Server::start();
    server.put_raw(KEY, "body", &[]);
    let mut wrong = server.credentials();
    wrong.secret_access_key = "another".to_owned();
    let mut unknown = server.credentials();
    unknown.access_key_id = "NOBODY".to_owned();
    for (credentials, word, cause) in [
        (wrong, "SignatureDoesNotMatch", Cause::WrongSecret),
        (unknown, "InvalidAccessKeyId", Cause::UnknownKeyId),
    ] {
        let store = S3Store::new(settings(&server, credentials)).unwrap();
        let named = |error: &StoreError| matches!(error, StoreError::Denied(refusal) if refusal.text.contains(word) && refusal.cause == cause);
        reads_fail(&store, named).await;
        assert!(put(&store, "x").await.is_err_and(|error| named(&error)));
    }
    assert_eq!(server.get_raw(KEY).unwrap().body, "body");
}

#[tokio::test]
async fn a_reader_reads_and_is_denied_writes() {
    let server = S3Server::start();
    server.put_raw("acme/prod/audit.csv", "body", &[]);
    let store = S3Store::new(settings(&server, server.read_only_credentials())).unwrap();
    assert!(store.head("acme/prod/audit.csv").await.unwrap().is_some());
    assert_eq!(store.list("").await.unwrap().len(), 1);
    let Err(StoreError::Denied(refusal)) = put(&store, "x").await else { panic!("a reader wrote") };
    assert!(refusal.text.contains("AccessDenied"), "{refusal}");
    assert_eq!(refusal.cause, Cause::Right { right: Right::PutObject, name: KEY.to_owned() });
    assert_eq!(server.keys(), ["acme/prod/audit.csv"]);
}

#[tokio::test]
async fn a_wrong_clock_is_not_a_denial() {
    let server = S3Server::start();
    server.fail_next(usize::MAX, Matcher::any(), Fault::Error(403, "RequestTimeTooSkewed"));
    let store = store(&server);
    reads_fail(&store, |error| matches!(error, StoreError::ClockSkew(_))).await;
    assert!(matches!(put(&store, "x").await, Err(StoreError::ClockSkew(_))));
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let server = S3Server::start();
    server.bucket_missing(true);
    let store = store(&server);
    assert_eq!(store.head(KEY).await, Ok(None), "the answer to HEAD does not tell");
    let missing =
        |error: &StoreError| matches!(error, StoreError::NoBucket(text) if text.contains("vsync-test"));
    assert!(store.get(KEY, LIMIT).await.is_err_and(|error| missing(&error)));
    assert!(store.list("").await.is_err_and(|error| missing(&error)));
    assert!(put(&store, "x").await.is_err_and(|error| missing(&error)));
}

#[tokio::test]
async fn overload_is_retried_and_then_unreachable() {
    let server = S3Server::start();
    server.put_raw(KEY, "body", &[("gen", "1")]);
    let store = store(&server);
    server.fail_next(2, Matcher::method("HEAD"), Fault::Status(503));
    assert!(store.head(KEY).await.unwrap().is_some());
    server.fail_next(2, Matcher::method("GET"), Fault::Status(500));
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body, "body");
    server.fail_next(9, Matcher::any(), Fault::Status(503));
    reads_fail(&store, |error| matches!(error, StoreError::Unreachable(_))).await;
    assert_eq!(server.requests("HEAD", KEY), 6);
    assert_eq!(server.requests("LIST", ""), 3);
}

#[tokio::test]
async fn a_write_is_sent_once_and_unclear_when_its_answer_is() {
    let server = S3Server::start();
    let (store, hasty) = (store(&server), hasty(&server));
    let wrote = Matcher::method("PUT");
    for (store, fault) in [(&store, Fault::Status(500)), (&hasty, Fault::Hang), (&store, Fault::LoseAnswer)] {
        let before = server.requests("PUT", KEY);
        server.fail_next(1, wrote.clone(), fault.clone());
        assert!(matches!(put(store, "mine").await, Err(StoreError::Unclear(_))), "{fault:?}");
        assert_eq!(server.requests("PUT", KEY), before + 1, "{fault:?}");
    }
    assert_eq!(server.get_raw(KEY).unwrap().body, "mine", "the write whose answer was lost happened");
    server.fail_next(1, wrote, Fault::Status(503));
    assert!(matches!(put(&store, "mine").await, Err(StoreError::Unreachable(_))), "refused before writing");
    assert_eq!(put(&store, "mine").await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn refused_conditions_are_conflicts() {
    let server = S3Server::start();
    let store = store(&server);
    for status in [409, 412] {
        server.fail_next(1, Matcher::method("PUT"), Fault::Status(status));
        assert_eq!(put(&store, "x").await, Err(StoreError::Conflict), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = S3Server::start();
    server.put_raw(KEY, "body", &[]);
    let store = hasty(&server);
    server.fail_next(usize::MAX, Matcher::any(), Fault::Hang);
    let begun = Instant::now();
    reads_fail(&store, |error| matches!(error, StoreError::Unreachable(_))).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_cut_or_crawling_body_is_an_error_and_never_short() {
    let server = S3Server::start();
    let (store, hasty) = (store(&server), hasty(&server));
    server.put_raw(KEY, vec![7; 300_000], &[]);
    for (store, fault) in [(&store, Fault::CutBody), (&hasty, Fault::Slow(1000))] {
        server.fail_next(1, Matcher::method("GET"), fault.clone());
        let error = store.get(KEY, LIMIT).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{fault:?}: {error}");
    }
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body.len(), 300_000);
}

#[tokio::test]
async fn a_slow_body_within_its_time_is_read() {
    let server = S3Server::start();
    server.put_raw(KEY, vec![7; 20_000], &[]);
    server.fail_next(1, Matcher::method("GET"), Fault::Slow(40_000));
    server.fail_next(1, Matcher::method("HEAD"), Fault::Delay(Duration::from_millis(50)));
    let store = store(&server);
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body.len(), 20_000);
    assert!(store.head(KEY).await.unwrap().is_some());
}

#[tokio::test]
async fn offline_is_unreachable_and_passes() {
    let server = S3Server::start();
    let store = store(&server);
    put(&store, "body").await.unwrap();
    server.offline(true);
    reads_fail(&store, |error| matches!(error, StoreError::Unreachable(_))).await;
    server.offline(false);
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body, "body");
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens() {
    let server = S3Server::start();
    let mut settings = settings(&server, server.credentials());
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.endpoint = format!("http://{free}");
    let store = S3Store::new(settings.clone()).unwrap();
    reads_fail(&store, |error| matches!(error, StoreError::Unreachable(_))).await;
    let refused = put(&store, "x").await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable(_)), "the write certainly did not happen: {refused:?}");

    settings.endpoint = "http://store.invalid".to_owned();
    let store = S3Store::new(settings).unwrap();
    assert!(
        matches!(store.head(KEY).await, Err(StoreError::Unreachable(text)) if text.contains("store.invalid"))
    );
}

#[tokio::test]
async fn a_failed_handshake_is_unreachable_and_sends_nothing() {
    let server = S3Server::start();
    let mut settings = settings(&server, server.credentials());
    settings.endpoint = server.endpoint().replace("http:", "https:");
    let store = S3Store::new(settings).unwrap();
    reads_fail(&store, |error| matches!(error, StoreError::Unreachable(_))).await;
    assert!(matches!(put(&store, "x").await, Err(StoreError::Unreachable(_))));
    assert_eq!(server.requests("PUT", ""), 0);
}

#[tokio::test]
async fn two_hundred_readers_are_served_at_once() {
    let server = S3Server::start();
    server.put_raw(KEY, "body", &[]);
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let store = store(&server);
        readers.spawn(async move { store.get(KEY, LIMIT).await.unwrap().unwrap().body });
    }
    assert!(readers.join_all().await.iter().all(|body| body == "body"));
}

#[tokio::test]
async fn a_write_may_take_its_time_to_be_answered() {
    let server = S3Server::start();
    server.fail_next(1, Matcher::method("PUT"), Fault::Delay(Duration::from_millis(700)));
    let mut settings = settings(&server, server.credentials());
    settings.timeouts.stall = Duration::from_millis(100);
    put(&S3Store::new(settings).unwrap(), "body").await.unwrap();
}

#[tokio::test]
async fn an_oversized_body_is_not_downloaded() {
    let server = S3Server::start();
    server.put_raw(KEY, vec![7; 4_000_000], &[]);
    // At this rate the body would take an hour.
    server.fail_next(1, Matcher::method("GET"), Fault::Slow(1000));
    let begun = Instant::now();
    let refused = store(&server).get(KEY, LIMIT).await.unwrap_err();
    assert_eq!(refused, StoreError::TooLarge { size: 4_000_000, limit: LIMIT });
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn describes_itself_without_credentials() {
    let server = S3Server::start();
    let store = store(&server);
    assert_eq!(store.describe(), format!("{}/{}", server.endpoint(), server.bucket()));
    let shown = format!("{store:?}");
    assert!(!shown.contains("secret-of"), "{shown}");
}

mod treatment;
