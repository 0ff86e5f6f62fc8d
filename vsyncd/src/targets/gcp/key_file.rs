//! Credential files of Google Cloud: service accounts and the logins of `gcloud auth application-default`.
//!
//! Service accounts sign a JSON Web Token themselves (RFC 7523, `RS256`); logins hold a refresh token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use vsync_core::secret::Secret;
use zeroize::{Zeroize, Zeroizing};

use super::super::TargetError;
use super::super::token_endpoint::TokenEndpoint;
use crate::clock;

/// Where tokens are given out when the file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// What a token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long a signed request for a token counts, in seconds; the most that is taken.
const LIFETIME: i64 = 3600;

/// A file that can be used.
pub(super) struct KeyFile {
    secrets: Secrets,
    endpoint: TokenEndpoint,
    token_uri: String,
    /// The project that pays for requests of a login.
    pub(super) quota_project: Option<String>,
}

enum Secrets {
    ServiceAccount { email: String, key_id: Option<String>, key: Box<RsaKeyPair> },
    Login { client_id: String, client_secret: Secret<String>, refresh_token: Secret<String> },
}

/// The file as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type", default)]
    kind: String,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    quota_project_id: Option<String>,
}

impl Drop for Written {
    fn drop(&mut self) {
        for secret in [&mut self.private_key, &mut self.client_secret, &mut self.refresh_token] {
            secret.zeroize();
        }
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl KeyFile {
    /// Reads a file's text; `place` names the file.
    pub(super) fn read(text: &str, place: &str) -> Result<Self, TargetError> {
        let refuse = |what: &str| TargetError::Denied {
            target: place.to_owned(),
            what: what.to_owned(),
            hint: Some(
                "use the JSON key of a service account, or log in: gcloud auth application-default login"
                    .into(),
            ),
        };
        let mut file: Written = serde_json::from_str(text).map_err(|_| refuse("it is no credential file"))?;
        let secrets = match file.kind.as_str() {
            "service_account" => {
                let pem =
                    Zeroizing::new(file.private_key.take().ok_or_else(|| refuse("it holds no private key"))?);
                let key = key_pair(&pem).ok_or_else(|| refuse("its private key is no RSA key"))?;
                let email = file.client_email.take().ok_or_else(|| refuse("it names no client_email"))?;
                Secrets::ServiceAccount { email, key_id: file.private_key_id.take(), key: Box::new(key) }
            }
            "authorized_user" => {
                match (file.client_id.take(), file.client_secret.take(), file.refresh_token.take()) {
                    (Some(client_id), Some(secret), Some(token)) => Secrets::Login {
                        client_id,
                        client_secret: Secret::new(secret),
                        refresh_token: Secret::new(token),
                    },
                    _ => return Err(refuse("it holds no whole login")),
                }
            }
            other => {
                let known = "vsync reads service_account and authorized_user";
                return Err(refuse(&format!("it is of the type '{}'; {known}", other.escape_debug())));
            }
        };
        let token_uri = file.token_uri.take().unwrap_or_else(|| TOKEN_URI.to_owned());
        let hint = format!("{place}: the key or login is not valid any more; make a new one or log in again");
        let endpoint = TokenEndpoint::new(&token_uri, &hint)?;
        Ok(Self { secrets, endpoint, token_uri, quota_project: file.quota_project_id.take() })
    }

    /// Asks for an access token.
    pub(super) async fn fetch(&self) -> Result<Secret<String>, TargetError> {
        match &self.secrets {
            Secrets::ServiceAccount { email, key_id, key } => {
                let assertion = self.assertion(email, key_id.as_deref(), key)?;
                let kind = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                self.endpoint.ask(&[("grant_type", kind), ("assertion", assertion.expose())]).await
            }
            Secrets::Login { client_id, client_secret, refresh_token } => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                self.endpoint.ask(&form).await
            }
        }
    }

    fn assertion(
        &self,
        email: &str,
        kid: Option<&str>,
        key: &RsaKeyPair,
    ) -> Result<Secret<String>, TargetError> {
        let failed = || TargetError::Failed {
            target: email.to_owned(),
            what: "the request for a token cannot be signed".into(),
            hint: None,
        };
        let now = clock::now().as_second();
        let header = Header { alg: "RS256", typ: "JWT", kid };
        let claims = Claims { iss: email, scope: SCOPE, aud: &self.token_uri, iat: now, exp: now + LIFETIME };
        let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json)).ok();
        let header = part(serde_json::to_vec(&header)).ok_or_else(failed)?;
        let claims = part(serde_json::to_vec(&claims)).ok_or_else(failed)?;
        let mut token = format!("{header}.{claims}");
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| failed())?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(Secret::new(token))
    }
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile").field("token_uri", &self.token_uri).finish_non_exhaustive()
    }
}

fn key_pair(pem: &str) -> Option<RsaKeyPair> {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
        _ => None,
    }
}
