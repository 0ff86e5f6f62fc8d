//! An HTTP server inside the test process, under the servers that play a vendor's API: it counts and
//! keeps requests, and breaks them where the test asked for it. It listens on a free loopback port and
//! ends when the value is dropped.

mod fault;
mod locked;
mod message;
mod tokens;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Runtime;
use tokio::sync::watch;

pub use fault::{Fault, Matcher};
pub use message::{Received, Reply};

pub(crate) use locked::Locked;
pub(crate) use message::decoded;
pub(crate) use tokens::Tokens;

use fault::Script;

/// What answers: a vendor's API as far as the tests need it.
pub trait Service: Send + Sync + 'static {
    /// The answer to a request. It is called from several threads.
    fn answer(&self, request: &Received) -> Reply;
}

/// What the connections and the test's handle share.
struct Shared {
    service: Arc<dyn Service>,
    script: Script,
    log: Mutex<Vec<(String, String)>>,
    offline: watch::Sender<bool>,
}

/// The running server. All methods are synchronous and take effect at once, also for connections that
/// are already open.
pub struct HttpServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl HttpServer {
    /// Starts a server for this service on a free loopback port.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start(service: Arc<dyn Service>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("the port just bound");
        let shared = Arc::new(Shared {
            service,
            script: Script::default(),
            log: Mutex::default(),
            offline: watch::Sender::new(false),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("http-server")
            .enable_all()
            .build()
            .expect("a runtime of its own");
        runtime.spawn(wire::listen(listener, Arc::clone(&shared)));
        Self { shared, address, runtime: Some(runtime) }
    }

    /// The URL to give to a client, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the next `times` requests that match run into the fault. Earlier calls are used up first;
    /// `usize::MAX` lasts until [`HttpServer::clear_faults`].
    pub fn fail_next(&self, times: usize, matcher: Matcher, fault: Fault) {
        self.shared.script.add(times, matcher, fault);
    }

    /// Forgets all faults that have not happened yet. Requests that hang keep hanging.
    pub fn clear_faults(&self) {
        self.shared.script.clear();
    }

    /// While set, every connection is dropped without a byte, open ones included.
    pub fn offline(&self, offline: bool) {
        self.shared.offline.send_replace(offline);
    }

    /// How many requests of this method have arrived whose path, as it was sent, contains `part`; an
    /// empty method is any. Requests that met a fault count too.
    pub fn requests(&self, method: &str, part: &str) -> usize {
        let hits = |(m, path): &&(String, String)| (method.is_empty() || m == method) && path.contains(part);
        self.log().iter().filter(hits).count()
    }

    /// Method and path with query of every request, in the order of arrival.
    pub fn log(&self) -> Vec<(String, String)> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests seen so far.
    pub fn forget_log(&self) {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl std::fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
