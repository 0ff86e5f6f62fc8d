//! What a store may do besides answering: refuse, ask for patience, ignore conditions.

use super::*;

#[tokio::test]
async fn without_the_right_to_list_a_missing_object_is_a_refusal() {
    let server = S3Server::start();
    server.put_raw(KEY, "body", &[]);
    server.refuse_listing(true);
    let store = store(&server);
    assert!(store.head(KEY).await.unwrap().is_some());
    let refused = |right, name: &str| {
        let cause = Cause::Right { right, name: name.to_owned() };
        move |error: StoreError| matches!(error, StoreError::Denied(refusal) if refusal.cause == cause)
    };
    assert!(store.head("none").await.is_err_and(refused(Right::GetObject, "none")));
    assert!(store.get("none", LIMIT).await.is_err_and(refused(Right::GetObject, "none")));
    assert!(store.list("acme/").await.is_err_and(refused(Right::ListBucket, "acme/")));
}

#[tokio::test]
async fn the_right_region_is_named() {
    let server = S3Server::start();
    server.fail_next(usize::MAX, Matcher::any(), Fault::OtherRegion("eu-west-7"));
    let store = store(&server);
    let named = |error: &StoreError| {
        let there = Cause::Region(Some("eu-west-7".to_owned()));
        matches!(error, StoreError::Denied(refusal) if refusal.cause == there)
    };
    reads_fail(&store, named).await;
    assert!(put(&store, "x").await.is_err_and(|error| named(&error)));
}

#[tokio::test]
async fn accounts_and_tokens_are_told_apart() {
    let server = S3Server::start();
    let store = store(&server);
    for (code, cause) in [
        ("ExpiredToken", Cause::Expired),
        ("AccountProblem", Cause::Account),
        ("UserSuspended", Cause::Account),
        ("PermanentRedirect", Cause::Region(None)),
    ] {
        server.fail_next(3, Matcher::any(), Fault::Error(403, code));
        let named =
            |error: &StoreError| matches!(error, StoreError::Denied(refusal) if refusal.cause == cause);
        assert!(put(&store, "x").await.is_err_and(|error| named(&error)), "{code}");
        assert!(store.head(KEY).await.is_err_and(|error| named(&error)), "{code}");
    }
}

#[tokio::test]
async fn a_refusal_without_s3s_words_blames_no_right() {
    let server = S3Server::start();
    let store = store(&server);
    server.fail_next(usize::MAX, Matcher::any(), Fault::Error(403, ""));
    let unknown =
        |error: &StoreError| matches!(error, StoreError::Denied(refusal) if refusal.cause == Cause::Unknown);
    reads_fail(&store, unknown).await;
    assert!(put(&store, "x").await.is_err_and(|error| unknown(&error)));
}

#[tokio::test]
async fn an_overloaded_store_is_not_asked_for_its_reasons() {
    let server = S3Server::start();
    let store = store(&server);
    server.fail_next(usize::MAX, Matcher::any(), Fault::Error(429, "TooManyRequests"));
    assert!(matches!(store.head(KEY).await, Err(StoreError::Unreachable(_))));
    assert_eq!(server.requests("GET", ""), 0);
}

#[tokio::test]
async fn a_store_that_asks_for_patience_is_left_alone() {
    let server = S3Server::start();
    server.put_raw(KEY, "body", &[]);
    let store = store(&server);
    server.fail_next(1, Matcher::method("GET"), Fault::Overload(2));
    assert!(matches!(store.get(KEY, LIMIT).await, Err(StoreError::Unreachable(_))));
    assert_eq!(server.requests("GET", KEY), 1, "not tried again at once");
    reads_fail(&store, |error| matches!(error, StoreError::Unreachable(text) if text.contains("left alone")))
        .await;
    assert!(matches!(put(&store, "x").await, Err(StoreError::Unreachable(_))));
    let before = ["HEAD", "GET", "LIST", "PUT"].map(|method| server.requests(method, ""));
    assert_eq!(before.iter().sum::<u64>(), 1, "nothing was sent meanwhile");
    let begun = Instant::now();
    while store.head(KEY).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body, "body");
}

#[tokio::test]
async fn a_store_that_is_down_gets_no_more_retries_than_the_budget() {
    let server = S3Server::start();
    let store = store(&server);
    server.fail_next(usize::MAX, Matcher::any(), Fault::Status(500));
    for _ in 0..30 {
        assert!(store.get(KEY, LIMIT).await.is_err());
    }
    let sent = server.requests("GET", KEY);
    assert!((30..=50).contains(&sent), "{sent} requests: thirty, and twenty retries at most");
    server.clear_faults();
    assert!(store.get(KEY, LIMIT).await.unwrap().is_none());
}

#[tokio::test]
async fn a_body_of_another_length_than_announced() {
    let server = S3Server::start();
    server.put_raw(KEY, "0123456789", &[]);
    let store = store(&server);
    server.fail_next(1, Matcher::method("GET"), Fault::LongerLength(5));
    assert!(matches!(store.get(KEY, LIMIT).await, Err(StoreError::Unreachable(_))));
    // Nobody can tell this from an object that is short; what is in it is checked elsewhere.
    server.fail_next(1, Matcher::method("GET"), Fault::ShorterLength(4));
    assert_eq!(store.get(KEY, LIMIT).await.unwrap().unwrap().body, "0123");
}

#[tokio::test]
async fn the_probe_tells_how_conditions_are_treated() {
    let kept = Guards::ALL;
    let ignored = Guards { absent: Guard::Ignored, matches: Guard::Ignored };
    let refused = Guards { absent: Guard::Unsupported, matches: Guard::Unsupported };
    for (ignores, refuses, guards) in [(false, false, kept), (true, false, ignored), (false, true, refused)] {
        let server = S3Server::start();
        server.ignore_conditions(ignores);
        server.refuse_conditions(refuses);
        let store = store(&server);
        assert_eq!((store.guards(), store.conditional()), (None, None));
        // Twice in a row, as another machine would: the object is there already then.
        for _ in 0..2 {
            let again = self::store(&server);
            again.probe("acme/prod/probe").await.unwrap();
            assert_eq!(again.guards(), Some(guards));
        }
        store.probe("acme/prod/probe").await.unwrap();
        assert_eq!((store.guards(), store.conditional()), (Some(guards), Some(guards == kept)));
        let sent = server.requests("PUT", "");
        store.probe("acme/prod/probe").await.unwrap();
        assert_eq!(server.requests("PUT", ""), sent, "it is known now");
        assert_eq!(server.keys(), ["acme/prod/probe"]);
        for body in ["one", "two"] {
            let put = put(&store, body).await;
            assert_eq!(put.is_ok(), body == "one" || guards != kept, "{guards:?} {body}: {put:?}");
        }
    }
}

#[tokio::test]
async fn a_probe_that_is_refused_tells_nothing() {
    let server = S3Server::start();
    let reader = S3Store::new(settings(&server, server.read_only_credentials())).unwrap();
    assert!(matches!(reader.probe("probe").await, Err(StoreError::Denied(_))));
    assert_eq!(reader.guards(), None);
    let store = store(&server);
    server.fail_next(1, Matcher::method("PUT"), Fault::Status(500));
    assert!(matches!(store.probe("probe").await, Err(StoreError::Unclear(_))));
    assert_eq!(store.guards(), None);
    store.probe("probe").await.unwrap();
    assert_eq!(store.guards(), Some(Guards::ALL));
}

#[tokio::test]
async fn a_passing_failure_of_a_probe_is_not_taken_for_a_missing_feature() {
    let server = S3Server::start();
    for (status, code) in [(400, "BadRequest"), (404, "NotHere"), (501, "NotImplemented")] {
        for before in 0..3 {
            let store = store(&server);
            server.fail_next(before, Matcher::method("PUT"), Fault::Delay(Duration::ZERO));
            server.fail_next(1, Matcher::method("PUT"), Fault::Error(status, code));
            store.probe("probe").await.unwrap();
            assert_eq!(store.guards(), Some(Guards::ALL), "{status} after {before}");
            server.clear_faults();
        }
    }
}

#[tokio::test]
async fn doubts_are_a_reason_to_ask_again() {
    let server = S3Server::start();
    let store = store(&server);
    store.probe("probe").await.unwrap();
    server.ignore_conditions(true);
    store.doubt().await;
    assert_eq!(store.conditional(), None);
    store.probe("probe").await.unwrap();
    assert_eq!(store.conditional(), Some(false));
    store.doubt().await;
    assert_eq!(store.conditional(), Some(false), "that is no news");
}

#[tokio::test]
async fn an_answer_that_contradicts_the_probe_is_a_reason_to_ask_again() {
    let server = S3Server::start();
    server.ignore_conditions(true);
    let store = store(&server);
    store.probe("probe").await.unwrap();
    assert_eq!(store.conditional(), Some(false));
    put(&store, "one").await.unwrap();
    server.ignore_conditions(false);
    assert_eq!(put(&store, "two").await, Err(StoreError::Conflict));
    assert_eq!(store.conditional(), None);
    store.probe("probe").await.unwrap();
    assert_eq!(store.conditional(), Some(true));
}
