//! One client for each bucket and key, shared by all vaults in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use aws_sdk_s3::config::retry::TokenBucket;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::http::Trust;
use super::known::Known;
use super::patience::Patience;
use super::{S3Settings, S3Store};
use crate::store::StoreError;

/// Retries cost 5 of these, after a time-out 10; a success gives one back. A bucket that is down
/// gets no more than these of all vaults together.
const BUDGET: usize = 100;

/// How many looks at a bucket are under way at a time.
const LOOKS: usize = 16;
/// How long a look waits for its turn. A store that answers lets far more through.
const TURN: Duration = Duration::from_secs(2);

/// All S3 stores of the daemon.
#[derive(Debug, Default)]
pub struct S3Pool {
    inner: Mutex<Inner>,
    known: Arc<Known>,
}

#[derive(Debug, Default)]
struct Inner {
    ca_file: Option<PathBuf>,
    /// What was in that file when the first client was made.
    trust: Option<Trust>,
    clients: Vec<(S3Settings, Weak<S3Store>)>,
    buckets: BTreeMap<String, Weak<Bucket>>,
}

/// What all clients of one bucket share, whoever asks.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Endpoint and bucket.
    pub(super) name: String,
    pub(super) budget: TokenBucket,
    pub(super) patience: Patience,
    pub(super) known: Arc<Known>,
    looks: Semaphore,
}

impl Bucket {
    pub(super) fn new(name: String, known: Arc<Known>) -> Self {
        let budget = TokenBucket::builder().capacity(BUDGET).success_reward(1.0).build();
        Self { name, budget, patience: Patience::default(), known, looks: Semaphore::new(LOOKS) }
    }

    /// Waits for a turn to look at an object, as long as that does not take too long: each look at
    /// the same moment has a connection of its own.
    pub(super) async fn turn_to_look(&self) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout(TURN, self.looks.acquire()).await.ok()?.ok()
    }
}

impl S3Pool {
    /// No clients yet. `state` is the file that remembers how stores treat conditions; `ca_file`
    /// holds certificate authorities to trust besides the system's. Blocks.
    pub fn new(state: PathBuf, ca_file: Option<&Path>) -> Self {
        let inner = Inner { ca_file: ca_file.map(Path::to_owned), ..Inner::default() };
        Self { inner: Mutex::new(inner), known: Arc::new(Known::load(state)) }
    }

    /// Trusts the certificate authorities in this file from now on. True when they are others
    /// than before: clients in use stay as they are, and have to be opened anew. Blocks.
    ///
    /// # Errors
    /// `Failed` when the file cannot be used; then nothing changes.
    pub fn trust(&self, ca_file: Option<&Path>) -> Result<bool, StoreError> {
        let trust = read_trust(ca_file)?;
        let mut inner = self.inner();
        let other = inner.trust.as_ref().is_some_and(|known| *known != trust);
        if other || inner.ca_file.as_deref() != ca_file {
            inner.ca_file = ca_file.map(Path::to_owned);
            inner.trust = None;
            inner.clients.clear();
            return Ok(true);
        }
        Ok(false)
    }

    /// The store with these settings; one that is in use already is shared. Blocks on small files.
    ///
    /// # Errors
    /// `Failed` when a setting or the file of certificates cannot be used.
    pub fn open(&self, settings: S3Settings) -> Result<Arc<S3Store>, StoreError> {
        let mut inner = self.inner();
        inner.clients.retain(|(_, client)| client.strong_count() > 0);
        inner.buckets.retain(|_, bucket| bucket.strong_count() > 0);
        let known = inner.clients.iter().find(|(known, _)| *known == settings);
        if let Some(client) = known.and_then(|(_, client)| client.upgrade()) {
            return Ok(client);
        }
        let trust = read_trust(inner.ca_file.as_deref())?;
        let name = settings.store();
        let bucket = inner.buckets.get(&name).and_then(Weak::upgrade);
        let bucket = bucket.unwrap_or_else(|| Arc::new(Bucket::new(name, Arc::clone(&self.known))));
        inner.buckets.insert(bucket.name.clone(), Arc::downgrade(&bucket));
        let client = Arc::new(S3Store::with(settings.clone(), bucket, &trust)?);
        inner.clients.push((settings, Arc::downgrade(&client)));
        inner.trust.get_or_insert(trust);
        Ok(client)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_trust(ca_file: Option<&Path>) -> Result<Trust, StoreError> {
    ca_file.map_or(Ok(Trust::default()), Trust::read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::s3::Timeouts;
    use vsync_core::secret::Secret;

    #[test]
    fn a_client_is_shared_and_a_bucket_has_one_budget() {
        let folder = tempfile::tempdir().unwrap();
        let pool = S3Pool::new(folder.path().join("stores.json"), None);
        let settings = |bucket: &str, secret: &str| S3Settings {
            endpoint: "http://127.0.0.1:1".to_owned(),
            region: "auto".to_owned(),
            bucket: bucket.to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new(secret.to_owned()),
            timeouts: Timeouts::default(),
        };
        let first = pool.open(settings("b", "one")).unwrap();
        assert!(Arc::ptr_eq(&first, &pool.open(settings("b", "one")).unwrap()));
        let other_key = pool.open(settings("b", "two")).unwrap();
        assert!(!Arc::ptr_eq(&first, &other_key) && Arc::ptr_eq(&first.shared, &other_key.shared));
        let other_bucket = pool.open(settings("c", "one")).unwrap();
        assert!(!Arc::ptr_eq(&first.shared, &other_bucket.shared));
    }

    #[test]
    fn a_file_of_certificates_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("ca.pem");
        let pool = S3Pool::new(folder.path().join("stores.json"), Some(&missing));
        let settings = S3Settings {
            endpoint: "https://127.0.0.1:1".to_owned(),
            region: "auto".to_owned(),
            bucket: "b".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
            timeouts: Timeouts::default(),
        };
        let error = pool.open(settings).unwrap_err().to_string();
        assert!(error.contains("ca.pem") && error.contains("tls.ca_file"), "{error}");
        assert_eq!(pool.trust(Some(&missing)).unwrap_err().to_string(), error);
    }
}
