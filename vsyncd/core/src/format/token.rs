//! The runtime token: what a server needs to read a pair, as one line of text.
//!
//! `vsync-cfg-v1:` and base64url without padding, of gzip of JSON. The passphrase is not in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{exposed, gzip, json_fault};
use crate::id::Env;
use crate::secret::Secret;

const FAMILY: &[u8] = b"vsync-cfg-v";
const NUMBER: u64 = 1;
const MAX_JSON: usize = 1 << 20;

/// The most rounds a token may ask for: a few seconds of work.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// What a token holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The store's URL.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// Who asks.
    pub access_key_id: String,
    /// The proof.
    #[serde(with = "exposed")]
    pub secret_access_key: Secret<String>,
    /// What the names of the pair's objects begin with; ends in `/`.
    pub prefix: String,
    /// The environment.
    pub env: Env,
    /// The salt, as text.
    pub salt: String,
    /// Rounds of the key derivation, within [`MAX_ITERATIONS`].
    pub iterations: u32,
}

/// Why a token was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Does not begin as a token does.
    #[error("this is not a runtime token: it does not begin with 'vsync-cfg-v1:' (raw JSON is not one)")]
    NotAToken,
    /// Written by a later format.
    #[error("the runtime token is of an unsupported version")]
    UnsupportedVersion,
    /// What follows the prefix makes no sense.
    #[error("the runtime token is damaged: {0}")]
    Corrupt(String),
}

impl TokenError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotAToken => "not_a_token",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

/// Reads a token; white space around it is dropped, fields that are not known too.
///
/// # Errors
/// [`TokenError`]; its text quotes nothing of the token.
pub fn read(bytes: &[u8]) -> Result<Token, TokenError> {
    #[derive(Deserialize)]
    struct Head {
        v: u64,
    }
    let corrupt = |error: serde_json::Error| TokenError::Corrupt(json_fault::describe(&error));
    let body = body(bytes.trim_ascii())?;
    let gzip = URL_SAFE_NO_PAD.decode(body).map(Zeroizing::new);
    let gzip = gzip.map_err(|_| TokenError::Corrupt("it is not base64url without padding".into()))?;
    let json = gzip::inflate(&gzip, MAX_JSON)
        .map_err(|_| TokenError::Corrupt("it holds no gzip, or a cut or far too long one".into()))?;
    let head: Head = serde_json::from_slice(&json).map_err(corrupt)?;
    if head.v != NUMBER {
        return Err(TokenError::UnsupportedVersion);
    }
    let token: Token = serde_json::from_slice(&json).map_err(corrupt)?;
    if !(1..=MAX_ITERATIONS).contains(&token.iterations) {
        return Err(TokenError::Corrupt(format!("its iterations are not within 1 to {MAX_ITERATIONS}")));
    }
    if !token.prefix.ends_with('/') {
        return Err(TokenError::Corrupt("its prefix does not end in '/'".into()));
    }
    Ok(token)
}

/// Writes a token, without a newline. It holds credentials.
pub fn write(token: &Token) -> Secret<String> {
    #[derive(Serialize)]
    struct Written<'a> {
        v: u64,
        #[serde(flatten)]
        token: &'a Token,
    }
    // Texts and numbers only: there is nothing to fail.
    let json = Zeroizing::new(serde_json::to_vec(&Written { v: NUMBER, token }).unwrap_or_default());
    let gzip = Zeroizing::new(gzip::deflate(&json));
    Secret::new(format!("vsync-cfg-v{NUMBER}:{}", URL_SAFE_NO_PAD.encode(&*gzip)))
}

/// What follows `vsync-cfg-v1:`.
fn body(text: &[u8]) -> Result<&[u8], TokenError> {
    let rest = text.strip_prefix(FAMILY).ok_or(TokenError::NotAToken)?;
    let colon = rest.iter().position(|byte| !byte.is_ascii_digit()).ok_or(TokenError::NotAToken)?;
    match (&rest[..colon], &rest[colon..]) {
        (b"1", [b':', body @ ..]) => Ok(body),
        ([_, ..], [b':', ..]) => Err(TokenError::UnsupportedVersion),
        _ => Err(TokenError::NotAToken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            endpoint: "https://s3".into(),
            region: "r".into(),
            bucket: "b".into(),
            access_key_id: "AK".into(),
            secret_access_key: Secret::new("hunter2".into()),
            prefix: "myapp/prod/".into(),
            env: Env::new("prod").unwrap(),
            salt: "salt".into(),
            iterations: MAX_ITERATIONS,
        }
    }

    #[test]
    fn a_token_reads_back_and_hides_its_secret() {
        let text = write(&token());
        assert_eq!(read(text.expose().as_bytes()), Ok(token()));
        assert_eq!(read(format!(" {}\r\n", text.expose()).as_bytes()), Ok(token()));
        assert!(!format!("{:?}", token()).contains("hunter2"));
    }

    #[test]
    fn the_prefix_decides_first() {
        for (text, kind) in [
            ("", "not_a_token"),
            ("vsync-cfg-v", "not_a_token"),
            ("vsync-cfg-v1", "not_a_token"),
            ("vsync-cfg-v:", "not_a_token"),
            ("vsync-cfg-v1x:", "not_a_token"),
            ("VSYNC-CFG-V1:", "not_a_token"),
            ("vsync-cfg-v12:!", "unsupported_version"),
            ("vsync-cfg-v1:", "corrupt"),
            ("vsync-cfg-v1:!", "corrupt"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err().kind(), kind, "{text}");
        }
    }

    #[test]
    fn too_many_iterations_are_refused() {
        let greedy = Token { iterations: MAX_ITERATIONS + 1, ..token() };
        assert_eq!(read(write(&greedy).expose().as_bytes()).unwrap_err().kind(), "corrupt");
    }
}
