//! What it takes to reach a bucket.

use std::fmt;
use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use vsync_core::secret::Secret;

use crate::store::StoreError;

/// Where the bucket is and who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// `http://` or `https://` URL of the service; the bucket is addressed path-style below it.
    pub endpoint: String,
    /// Region that requests are signed for; stores that have none take `us-east-1` or `auto`.
    pub region: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Public half of the key.
    pub access_key_id: String,
    /// Secret half of the key.
    pub secret_access_key: Secret<String>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl S3Settings {
    /// Endpoint and bucket: which store it is, whoever asks.
    pub(super) fn store(&self) -> String {
        format!("{}/{}", self.endpoint.trim_end_matches('/'), self.bucket)
    }
}

impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// Bounds for waiting. No request waits for ever, and none that moves is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to stand.
    pub connect: Duration,
    /// For one try to be answered; for a download until its body begins.
    pub attempt: Duration,
    /// For all tries of a request together. A download or upload may take longer than this by
    /// its size over `slowest`.
    pub operation: Duration,
    /// For a download to go on after it stopped.
    pub stall: Duration,
    /// The slowest transfer to put up with, in bytes per second.
    pub slowest: u64,
}

impl Default for Timeouts {
    /// Ten seconds for what is small, and 64 KiB/s.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            attempt: Duration::from_secs(5),
            operation: Duration::from_secs(10),
            stall: Duration::from_secs(5),
            slowest: 64 * 1024,
        }
    }
}

impl Timeouts {
    /// The time that this many bytes may take in all.
    pub(super) fn transfer(&self, bytes: u64) -> Duration {
        self.operation + Duration::from_secs(bytes / self.slowest.max(1))
    }

    /// For requests whose answer is small or streamed.
    pub(super) fn reading(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .read_timeout(self.attempt)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }

    /// For an upload, which is one attempt. The SDK's read time-out counts the sending too, and
    /// each value of it gets connections of its own.
    pub(super) fn writing(&self, bytes: u64) -> TimeoutConfig {
        let all = self.transfer(bytes);
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .disable_read_timeout()
            .operation_attempt_timeout(all)
            .operation_timeout(all)
            .build()
    }
}

/// Host and port of an endpoint, for messages.
///
/// # Errors
/// `Failed` for what is no plain http(s) URL. The URL is not repeated: somebody may have put
/// credentials into it.
pub(super) fn host(endpoint: &str) -> Result<&str, StoreError> {
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or(rest)).unwrap_or_default();
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#' | '\\');
    if host.is_empty() || endpoint.contains(odd) {
        return Err(StoreError::Failed(
            "the S3 endpoint must be https://host[:port], without user, password or query".to_owned(),
        ));
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_url() {
        assert_eq!(host("https://s3.example.com").unwrap(), "s3.example.com");
        assert_eq!(host("http://127.0.0.1:9000/").unwrap(), "127.0.0.1:9000");
        for bad in [
            "",
            "s3.example.com",
            "ftp://x",
            "https://",
            "https://key:secret@x",
            "https://x/?a",
            "https://x y",
        ] {
            let error = host(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        let settings = S3Settings {
            endpoint: "https://s3.example.com".into(),
            region: "auto".into(),
            bucket: "b".into(),
            access_key_id: "AKIDHIDDEN".into(),
            secret_access_key: Secret::new("hidden".into()),
            timeouts: Timeouts::default(),
        };
        assert!(!format!("{settings:?}").to_lowercase().contains("hidden"));
    }
}
