//! Signed requests in AWS's JSON protocol (1.1), and the end of a run whose credentials are refused.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use vsync_core::secret::Secret;
use vsync_core::sync::backoff::Jitter;

use super::super::TargetError;
use super::super::http::{Answer, Http, Request};
use super::answer::{self, Meaning};
use super::chain::Chain;
use super::place::Place;
use crate::clock;

/// The body's type.
const JSON: &str = "application/x-amz-json-1.1";
/// How often a request is sent at most while AWS asks to slow down.
const TRIES: u32 = 6;
/// The first wait of these; the next ones grow.
const WAIT: Duration = Duration::from_millis(500);

/// An operation of Secrets Manager, as a header names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Describe,
    Get,
    Create,
    Put,
    Delete,
}

impl Operation {
    const fn header(self) -> &'static str {
        match self {
            Self::Describe => "secretsmanager.DescribeSecret",
            Self::Get => "secretsmanager.GetSecretValue",
            Self::Create => "secretsmanager.CreateSecret",
            Self::Put => "secretsmanager.PutSecretValue",
            Self::Delete => "secretsmanager.DeleteSecret",
        }
    }
}

#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    url: String,
    region: String,
    chain: Chain,
    credential: String,
    current: tokio::sync::Mutex<Current>,
    jitter: Mutex<Jitter>,
    /// Why nothing more is sent.
    over: Mutex<Option<TargetError>>,
}

#[derive(Debug)]
struct Current {
    credentials: Credentials,
    renewed: bool,
}

impl Client {
    pub(super) async fn new(place: &Place, chain: Chain) -> Result<Self, TargetError> {
        let (credential, credentials) = chain.credentials().await?;
        let account = credentials.account_id().map(|account| account.as_str().to_owned());
        let http = Http::new(&place.base, &place.describe(account.as_deref()))?;
        let mut seed = [0; 8];
        // Without randomness the waits are the same on every machine, which is all that is lost.
        let _ = getrandom::fill(&mut seed);
        Ok(Self {
            http,
            // As the HTTP client will spell it: the host is part of what is signed.
            url: Url::parse(&place.base).map_or_else(
                |_| place.base.clone(),
                |url| format!("{}/", url.as_str().trim_end_matches('/')),
            ),
            region: place.region.clone(),
            chain,
            credential,
            current: tokio::sync::Mutex::new(Current { credentials, renewed: false }),
            jitter: Mutex::new(Jitter::new(u64::from_le_bytes(seed))),
            over: Mutex::new(None),
        })
    }

    pub(super) fn place(&self) -> &str {
        self.http.place()
    }

    pub(super) fn credential(&self) -> &str {
        &self.credential
    }

    /// What an answer means that is not the one that was hoped for.
    pub(super) fn refusal(&self, refused: &Answer, secret: &str) -> TargetError {
        answer::refusal(refused, self.place(), &self.credential, secret)
    }

    /// Sends a request. Every one that is made here may be repeated: writes carry a token by which AWS knows
    /// them again.
    pub(super) async fn send(
        &self,
        operation: Operation,
        body: &Secret<Vec<u8>>,
    ) -> Result<Answer, TargetError> {
        let mut tries = 0;
        loop {
            tries += 1;
            if let Some(error) = &*self.over.lock().unwrap_or_else(PoisonError::into_inner) {
                return Err(error.clone());
            }
            let credentials = self.current.lock().await.credentials.clone();
            let request = Request {
                method: Method::POST,
                path_and_query: "/".to_owned(),
                headers: self.signed(&credentials, operation, body.expose())?,
                body: Some(body.clone()),
                content_type: Some(JSON),
                repeatable: true,
            };
            let answer = self.http.send(request).await.map_err(|fault| TargetError::Unreachable {
                target: self.place().to_owned(),
                what: fault.text().to_owned(),
            })?;
            if answer.is_success() {
                return Ok(answer);
            }
            match answer::meaning(&answer) {
                Meaning::Throttled if answer.status != 429 && tries < TRIES => {
                    let wait =
                        self.jitter.lock().unwrap_or_else(PoisonError::into_inner).after_failure(WAIT, tries);
                    tokio::time::sleep(wait).await;
                }
                Meaning::BadCredentials => self.renew(&credentials, &answer).await?,
                _ => return Ok(answer),
            }
        }
    }

    /// Asks the chain again, once in a run; when that brings nothing else, nothing more is sent.
    async fn renew(&self, refused: &Credentials, answer: &Answer) -> Result<(), TargetError> {
        let mut current = self.current.lock().await;
        let is_refused = |one: &Credentials| {
            one.access_key_id() == refused.access_key_id() && one.session_token() == refused.session_token()
        };
        if !is_refused(&current.credentials) {
            return Ok(());
        }
        if !current.renewed {
            current.renewed = true;
            if let Ok((_, credentials)) = self.chain.credentials().await
                && !is_refused(&credentials)
            {
                current.credentials = credentials;
                return Ok(());
            }
        }
        let error = self.refusal(answer, "");
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        Err(error)
    }

    /// The headers that say what is asked and prove who asks (Signature Version 4).
    fn signed(
        &self,
        credentials: &Credentials,
        operation: Operation,
        body: &[u8],
    ) -> Result<Vec<(HeaderName, HeaderValue)>, TargetError> {
        let failed = || TargetError::Failed {
            target: self.place().to_owned(),
            what: "the request cannot be signed".into(),
            hint: Some(format!("are the credentials of {} whole?", self.credential)),
        };
        let identity = credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("secretsmanager")
            .time(SystemTime::from(clock::now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| failed())?
            .into();
        let target = operation.header();
        let said = [("content-type", JSON), ("x-amz-target", target)];
        let request = SignableRequest::new("POST", &*self.url, said.into_iter(), SignableBody::Bytes(body));
        let (instructions, _) =
            request.and_then(|request| sign(request, &params)).map_err(|_| failed())?.into_parts();
        let mut headers = vec![(HeaderName::from_static("x-amz-target"), HeaderValue::from_static(target))];
        for header in instructions.into_parts().0 {
            let value = HeaderValue::from_str(header.value()).map_err(|_| failed())?;
            headers.push((HeaderName::from_static(header.name()), value));
        }
        Ok(headers)
    }
}
