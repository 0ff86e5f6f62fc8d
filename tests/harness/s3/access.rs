//! Who may do what: one key for everything, one for reading.

use std::sync::Arc;

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use super::Credentials;
use super::bucket::Bucket;

const WRITER: &str = "VSYNCTESTWRITER";
const SECOND: &str = "VSYNCTESTSECOND";
const READER: &str = "VSYNCTESTREADER";

/// The key that may do everything.
pub(super) fn writer() -> Credentials {
    Credentials { access_key_id: WRITER.into(), secret_access_key: "writer-secret-of-the-test-bench".into() }
}

/// The key that may only read.
pub(super) fn reader() -> Credentials {
    Credentials { access_key_id: READER.into(), secret_access_key: "reader-secret-of-the-test-bench".into() }
}

/// The key that may do everything once the first one was replaced.
pub(super) fn second_writer() -> Credentials {
    Credentials { access_key_id: SECOND.into(), secret_access_key: "second-secret-of-the-test-bench".into() }
}

/// The secrets that signatures are checked with.
#[derive(Debug)]
pub(super) struct Keys(pub(super) Arc<Bucket>);

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let present = if self.0.is_rekeyed() { second_writer() } else { writer() };
        let known = [present, reader()].into_iter().find(|key| key.access_key_id == access_key);
        known.map(|key| key.secret_access_key.into()).ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}

/// Denies the unsigned everything and the reader every change.
#[derive(Debug)]
pub(super) struct Policy;

#[async_trait::async_trait]
impl S3Access for Policy {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let reads = matches!(cx.s3_op().name(), "HeadBucket" | "HeadObject" | "GetObject" | "ListObjectsV2");
        match cx.credentials() {
            Some(who) if reads || who.access_key != READER => Ok(()),
            _ => Err(s3_error!(AccessDenied, "not with this key")),
        }
    }
}
