//! Objects in a bucket of S3 or of a store that speaks its protocol.
//!
//! Reads are tried three times by the SDK. Writes are conditional and never repeated here: a
//! repetition of a write that did happen would look as if somebody else had won.

mod answer;
mod http;
mod known;
mod patience;
mod pool;
mod probe;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use vsync_core::sync::Right;

pub use http::Trust;
pub use pool::S3Pool;
pub use settings::{S3Settings, Timeouts};

use self::answer::{Answers, Asked};
use self::known::Known;
use self::patience::NotNow;
use self::pool::Bucket;
use super::meter;
use super::{Condition, Guard, Guards, Metadata, Object, ObjectHead, Store, StoreError};

/// Tries of a read, the first included.
const ATTEMPTS: u32 = 3;
/// The first pause between tries; it grows and is drawn at random.
const BACKOFF: Duration = Duration::from_millis(100);

/// A store in a bucket.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    endpoint: String,
    bucket: String,
    timeouts: Timeouts,
    answers: Answers,
    shared: Arc<Bucket>,
}

impl S3Store {
    /// Prepares a client of its own; nothing is sent yet. [`S3Pool`] makes those that share.
    ///
    /// # Errors
    /// `Failed` when a setting cannot be used.
    pub fn new(settings: S3Settings) -> Result<Self, StoreError> {
        let bucket = Bucket::new(settings.store(), Arc::new(Known::default()));
        Self::with(settings, Arc::new(bucket), &Trust::default())
    }

    fn with(settings: S3Settings, shared: Arc<Bucket>, trust: &Trust) -> Result<Self, StoreError> {
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
            .http_client(http::client(&endpoint, trust))
            .credentials_provider(Credentials::new(access_key_id, secret, None, None, "vsync"))
            // Many stores refuse the checksum headers that the SDK would add.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .timeout_config(timeouts.reading())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF))
            // By itself the SDK has one budget for all stores of a region.
            .retry_partition(
                RetryPartition::custom(shared.name.clone()).token_bucket(shared.budget.clone()).build(),
            )
            .retry_classifier(NotNow)
            // An upload is one piece in memory, whose progress the SDK cannot see.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled()
                    .upload_enabled(false)
                    .grace_period(timeouts.stall)
                    .build(),
            )
            .build();
        Ok(Self { client: Client::from_conf(config), endpoint, bucket, timeouts, answers, shared })
    }

    /// Why a HEAD was refused: its answer has no body and so no code. The same question as GET
    /// tells.
    async fn explain(&self, key: &str) -> Result<(), StoreError> {
        let sent = self.client.get_object().bucket(&self.bucket).key(key).range("bytes=0-0").send().await;
        match sent {
            Ok(_) => Err(StoreError::Denied(format!("{}: HEAD is refused", self.answers.store).into())),
            Err(error) => self.failed(&error, Asked::object(key)).map_or(Ok(()), Err),
        }
    }

    /// Refuses by itself while the store wants to be left alone.
    fn ready(&self) -> Result<(), StoreError> {
        match self.shared.patience.left() {
            Some(left) => Err(self.unreachable(&format!(
                "it is overloaded and asked to be left alone for {} s more",
                left.as_secs() + 1
            ))),
            None => Ok(()),
        }
    }

    /// What a failed read means; `None` when there is no such object.
    fn failed<E: ProvideErrorMetadata>(&self, error: &SdkError<E>, asked: Asked<'_>) -> Option<StoreError> {
        self.shared.patience.heed(error);
        self.answers.read(error, asked)
    }

    /// Writes the object with the condition as it is given.
    async fn send(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Option<&Condition>,
    ) -> Result<String, StoreError> {
        self.ready()?;
        let once = aws_sdk_s3::config::Builder::new()
            .retry_config(RetryConfig::disabled())
            .timeout_config(self.timeouts.writing(body.len() as u64));
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let request = match condition {
            Some(Condition::Absent) => request.if_none_match("*"),
            Some(Condition::Matches(etag)) => request.if_match(etag),
            None => request,
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
            Err(error) => {
                self.shared.patience.heed(&error);
                Err(self.answers.write(&error, condition, key))
            }
        }
    }

    /// The body of a download, given up when it is too long or too slow. `size` is what was
    /// announced, and no more than the limit; memory that no byte comes for is never touched.
    async fn body(&self, mut stream: ByteStream, size: Option<u64>, limit: u64) -> Result<Bytes, StoreError> {
        let mut body = BytesMut::with_capacity(usize::try_from(size.unwrap_or(0)).unwrap_or(0));
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
        self.ready()?;
        let turn = self.shared.turn_to_look().await;
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(head) => Ok(Some(described(head.e_tag(), head.metadata(), head.content_length()))),
            Err(error) if status(&error) == 404 => Ok(None),
            // A store that is overloaded is not asked for its reasons.
            Err(error) if (300..500).contains(&status(&error)) && status(&error) != 429 => {
                drop(turn);
                self.explain(key).await.map(|()| None)
            }
            Err(error) => self.failed(&error, Asked::object(key)).map_or(Ok(None), Err),
        }
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        self.ready()?;
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) => return self.failed(&error, Asked::object(key)).map_or(Ok(None), Err),
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
        let guard = self.guards().map_or(Guard::Kept, |guards| guards.of(&condition));
        let condition = (guard != Guard::Unsupported).then_some(&condition);
        let sent = self.send(key, body, metadata, condition).await;
        if guard == Guard::Ignored && sent == Err(StoreError::Conflict) {
            // It keeps conditions after all: the next push asks again.
            self.shared.known.learn(&self.shared.name, None).await;
        }
        sent
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.ready()?;
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let page = request.set_continuation_token(token.clone()).send().await.map_err(|error| {
                let asked = Asked { right: Right::ListBucket, name: prefix };
                let missing = || StoreError::NoBucket(self.answers.store.clone());
                self.failed(&error, asked).unwrap_or_else(missing)
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

    fn guards(&self) -> Option<Guards> {
        self.shared.known.guards(&self.shared.name)
    }

    async fn probe(&self, key: &str) -> Result<(), StoreError> {
        if self.shared.known.is_due(&self.shared.name) {
            let guards = self.find_guards(key).await?;
            tracing::debug!(store = self.answers.store, ?guards, "asked the store about conditional writes");
            self.shared.known.learn(&self.shared.name, Some(guards)).await;
        }
        Ok(())
    }

    async fn doubt(&self) {
        if self.conditional() == Some(true) {
            tracing::warn!(
                store = self.answers.store,
                "conditional writes did not hold; the next push asks again"
            );
            self.shared.known.learn(&self.shared.name, None).await;
        }
    }

    fn describe(&self) -> String {
        format!("{}/{}", self.endpoint.trim_end_matches('/'), self.bucket)
    }
}

#[cfg(test)]
pub(crate) mod external_s3;
#[cfg(test)]
mod tests;
