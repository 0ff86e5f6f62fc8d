//! The share file `SLS1`: a pair's configuration and key for another person.
//!
//! `"SLS1" | length byte | salt | RQE1(passphrase, salt, text)`. The text is base64 of gzip of
//! JSON (version 2, written), or the JSON itself (version 1, read).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::envconfig::{self, EnvConfig};
use super::envelope::{self, EnvelopeError, ITERATIONS, Key};
use super::gzip::{self, GunzipError};
use super::magic::{self, Magic};
use super::{exposed, json_fault};
use crate::id::{Env, Repo};
use crate::secret::Secret;

const FAMILY: &[u8] = b"SLS";
const NUMBER: &[u8] = b"1";
const MAX_JSON: usize = 1 << 20;
const WRITTEN: u64 = 2;

/// What a share file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The repository.
    pub repo: Repo,
    /// The environment.
    pub env: Env,
    /// The pair's configuration.
    pub config: EnvConfig,
    /// The keychain's value.
    pub key: Secret<String>,
}

/// Why a share was not opened or not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Ends too early.
    #[error("the share file is cut short")]
    Truncated,
    /// Starts with other bytes.
    #[error("this is not a share file")]
    NotAShare,
    /// Written by a later format.
    #[error("the share file is of an unsupported version")]
    UnsupportedVersion,
    /// The tag does not fit; the two causes cannot be told apart.
    #[error("the passphrase is the wrong one, or the share file was changed")]
    WrongPassphrase,
    /// The passphrase fits, the content makes no sense.
    #[error("the share file is damaged: {0}")]
    Corrupt(String),
    /// Far more content than a configuration has.
    #[error("the share file's content is larger than {MAX_JSON} bytes")]
    TooLarge,
    /// A salt that the header cannot hold.
    #[error("the salt is not 1 to 255 ASCII characters")]
    BadSalt,
}

impl ShareError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::NotAShare => "not_a_share",
            Self::UnsupportedVersion => "unsupported_version",
            Self::WrongPassphrase => "wrong_passphrase",
            Self::Corrupt(_) => "corrupt",
            Self::TooLarge => "too_large",
            Self::BadSalt => "bad_salt",
        }
    }
}

impl From<EnvelopeError> for ShareError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::Truncated => Self::Truncated,
            EnvelopeError::NotAnEnvelope => Self::Corrupt("there is no envelope in it".into()),
            EnvelopeError::UnsupportedVersion => Self::UnsupportedVersion,
            EnvelopeError::WrongKey => Self::WrongPassphrase,
            EnvelopeError::TooLong => Self::TooLarge,
        }
    }
}

/// Opens a share. Derives a key, which takes a moment.
///
/// # Errors
/// [`ShareError`]. What can be judged without the passphrase is judged first.
pub fn read(bytes: &[u8], passphrase: &str) -> Result<Share, ShareError> {
    let salt = salt_of(bytes)?;
    read_with(bytes, &Key::derive(passphrase, salt, ITERATIONS))
}

/// Opens a share with the key that was derived from its passphrase and [`salt_of`] it.
///
/// # Errors
/// [`ShareError`].
pub fn read_with(bytes: &[u8], key: &Key) -> Result<Share, ShareError> {
    let (_, envelope) = split(bytes)?;
    parse(&envelope::decrypt(key, envelope)?)
}

/// The salt of a share whose outer shape is right.
///
/// # Errors
/// [`ShareError`].
pub fn salt_of(bytes: &[u8]) -> Result<&str, ShareError> {
    let (salt, envelope) = split(bytes)?;
    envelope::parts(envelope)?;
    Ok(salt)
}

/// Writes a share. `salt` (ASCII) and `iv` must be fresh and random. Derives a key.
///
/// # Errors
/// [`ShareError::BadSalt`].
pub fn write(share: &Share, passphrase: &str, salt: &str, iv: [u8; 12]) -> Result<Vec<u8>, ShareError> {
    header(salt)?;
    write_with(share, &Key::derive(passphrase, salt, ITERATIONS), salt, iv)
}

/// Writes a share with a key that was derived from its passphrase and this salt.
///
/// # Errors
/// [`ShareError::BadSalt`].
pub fn write_with(share: &Share, key: &Key, salt: &str, iv: [u8; 12]) -> Result<Vec<u8>, ShareError> {
    let mut file = header(salt)?;
    let written = Written {
        version: WRITTEN,
        repo: &share.repo,
        env: &share.env,
        config: &share.config,
        key: share.key.expose(),
    };
    let json =
        serde_json::to_vec(&written).map_err(|error| ShareError::Corrupt(json_fault::describe(&error)));
    let gzip = Zeroizing::new(gzip::deflate(&Zeroizing::new(json?)));
    let text = Zeroizing::new(STANDARD.encode(&*gzip).into_bytes());
    file.extend(envelope::encrypt(key, iv, text)?);
    Ok(file)
}

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    repo: &'a Repo,
    env: &'a Env,
    config: &'a EnvConfig,
    key: &'a str,
}

fn header(salt: &str) -> Result<Vec<u8>, ShareError> {
    match u8::try_from(salt.len()) {
        Ok(length @ 1..) if salt.is_ascii() => Ok([FAMILY, NUMBER, &[length], salt.as_bytes()].concat()),
        _ => Err(ShareError::BadSalt),
    }
}

fn split(bytes: &[u8]) -> Result<(&str, &[u8]), ShareError> {
    match magic::judge(bytes, FAMILY, NUMBER) {
        Magic::Match => {}
        Magic::Truncated => return Err(ShareError::Truncated),
        Magic::OtherVersion => return Err(ShareError::UnsupportedVersion),
        Magic::Foreign => return Err(ShareError::NotAShare),
    }
    let rest = &bytes[FAMILY.len() + NUMBER.len()..];
    let (&length, rest) = rest.split_first().ok_or(ShareError::Truncated)?;
    let (salt, envelope) = rest.split_at_checked(length.into()).ok_or(ShareError::Truncated)?;
    let salt = std::str::from_utf8(salt).ok().filter(|salt| salt.is_ascii());
    Ok((salt.ok_or_else(|| ShareError::Corrupt("its salt is not ASCII".into()))?, envelope))
}

/// Reads the decrypted text, in either of its forms.
fn parse(text: &[u8]) -> Result<Share, ShareError> {
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    #[derive(Deserialize)]
    struct Shell {
        config: Head,
    }
    #[derive(Deserialize)]
    struct Body {
        repo: Repo,
        env: Env,
        config: EnvConfig,
        #[serde(with = "exposed")]
        key: Secret<String>,
    }
    let text = text.trim_ascii();
    let unpacked;
    let json = if text.starts_with(b"{") {
        text
    } else {
        unpacked = unpack(text)?;
        unpacked.as_slice()
    };
    if json.len() > MAX_JSON {
        return Err(ShareError::TooLarge);
    }
    let corrupt = |error: serde_json::Error| ShareError::Corrupt(json_fault::describe(&error));
    let head: Head = serde_json::from_slice(json).map_err(corrupt)?;
    if !(1..=WRITTEN).contains(&head.version) {
        return Err(ShareError::UnsupportedVersion);
    }
    let shell: Shell = serde_json::from_slice(json).map_err(corrupt)?;
    if shell.config.version != envconfig::VERSION {
        return Err(ShareError::UnsupportedVersion);
    }
    let Body { repo, env, config, key } = serde_json::from_slice(json).map_err(corrupt)?;
    if key.expose().is_empty() {
        return Err(ShareError::Corrupt("its key is empty".into()));
    }
    Ok(Share { repo, env, config, key })
}

fn unpack(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, ShareError> {
    let gzip = STANDARD.decode(text).map(Zeroizing::new);
    let gzip = gzip.map_err(|_| ShareError::Corrupt("it holds neither JSON nor base64".into()))?;
    gzip::inflate(&gzip, MAX_JSON).map_err(|error| match error {
        GunzipError::Corrupt => ShareError::Corrupt("it is not gzip, or cut short".into()),
        GunzipError::TooLarge => ShareError::TooLarge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share() -> Share {
        let config = r#"{"version":1,"s3":{"endpoint":"https://s3","region":"r","bucket":"b",
            "accessKeyId":"AK","secretAccessKey":"hunter2"},"encryption":{"salt":"s"},"x":1}"#;
        Share {
            repo: Repo::new("acme/web").unwrap(),
            env: Env::new("prod").unwrap(),
            config: EnvConfig::from_json(config.as_bytes()).unwrap(),
            key: Secret::new("hunter2".into()),
        }
    }

    #[test]
    fn a_share_opens_with_its_key_and_hides_it() {
        let key = Key::derive("p", "salt", 1);
        let file = write_with(&share(), &key, "salt", [7; 12]).unwrap();
        assert_eq!(salt_of(&file), Ok("salt"));
        assert_eq!(read_with(&file, &key), Ok(share()));
        let other = Key::derive("q", "salt", 1);
        assert_eq!(read_with(&file, &other), Err(ShareError::WrongPassphrase));
        assert!(!format!("{:?}", share()).contains("hunter2"));
    }

    #[test]
    fn a_salt_the_header_cannot_hold_is_refused() {
        let key = Key::derive("p", "salt", 1);
        for salt in ["", "é", &"x".repeat(256)] {
            assert_eq!(write_with(&share(), &key, salt, [7; 12]), Err(ShareError::BadSalt));
        }
    }

    #[test]
    fn every_cut_is_refused() {
        let key = Key::derive("p", "salt", 1);
        let file = write_with(&share(), &key, "salt", [7; 12]).unwrap();
        for cut in 0..file.len() {
            assert!(read_with(&file[..cut], &key).is_err(), "{cut}");
        }
    }
}
