//! Requests to the API, and the end of a run whose credential is refused.

use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::super::TargetError;
use super::super::http::{Answer, Http, Request};
use super::answer::{self, Meaning};
use super::credential::Credential;

/// The version of the API that all of this is written for.
const VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");

#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    place: String,
    authorization: HeaderValue,
    credential: String,
    /// Why nothing more is sent: one refused token is refused for all.
    over: Mutex<Option<TargetError>>,
}

impl Client {
    pub(super) fn new(base: &str, place: String, credential: Credential) -> Result<Self, TargetError> {
        let bearer = Zeroizing::new(format!("Bearer {}", credential.token.expose()));
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| TargetError::Denied {
            target: place.clone(),
            what: format!("what {} holds is no token", credential.place),
            hint: Some("it has characters that no token has".into()),
        })?;
        authorization.set_sensitive(true);
        let http = Http::new(base, &place)?;
        Ok(Self { http, place, authorization, credential: credential.place, over: Mutex::new(None) })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn credential_place(&self) -> &str {
        &self.credential
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, TargetError> {
        self.send(Method::GET, path, None).await
    }

    /// Sends a request; all that are made here may be repeated.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Secret<Vec<u8>>>,
    ) -> Result<Answer, TargetError> {
        if let Some(error) = &*self.over.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(error.clone());
        }
        let request = Request {
            method,
            path_and_query: path.to_owned(),
            headers: vec![
                (AUTHORIZATION, self.authorization.clone()),
                (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
                (HeaderName::from_static("x-github-api-version"), VERSION),
            ],
            content_type: body.is_some().then_some("application/json"),
            body,
            repeatable: true,
        };
        let answer = self.http.send(request).await.map_err(|fault| TargetError::Unreachable {
            target: self.place.clone(),
            what: fault.text().to_owned(),
        })?;
        if matches!(answer::meaning(&answer), Meaning::BadToken | Meaning::LimitUsedUp(_)) {
            let error = self.refusal(&answer);
            *self.over.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        Ok(answer)
    }

    /// What an answer means that is not the one that was hoped for.
    pub(super) fn refusal(&self, refused: &Answer) -> TargetError {
        answer::refusal(refused, &self.place, &self.credential)
    }

    pub(super) fn missing(&self, what: &str, hint: &str) -> TargetError {
        TargetError::Missing { target: self.place.clone(), what: what.into(), hint: Some(hint.into()) }
    }

    /// The place is there, and the token may not see its secrets.
    pub(super) fn may_not(&self) -> TargetError {
        TargetError::Denied {
            target: self.place.clone(),
            what: "the token may not see its secrets (HTTP 404)".into(),
            hint: Some(answer::PERMISSIONS.into()),
        }
    }

    pub(super) fn unreadable(&self, what: &str) -> TargetError {
        TargetError::Failed {
            target: self.place.clone(),
            what: format!("{what} that it gave cannot be used"),
            hint: Some("is the base URL that of GitHub's API? GitHub Enterprise: https://HOST/api/v3".into()),
        }
    }
}
