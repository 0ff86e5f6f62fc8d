//! The one HTTPS client of all targets: what may be repeated is repeated, what is too much is cut off,
//! and no error text holds what was sent.
//!
//! Plain HTTP is spoken to this machine alone. Redirects are not followed: an answer of status 3xx comes
//! back as it is, so that a credential never travels to a place that nobody named. Proxies are those of
//! the daemon's environment, and never stand between it and a loopback address.

mod answer;
mod base;
mod each;
mod hidden;
mod retry;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::sync::Semaphore;
use vsync_core::secret::Secret;

pub use self::answer::Answer;
use self::base::Base;
pub use self::each::{AT_ONCE, each};
use self::retry::{Next, Retries};
use super::TargetError;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one try may take, with its answer.
const TOTAL: Duration = Duration::from_secs(60);

/// A client for one base URL. Cheap to clone; clones share connections, the limit of requests in flight
/// and the budget of repetitions, so a run of `sync` makes one.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    base: Arc<Base>,
    place: Arc<str>,
    slots: Arc<Semaphore>,
    retries: Arc<Retries>,
}

/// A request below the base URL.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path from the base on, with its query; begins with `/` and is percent-encoded already.
    pub path_and_query: String,
    /// The headers. None of them is ever shown.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; wiped from memory after the last try.
    pub body: Option<Secret<Vec<u8>>>,
    /// The body's type.
    pub content_type: Option<&'static str>,
    /// Whether doing it twice is the same as doing it once: only such a request is sent again when it may
    /// have been done. One that was surely not done (no connection, 429, a 503 that says when to come
    /// back) is sent again in any case.
    pub repeatable: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// No usable answer, also after the repetitions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// The request was surely not done.
    #[error("{0}")]
    NotSent(String),
    /// The request may have been done.
    #[error("{0}")]
    Unclear(String),
}

impl HttpFault {
    /// The text alone.
    pub fn text(&self) -> &str {
        match self {
            Self::NotSent(text) | Self::Unclear(text) => text,
        }
    }
}

impl Http {
    /// Makes a client for `https://…`, or `http://…` on a loopback address; `place` names it in errors.
    ///
    /// # Errors
    /// [`TargetError::Routing`] for a URL that is none of these or holds a user name, query or fragment.
    pub fn new(base_url: &str, place: &str) -> Result<Self, TargetError> {
        let base = Base::parse(base_url)?;
        Ok(Self {
            client: client(&base, &[], place)?,
            base: Arc::new(base),
            place: place.into(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            retries: Arc::new(Retries::new()),
        })
    }

    /// Trusts these certificates (PEM) besides those of the system.
    ///
    /// # Errors
    /// [`TargetError::Routing`] when they cannot be read.
    pub fn with_ca(self, pem: &[u8]) -> Result<Self, TargetError> {
        let unreadable = || TargetError::Routing {
            what: "the file of certificates holds none that can be read".into(),
            hint: "give a file in PEM form".into(),
        };
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| unreadable())?;
        if certificates.is_empty() {
            return Err(unreadable());
        }
        Ok(Self { client: client(&self.base, &certificates, &self.place)?, ..self })
    }

    /// The place, as errors name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Sends a request, at most [`AT_ONCE`] at a time over all clones, and again where that helps: at most
    /// four tries on 429, 5xx and broken connections, each after the wait that the answer asks for, within
    /// the run's budget. Every answer comes back, also the last 429 or 5xx.
    ///
    /// # Errors
    /// [`HttpFault`] when there is no answer.
    pub async fn send(&self, request: Request) -> Result<Answer, HttpFault> {
        let url = self.base.join(&request.path_and_query).map_err(HttpFault::NotSent)?;
        let body = request.body.as_ref().map(|body| Bytes::from_owner(Wiped(body.clone())));
        let hidden = hidden::Hidden::of(&request);
        let mut tries = 0;
        loop {
            tries += 1;
            self.retries.wait_for_others().await;
            let outcome = match self.slots.acquire().await {
                Ok(_slot) => self.once(&url, &request, body.clone(), &hidden).await,
                Err(_) => Err(HttpFault::NotSent("the client was closed".into())),
            };
            tracing::debug!(place = %self.place, method = %request.method, tries, outcome = word(&outcome),
                "request to a target");
            match self.retries.next(&outcome, request.repeatable, tries) {
                Next::After(wait) => tokio::time::sleep(wait).await,
                Next::Done => return outcome,
            }
        }
    }

    async fn once(
        &self,
        url: &reqwest::Url,
        request: &Request,
        body: Option<Bytes>,
        hidden: &hidden::Hidden,
    ) -> Result<Answer, HttpFault> {
        let mut building = self.client.request(request.method.clone(), url.clone());
        for (name, value) in &request.headers {
            let mut value = value.clone();
            value.set_sensitive(true);
            building = building.header(name, value);
        }
        if let Some(kind) = request.content_type {
            building = building.header(CONTENT_TYPE, kind);
        }
        if let Some(body) = body {
            building = building.body(body);
        }
        let response = building.send().await.map_err(|error| fault(&error))?;
        Answer::receive(response, hidden).await
    }
}

/// Whether a URL leads to this machine and nowhere else.
pub fn is_local(url: &str) -> bool {
    Base::parse(url).is_ok_and(|base| base.is_loopback())
}

/// The outcome of a try for the log.
fn word(outcome: &Result<Answer, HttpFault>) -> u16 {
    outcome.as_ref().map_or(0, |answer| answer.status)
}

/// A body that is wiped when the last try let go of it.
struct Wiped(Secret<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

fn client(
    base: &Base,
    trusted: &[reqwest::Certificate],
    place: &str,
) -> Result<reqwest::Client, TargetError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_rustls()
        .user_agent(concat!("vsync/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .https_only(!base.is_plain());
    if base.is_loopback() {
        builder = builder.no_proxy().resolve_to_addrs("localhost", &base::LOOPBACK);
    }
    if !trusted.is_empty() {
        builder = builder.tls_certs_merge(trusted.iter().cloned());
    }
    install_provider();
    builder.build().map_err(|error| TargetError::Unreachable {
        target: place.to_owned(),
        what: format!("the HTTPS client could not be made: {}", cause(&error)),
    })
}

/// Names the one cryptography that all TLS here uses. A second call changes nothing, and one that lost
/// against another is as good.
pub(super) fn install_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// What a broken request means, without its URL.
fn fault(error: &reqwest::Error) -> HttpFault {
    if error.is_connect() {
        HttpFault::NotSent(format!("no connection: {}", cause(error)))
    } else if error.is_builder() {
        HttpFault::NotSent("the request could not be made".into())
    } else if error.is_timeout() {
        HttpFault::Unclear(format!("no answer within {} s", TOTAL.as_secs()))
    } else {
        HttpFault::Unclear(format!("the connection broke: {}", cause(error)))
    }
}

/// The innermost cause, which names the trouble (`Connection refused`) and never the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    let mut text = String::from("no reason given");
    while let Some(error) = inner {
        text = error.to_string();
        inner = error.source();
    }
    answer::clipped(&text)
}
