//! Where OAuth gives out access tokens.

use reqwest::{Method, Url};
use serde::Deserialize;
use vsync_core::secret::Secret;

use super::TargetError;
use super::http::{Http, Request};
use super::percent::encoded;

/// One token endpoint: `https://…`, or `http://…` on a loopback address.
#[derive(Debug)]
pub struct TokenEndpoint {
    http: Http,
    path: String,
    /// What to do when the credential is refused.
    hint: String,
}

/// The part of an answer that counts.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

impl TokenEndpoint {
    /// Prepares to ask at a URL; `hint` is for people whose credential is refused there.
    ///
    /// # Errors
    /// [`TargetError::Routing`] when credentials must not be sent to that URL.
    pub fn new(uri: &str, hint: &str) -> Result<Self, TargetError> {
        let refused = || TargetError::Routing {
            what: "the address for access tokens is no URL".into(),
            hint: hint.to_owned(),
        };
        let mut url = Url::parse(uri).map_err(|_| refused())?;
        let host = url.host_str().ok_or_else(refused)?.to_owned();
        let path = url.path().to_owned();
        if url.query().is_some() {
            return Err(refused());
        }
        url.set_path("");
        let http = Http::new(url.as_str(), &host)?;
        Ok(Self { http, path, hint: hint.to_owned() })
    }

    /// Asks with these fields of a form.
    ///
    /// # Errors
    /// [`TargetError::Denied`] when the credential is refused, [`TargetError::Unreachable`] when nothing
    /// of use comes back.
    pub async fn ask(&self, form: &[(&str, &str)]) -> Result<Secret<String>, TargetError> {
        let mut body = String::with_capacity(4096);
        for (name, value) in form {
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(name);
            body.push('=');
            body.push_str(&zeroize::Zeroizing::new(encoded(value)));
        }
        let request = Request {
            method: Method::POST,
            path_and_query: self.path.clone(),
            headers: Vec::new(),
            body: Some(Secret::new(body.into_bytes())),
            content_type: Some("application/x-www-form-urlencoded"),
            repeatable: true,
        };
        let target = self.http.place().to_owned();
        let answer = self.http.send(request).await.map_err(|fault| TargetError::Unreachable {
            target: target.clone(),
            what: fault.text().to_owned(),
        })?;
        let what = answer.message();
        match answer.status {
            200 => {
                let granted = answer.json::<Granted>().map(|granted| Secret::new(granted.access_token));
                let _wiped = Secret::new(answer.body);
                let what = "its answer holds no token".to_owned();
                granted.ok_or(TargetError::Failed { target, what, hint: None })
            }
            429 | 500..600 => Err(TargetError::Unreachable { target, what }),
            _ => Err(TargetError::Denied { target, what, hint: Some(self.hint.clone()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_sent_to_no_place_in_the_clear() {
        for uri in ["https://oauth2.googleapis.com/token", "http://127.0.0.1:1/token", "https://h/"] {
            assert!(TokenEndpoint::new(uri, "").is_ok(), "{uri}");
        }
        for uri in [
            "http://oauth2.googleapis.com/token",
            "ftp://h/t",
            "token",
            "",
            "https://u:p@h/t",
            "https://h/t?x",
        ] {
            assert!(matches!(TokenEndpoint::new(uri, ""), Err(TargetError::Routing { .. })), "{uri}");
        }
    }
}
