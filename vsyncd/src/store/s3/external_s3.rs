//! The suite against a server that somebody else started. `VSYNC_TEST_S3_ENDPOINT`, `_BUCKET`,
//! `_ACCESS_KEY_ID`, `_SECRET_ACCESS_KEY` and `_REGION` name it; `VSYNC_TEST_S3_RO_ACCESS_KEY_ID`
//! and `_RO_SECRET_ACCESS_KEY` are a key that may only read. `VSYNC_TEST_S3_RACY` says that the
//! server does not keep its conditions among writers of the same moment. The bucket must exist; every test
//! keeps to names of its own.

use std::sync::Arc;

use vsync_core::secret::Secret;
use vsync_core::sync::Cause;

use super::*;
use crate::store::conformance::{Bench, conformance_tests};

conformance_tests!(external Bench::new(Below::fresh(), ()));

fn var(name: &str) -> Option<String> {
    std::env::var(format!("VSYNC_TEST_S3_{name}")).ok().filter(|value| !value.is_empty())
}

/// The server and the key that may write.
pub(crate) fn settings() -> S3Settings {
    let needed = |name: &str| var(name).unwrap_or_else(|| panic!("VSYNC_TEST_S3_{name} is not set"));
    S3Settings {
        endpoint: needed("ENDPOINT"),
        region: var("REGION").unwrap_or_else(|| "us-east-1".to_owned()),
        bucket: needed("BUCKET"),
        access_key_id: needed("ACCESS_KEY_ID"),
        secret_access_key: Secret::new(needed("SECRET_ACCESS_KEY")),
        timeouts: Timeouts::default(),
    }
}

/// A prefix that nobody has used.
pub(crate) fn fresh_prefix() -> String {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).unwrap();
    format!("vsync-test/{:016x}/", u64::from_ne_bytes(random))
}

/// A part of the bucket as a store of its own.
#[derive(Debug)]
struct Below {
    store: S3Store,
    prefix: String,
}

impl Below {
    fn fresh() -> Self {
        Self { store: S3Store::new(settings()).unwrap(), prefix: fresh_prefix() }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

#[async_trait]
impl Store for Below {
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError> {
        self.store.head(&self.key(key)).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        self.store.get(&self.key(key), limit).await
    }

    async fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.store.put(&self.key(key), body, metadata, condition).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let listed = self.store.list(&self.key(prefix)).await?;
        let own = |key: String| key.strip_prefix(&self.prefix).map(str::to_owned);
        Ok(listed.into_iter().filter_map(|(key, size)| Some((own(key)?, size))).collect())
    }

    fn guards(&self) -> Option<Guards> {
        self.store.guards()
    }

    async fn probe(&self, key: &str) -> Result<(), StoreError> {
        self.store.probe(&self.key(key)).await
    }

    fn describe(&self) -> String {
        self.store.describe()
    }
}

#[tokio::test]
#[ignore = "needs the server that VSYNC_TEST_S3_ENDPOINT names"]
async fn a_reader_reads_and_is_denied_writes() {
    let Some((id, secret)) = var("RO_ACCESS_KEY_ID").zip(var("RO_SECRET_ACCESS_KEY")) else {
        println!("not run: there is no key that may only read");
        return;
    };
    let writer = Below::fresh();
    writer.put("x", Bytes::from_static(b"x"), &Metadata::new(), Condition::Absent).await.unwrap();
    let secret_access_key = Secret::new(secret);
    let reader = S3Store::new(S3Settings { access_key_id: id, secret_access_key, ..settings() }).unwrap();
    assert_eq!(reader.get(&writer.key("x"), 10).await.unwrap().unwrap().body, "x");
    assert_eq!(reader.head(&writer.key("none")).await, Ok(None));
    let put = reader.put(&writer.key("y"), Bytes::new(), &Metadata::new(), Condition::Absent).await;
    assert!(matches!(put, Err(StoreError::Denied(_))), "{put:?}");
    assert_eq!(writer.head("y").await, Ok(None));
}

#[tokio::test]
#[ignore = "needs the server that VSYNC_TEST_S3_ENDPOINT names"]
async fn wrong_credentials_are_told_apart() {
    let wrong = S3Settings { secret_access_key: Secret::new("wrong".to_owned()), ..settings() };
    let unknown = S3Settings { access_key_id: "NOBODYKNOWSTHISKEY00".to_owned(), ..settings() };
    for (settings, cause) in [(wrong, Cause::WrongSecret), (unknown, Cause::UnknownKeyId)] {
        let store = S3Store::new(settings).unwrap();
        let refused = store.head("x").await;
        let Err(StoreError::Denied(refusal)) = &refused else { panic!("{refused:?}") };
        assert_eq!(refusal.cause, cause, "{refusal}");
    }
}

#[tokio::test]
#[ignore = "needs the server that VSYNC_TEST_S3_ENDPOINT names"]
async fn a_missing_bucket_is_named() {
    let store = S3Store::new(S3Settings { bucket: "vsync-no-such-bucket".to_owned(), ..settings() }).unwrap();
    let got = store.get("x", 10).await;
    assert!(matches!(got, Err(StoreError::NoBucket(_))), "{got:?}");
    let put = store.put("x", Bytes::new(), &Metadata::new(), Condition::Absent).await;
    assert!(matches!(put, Err(StoreError::NoBucket(_))), "{put:?}");
}
