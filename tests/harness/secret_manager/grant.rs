//! The token endpoint: it opens the signed requests of service accounts and knows one login.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::REFRESH_TOKEN;
use super::state::State;
use crate::http::{Received, Reply, decoded};

/// The private key of the bench's service account. It opens nothing anywhere else.
pub(super) const KEY: &str = include_str!("bench_key.pem");
pub(super) const KEY_ID: &str = "0123456789abcdef";
pub(super) const EMAIL: &str = "vsync@acme-prod.iam.gserviceaccount.com";

pub(super) fn answer(state: &mut State, request: &Received) -> Reply {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
    let form: BTreeMap<String, String> = body.split('&').filter_map(pair).collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let fine = match field("grant_type") {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => is_signed(field("assertion"), &state.token_uri),
        "refresh_token" => field("refresh_token") == REFRESH_TOKEN && !field("client_secret").is_empty(),
        _ => false,
    };
    if !fine {
        return Reply::json(
            400,
            &json!({ "error": "invalid_grant", "error_description": "Invalid JWT Signature." }),
        );
    }
    let token = state.tokens.give("ya29.given-");
    Reply::json(200, &json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" }))
}

/// Whether the bench's account signed this request for a token, for this endpoint, for now.
fn is_signed(assertion: &str, audience: &str) -> bool {
    let Some((signed, signature)) = assertion.rsplit_once('.') else { return false };
    let Some((header, claims)) = signed.split_once('.') else { return false };
    let json = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()
    };
    let (header, claims) = (json(header), json(claims));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (from, until) = (claims["iat"].as_u64().unwrap_or(0), claims["exp"].as_u64().unwrap_or(0));
    let timely = from <= now + 60 && now < until && until <= from + 3600;
    let pem: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(pem).expect("the bench's key");
    let key = RsaKeyPair::from_pkcs8(&der).expect("the bench's key");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref().to_vec());
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    header == json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID })
        && claims["iss"] == EMAIL
        && claims["aud"] == audience
        && claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        && timely
        && public.verify(signed.as_bytes(), &signature).is_ok()
}
