//! Requests with a bearer token that can be had again when it has run out.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::TargetError;
use super::http::{Answer, Http, HttpFault, Request};

/// Where tokens come from.
#[async_trait]
pub trait Tokens: Send + Sync + std::fmt::Debug {
    /// The place, for people.
    fn place(&self) -> String;

    /// A token; called again at most once in a run, when the first one is refused.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn fetch(&self) -> Result<Secret<String>, TargetError>;
}

/// A request without its credential.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// As [`Request::path_and_query`].
    pub path: String,
    /// A JSON body.
    pub json: Option<Secret<Vec<u8>>>,
    /// As [`Request::repeatable`].
    pub repeatable: bool,
}

impl Call {
    /// A question.
    pub fn get(path: String) -> Self {
        Self { method: Method::GET, path, json: None, repeatable: true }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// What was asked may have been done.
    Unclear(TargetError),
    /// It was surely not done.
    NotDone(TargetError),
}

impl From<Unanswered> for TargetError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unclear(error) | Unanswered::NotDone(error) => error,
        }
    }
}

/// A client with a token.
#[derive(Debug)]
pub struct Bearer {
    http: Http,
    tokens: Box<dyn Tokens>,
    /// What every request carries besides.
    headers: Vec<(HeaderName, HeaderValue)>,
    current: tokio::sync::Mutex<Current>,
    /// Why nothing more is sent: one refused token is refused for all.
    over: Mutex<Option<TargetError>>,
}

#[derive(Debug)]
struct Current {
    authorization: HeaderValue,
    renewed: bool,
}

impl Bearer {
    /// Makes a client that begins with this token.
    ///
    /// # Errors
    /// [`TargetError::Denied`] for a token that no header can hold.
    pub fn new(
        http: Http,
        tokens: Box<dyn Tokens>,
        first: &Secret<String>,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Self, TargetError> {
        let authorization = bearer(first, &http, tokens.as_ref())?;
        let current = tokio::sync::Mutex::new(Current { authorization, renewed: false });
        Ok(Self { http, tokens, headers, current, over: Mutex::new(None) })
    }

    /// What it speaks to, for people.
    pub fn place(&self) -> &str {
        self.http.place()
    }

    /// Where the token comes from, for people.
    pub fn credential(&self) -> String {
        self.tokens.place()
    }

    /// Sends a request. A refused token is renewed once; when that does not help, nothing is sent any
    /// more.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn send(&self, call: Call) -> Result<Answer, Unanswered> {
        let Call { method, path, json, repeatable } = call;
        loop {
            if let Some(error) = &*self.over.lock().unwrap_or_else(PoisonError::into_inner) {
                return Err(Unanswered::NotDone(error.clone()));
            }
            let authorization = self.current.lock().await.authorization.clone();
            let mut headers = self.headers.clone();
            headers.push((AUTHORIZATION, authorization.clone()));
            let request = Request {
                method: method.clone(),
                path_and_query: path.clone(),
                headers,
                body: json.clone(),
                content_type: json.is_some().then_some("application/json"),
                repeatable,
            };
            let answer = self.http.send(request).await.map_err(|fault| self.unanswered(&fault))?;
            if answer.status != 401 {
                return Ok(answer);
            }
            if let Err(error) = self.renew(&authorization, &answer).await {
                *self.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                return Err(Unanswered::NotDone(error));
            }
        }
    }

    /// Puts another token in the place of a refused one, unless that was done meanwhile.
    async fn renew(&self, refused: &HeaderValue, answer: &Answer) -> Result<(), TargetError> {
        let mut current = self.current.lock().await;
        if current.authorization != *refused {
            return Ok(());
        }
        if !current.renewed {
            current.renewed = true;
            let token = self.tokens.fetch().await?;
            current.authorization = bearer(&token, &self.http, self.tokens.as_ref())?;
            if current.authorization != *refused {
                return Ok(());
            }
        }
        Err(TargetError::Denied {
            target: self.place().to_owned(),
            what: answer.message(),
            hint: Some(format!("the token of {} is not valid here, or no longer", self.tokens.place())),
        })
    }

    fn unanswered(&self, fault: &HttpFault) -> Unanswered {
        let error =
            TargetError::Unreachable { target: self.place().to_owned(), what: fault.text().to_owned() };
        match fault {
            HttpFault::NotSent(_) => Unanswered::NotDone(error),
            HttpFault::Unclear(_) => Unanswered::Unclear(error),
        }
    }
}

fn bearer(token: &Secret<String>, http: &Http, tokens: &dyn Tokens) -> Result<HeaderValue, TargetError> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut header = HeaderValue::from_str(&text).map_err(|_| TargetError::Denied {
        target: http.place().to_owned(),
        what: format!("what {} holds is no token", tokens.place()),
        hint: Some("it has characters that no token has".into()),
    })?;
    header.set_sensitive(true);
    Ok(header)
}
