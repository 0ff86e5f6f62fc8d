//! An S3 server inside the test process: real signature checks, atomic conditions, faults on
//! demand. It listens on a free loopback port and ends when the value is dropped.

mod access;
mod bucket;
mod fault;
mod service;
mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub use bucket::RawObject;
pub use fault::{Fault, Matcher};

use bucket::Bucket;
use fault::Script;

/// Name of the one bucket.
const BUCKET: &str = "vsync-test";
/// The region that clients sign for; any other is accepted too.
const REGION: &str = "us-east-1";

/// An access key with its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
}

/// By method and key: how many requests arrived, and when the last one did.
type Requests = BTreeMap<(String, String), (u64, Instant)>;

/// What the connections and the test's handle share.
#[derive(Debug)]
struct Shared {
    bucket: Arc<Bucket>,
    script: Script,
    requests: Mutex<Requests>,
    offline: watch::Sender<bool>,
    hanging: AtomicUsize,
}

/// A request that hangs, as long as its client waits.
struct Hanging<'a>(&'a Shared);

impl<'a> Hanging<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.hanging.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.hanging.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has arrived.
    fn count(&self, method: String, key: String) {
        let mut requests = self.requests();
        let now = Instant::now();
        let (count, last) = requests.entry((method, key)).or_insert((0, now));
        (*count, *last) = (*count + 1, now);
    }
}

/// The running server. All methods are synchronous and take effect at once, also for connections
/// that are already open.
#[derive(Debug)]
pub struct S3Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Starts a server with one empty bucket on a free loopback port.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("the port just bound");
        let shared = Arc::new(Shared {
            bucket: Arc::new(Bucket::default()),
            script: Script::default(),
            requests: Mutex::default(),
            offline: watch::Sender::new(false),
            hanging: AtomicUsize::new(0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("s3-server")
            .enable_all()
            .build()
            .expect("a runtime of its own");
        runtime.spawn(wire::listen(listener, Arc::clone(&shared)));
        Self { shared, address, runtime: Some(runtime) }
    }

    /// The URL to give to a client.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Name of the bucket, used path-style.
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// The region to sign for.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// A key that may do everything.
    pub fn credentials(&self) -> Credentials {
        if self.shared.bucket.is_rekeyed() { access::second_writer() } else { access::writer() }
    }

    /// From now on only another key may do everything; the one before is unknown.
    pub fn replace_credentials(&self) {
        self.shared.bucket.rekey();
    }

    /// A key that may HEAD, GET and LIST, and is denied the rest.
    pub fn read_only_credentials(&self) -> Credentials {
        access::reader()
    }

    /// Lets the next `times` requests that match run into the fault. Earlier calls are used up
    /// first; `usize::MAX` lasts until [`S3Server::clear_faults`].
    pub fn fail_next(&self, times: usize, matcher: Matcher, fault: Fault) {
        self.shared.script.add(times, matcher, fault);
    }

    /// Forgets all faults that have not happened yet. Requests that hang keep hanging.
    pub fn clear_faults(&self) {
        self.shared.script.clear();
    }

    /// How many requests hang at this moment, their clients still waiting.
    pub fn hanging(&self) -> usize {
        self.shared.hanging.load(Ordering::SeqCst)
    }

    /// While set, every connection is dropped without a byte, open ones included.
    pub fn offline(&self, offline: bool) {
        self.shared.offline.send_replace(offline);
    }

    /// While set, conditional headers are accepted and ignored, as some stores do.
    pub fn ignore_conditions(&self, ignore: bool) {
        self.shared.bucket.ignore_conditions(ignore);
    }

    /// While set, writes with conditional headers are refused as not implemented.
    pub fn refuse_conditions(&self, refuse: bool) {
        self.shared.bucket.know_no_conditions(refuse);
    }

    /// While set, nobody may list, and so a missing object is refused instead of missing.
    pub fn refuse_listing(&self, refuse: bool) {
        self.shared.bucket.unlist(refuse);
    }

    /// While set, every request answers `NoSuchBucket`. The objects stay.
    pub fn bucket_missing(&self, missing: bool) {
        self.shared.bucket.hide(missing);
    }

    /// How many requests of this method (`HEAD`, `GET`, `PUT`, `DELETE`; `LIST` for a listing)
    /// have arrived whose key contains `key`. Requests that met a fault count too.
    pub fn requests(&self, method: &str, key: &str) -> u64 {
        let requests = self.shared.requests();
        requests.iter().filter(|((m, k), _)| m == method && k.contains(key)).map(|(_, (n, _))| n).sum()
    }

    /// When the last of the requests arrived that [`S3Server::requests`] counts.
    pub fn last_request(&self, method: &str, key: &str) -> Option<Instant> {
        let requests = self.shared.requests();
        requests.iter().filter(|((m, k), _)| m == method && k.contains(key)).map(|(_, (_, at))| *at).max()
    }

    /// Writes an object past signatures, conditions and faults; returns its ETag.
    pub fn put_raw(&self, key: &str, body: impl Into<Bytes>, metadata: &[(&str, &str)]) -> String {
        let metadata = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.shared.bucket.put_raw(key, body.into(), metadata)
    }

    /// Reads an object past everything.
    pub fn get_raw(&self, key: &str) -> Option<RawObject> {
        self.shared.bucket.get(key)
    }

    /// Removes an object past everything; false when there was none.
    pub fn remove_raw(&self, key: &str) -> bool {
        self.shared.bucket.remove(key)
    }

    /// All keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.shared.bucket.list("", "", usize::MAX).0.into_iter().map(|(key, _)| key).collect()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
