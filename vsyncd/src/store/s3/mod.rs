//! Objects in a bucket of S3 or of a store that speaks its protocol.
//!
//! Reads are tried three times by the SDK. Writes are conditional and never repeated here: a
//! repetition of a write that did happen would look as if somebody else had won.

mod answer;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls;
use bytes::{Bytes, BytesMut};

pub use settings::{S3Settings, Timeouts};

use self::answer::Answers;
use super::meter;
use super::{Condition, Metadata, Object, ObjectHead, Store, StoreError};

/// Tries of a read, the first included.
const ATTEMPTS: u32 = 3;
/// The first pause between tries; it grows and is drawn at random.
const BACKOFF: Duration = Duration::from_millis(100);
/// What is reserved for a body before its bytes have come.
const RESERVE: u64 = 8 * 1024 * 1024;

/// A store in a bucket.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    endpoint: String,
    bucket: String,
    timeouts: Timeouts,
    answers: Answers,
}

impl S3Store {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// `Failed` when a setting cannot be used.
    pub fn new(settings: S3Settings) -> Result<Self, StoreError> {
        let S3Settings { endpoint, region, bucket, access_key_id, secret_access_key, timeouts } = settings;
        let host = settings::host(&endpoint)?;
        if region.is_empty() || bucket.is_empty() {
            return Err(StoreError::Failed(format!("{host}: region and bucket must be set")));
        }
        let answers = Answers { store: format!("{host}/{bucket}") };
        let secret = secret_access_key.expose().clone();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .endpoint_url(endpoint.trim_end_matches('/'))
            .force_path_style(true)
            .http_client(http_client(&endpoint))
            .credentials_provider(Credentials::new(access_key_id, secret, None, None, "vsync"))
            // Many stores refuse the checksum headers that the SDK would add.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .timeout_config(timeouts.reading())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF))
            // An upload is one piece in memory, whose progress the SDK cannot see.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled()
                    .upload_enabled(false)
                    .grace_period(timeouts.stall)
                    .build(),
            )
            .build();
        Ok(Self { client: Client::from_conf(config), endpoint, bucket, timeouts, answers })
    }

    /// Why a HEAD was refused: its answer has no body and so no code. The same question as GET
    /// tells.
    async fn explain(&self, key: &str) -> Result<(), StoreError> {
        let sent = self.client.get_object().bucket(&self.bucket).key(key).range("bytes=0-0").send().await;
        match sent {
            Ok(_) => Err(StoreError::Denied(format!("{}: HEAD is refused", self.answers.store))),
            Err(error) => self.answers.read(&error).map_or(Ok(()), Err),
        }
    }

    /// The body of a download, given up when it is too long or too slow.
    async fn body(&self, mut stream: ByteStream, size: Option<u64>, limit: u64) -> Result<Bytes, StoreError> {
        let mut body = BytesMut::with_capacity(usize::try_from(size.unwrap_or(0).min(RESERVE)).unwrap_or(0));
        let expected = size;
        let whole = async {
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|_| self.unreachable("the body ended early or stalled"))?;
                let size = body.len() as u64 + piece.len() as u64;
                if size > limit {
                    return Err(StoreError::TooLarge { size, limit });
                }
                body.extend_from_slice(&piece);
                meter::report(body.len() as u64, expected);
            }
            Ok(())
        };
        let allowed = self.timeouts.transfer(size.unwrap_or(limit));
        tokio::time::timeout(allowed, whole)
            .await
            .map_err(|_| self.unreachable("the body comes too slowly"))??;
        if size.is_some_and(|size| size != body.len() as u64) {
            return Err(self.unreachable("the body is shorter than announced"));
        }
        Ok(body.freeze())
    }

    fn unreachable(&self, why: &str) -> StoreError {
        StoreError::Unreachable(format!("{}: {why}", self.answers.store))
    }
}

/// One TLS implementation for the whole program, with the system's roots.
fn http_client(endpoint: &str) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if endpoint.starts_with("http://") {
        return builder.build_http();
    }
    builder.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

/// An entity tag without its quotes: some stores refuse them in `If-Match`.
fn unquoted(etag: Option<&str>) -> String {
    let etag = etag.unwrap_or_default();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned()
}

fn described(
    etag: Option<&str>,
    metadata: Option<&std::collections::HashMap<String, String>>,
    size: Option<i64>,
) -> ObjectHead {
    let metadata = metadata.into_iter().flatten().map(|(name, value)| (name.to_lowercase(), value.clone()));
    ObjectHead {
        etag: unquoted(etag),
        metadata: metadata.collect(),
        size: size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
    }
}

fn status<E>(error: &SdkError<E>) -> u16 {
    error.raw_response().map_or(0, |answer| answer.status().as_u16())
}

#[async_trait]
impl Store for S3Store {
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => Ok(Some(described(head.e_tag(), head.metadata(), head.content_length()))),
            Err(error) if status(&error) == 404 => Ok(None),
            Err(error) if (300..500).contains(&status(&error)) && error.code() != Some("SlowDown") => {
                self.explain(key).await.map(|()| None)
            }
            Err(error) => self.answers.read(&error).map_or(Ok(None), Err),
        }
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) => return self.answers.read(&error).map_or(Ok(None), Err),
        };
        let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
        if let Some(size) = size.filter(|size| *size > limit) {
            return Err(StoreError::TooLarge { size, limit });
        }
        let mut head = described(answer.e_tag(), answer.metadata(), None);
        let body = self.body(answer.body, size, limit).await?;
        head.size = body.len() as u64;
        Ok(Some(Object { head, body }))
    }

    async fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let once = aws_sdk_s3::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.timeouts.writing(body.len() as u64));
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = match &condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Matches(etag) => request.if_match(etag),
        };
        let request = request
            .set_metadata(Some(metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect()))
            .body(ByteStream::from(body));
        match request.customize().config_override(once).send().await {
            Ok(answer) => match unquoted(answer.e_tag()) {
                none if none.is_empty() => {
                    Err(StoreError::Unclear(format!("{}: no entity tag in the answer", self.answers.store)))
                }
                etag => Ok(etag),
            },
            Err(error) => Err(self.answers.write(&error, &condition)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = request.set_continuation_token(token.clone()).send().await.map_err(|error| {
                self.answers.read(&error).unwrap_or_else(|| StoreError::NoBucket(self.answers.store.clone()))
            })?;
            keys.extend(page.contents().iter().filter_map(|object| {
                let size = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                object.key().map(|key| (key.to_owned(), size))
            }));
            match page.next_continuation_token() {
                Some(next) if page.is_truncated() == Some(true) => {
                    if token.as_deref() == Some(next) {
                        return Err(StoreError::Failed(format!(
                            "{}: a listing without end",
                            self.answers.store
                        )));
                    }
                    token = Some(next.to_owned());
                }
                _ => break,
            }
        }
        keys.sort();
        Ok(keys)
    }

    fn describe(&self) -> String {
        format!("{}/{}", self.endpoint.trim_end_matches('/'), self.bucket)
    }
}

#[cfg(test)]
mod tests;
