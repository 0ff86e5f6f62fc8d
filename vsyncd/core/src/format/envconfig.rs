//! The configuration of one pair, `config/<repo>/env_<env>`: gzip over JSON.
//!
//! It holds everything except the key. Fields that are not known here survive a rewrite, at
//! every level.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{exposed, gzip, json_fault};
use crate::secret::Secret;
use crate::version::Version;

/// The largest configuration, decompressed: far above what people write.
const MAX: usize = 1 << 20;

/// The configuration's own version number.
pub(super) const VERSION: u64 = 1;

/// Everything about a pair that is not a secret key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvConfig {
    version: One,
    /// The store and the right to use it.
    pub s3: S3,
    /// How the key is made from the keychain's value.
    pub encryption: Encryption,
    /// Where the folder lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// Settings of the fan-out, not interpreted here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<Opaque>,
    /// Whether actions are recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// The profile it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_profile: Option<String>,
    /// What the names of the pair's objects begin with; ends in `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The last push from this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_push: Option<LastPush>,
    /// The bucket's layout, once it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A store and its credentials. A folder store has bucket `local` and empty keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3 {
    /// Its URL; the scheme decides about TLS.
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
    /// Kept for the older client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_ssl: Option<bool>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How the key is derived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encryption {
    /// The salt, as text.
    pub salt: String,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where the folder lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// The vault folder, relative to the top of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_folder: Option<String>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Whether actions are recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// False switches the rows off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The last push from this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastPush {
    /// The version it made.
    pub ts: Version,
    /// Its generation; the classic layout has none.
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The layout of a pair's objects in the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// As this product writes it.
    Documented,
    /// As the older client writes it.
    Classic,
}

/// Fields that are kept without being understood. Their values stay out of debug output.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(pub Map<String, Value>);

/// A value that is kept without being understood, and stays out of debug output.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(pub Value);

/// The only version there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct One;

/// Why a configuration was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvConfigError {
    /// Not gzip, not JSON, or a field is missing or of another type.
    #[error("the configuration is damaged: {0}")]
    Corrupt(String),
    /// Written by a later format.
    #[error("the configuration has version {0}; this program knows version {VERSION}")]
    UnsupportedVersion(u64),
}

impl EnvConfigError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Corrupt(_) => "corrupt",
            Self::UnsupportedVersion(_) => "unsupported_version",
        }
    }
}

impl EnvConfig {
    /// The configuration of a new pair: a store, a salt, a prefix.
    pub fn new(s3: S3, salt: String, prefix: String) -> Self {
        Self {
            version: One,
            s3,
            encryption: Encryption { salt, extra: Extra::default() },
            files: None,
            sync: None,
            audit: None,
            init_profile: None,
            prefix: Some(prefix),
            last_push: None,
            layout: None,
            extra: Extra::default(),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`EnvConfigError`]; its text quotes nothing of the file.
    pub fn read(bytes: &[u8]) -> Result<Self, EnvConfigError> {
        let json = gzip::inflate(bytes, MAX).map_err(|error| {
            EnvConfigError::Corrupt(match error {
                gzip::GunzipError::Corrupt => "it is not gzip, or cut short".into(),
                gzip::GunzipError::TooLarge => format!("it is larger than {MAX} bytes"),
            })
        })?;
        Self::from_json(&json)
    }

    /// Reads the JSON inside.
    ///
    /// # Errors
    /// As [`EnvConfig::read`].
    pub fn from_json(json: &[u8]) -> Result<Self, EnvConfigError> {
        #[derive(Deserialize)]
        struct Head {
            version: u64,
        }
        let corrupt = |error: serde_json::Error| EnvConfigError::Corrupt(json_fault::describe(&error));
        // The version decides what the rest has to look like.
        let head: Head = serde_json::from_slice(json).map_err(corrupt)?;
        if head.version != VERSION {
            return Err(EnvConfigError::UnsupportedVersion(head.version));
        }
        serde_json::from_slice(json).map_err(corrupt)
    }

    /// The file's bytes; equal configurations give equal bytes.
    pub fn write(&self) -> Vec<u8> {
        // Maps have text keys and numbers are finite: there is nothing to fail.
        let json = zeroize::Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        gzip::deflate(&json)
    }

    /// The vault folder, relative to the top of the repository.
    pub fn vault_folder(&self, env: &crate::id::Env) -> String {
        let named = self.files.as_ref().and_then(|files| files.vault_folder.as_deref());
        named.map_or_else(|| format!("infra/vault/{env}"), str::to_owned)
    }

    /// Whether actions are recorded; they are unless it was switched off.
    pub fn audit_enabled(&self) -> bool {
        self.audit.as_ref().and_then(|audit| audit.enabled).unwrap_or(true)
    }
}

impl Serialize for One {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(VERSION)
    }
}

impl<'de> Deserialize<'de> for One {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            VERSION => Ok(Self),
            _ => Err(serde::de::Error::custom("not a version known here")),
        }
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"version":1,"s3":{"endpoint":"https://s3","region":"r","bucket":"b",
        "accessKeyId":"AK","secretAccessKey":"hunter2","useSsl":true,"x1":[1]},
        "encryption":{"salt":"s","x2":{"deep":null}},"files":{"vaultFolder":"v","x3":3},
        "sync":{"gh":{"token":"hunter2"}},"audit":{"enabled":false,"x4":"hunter2"},"initProfile":"p",
        "prefix":"a/b/","lastPush":{"ts":"20260523-114201","gen":4,"x5":5},"layout":"classic","x6":6}"#;

    #[test]
    fn unknown_fields_survive_at_every_level_and_stay_unseen() {
        let config = EnvConfig::from_json(FULL.as_bytes()).unwrap();
        let json = gzip::inflate(&config.write(), MAX).unwrap();
        let before: Value = serde_json::from_str(FULL).unwrap();
        let after: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(after, before);
        assert_eq!(config.layout, Some(Layout::Classic));
        assert!(!config.audit_enabled());
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && shown.contains("x4"), "{shown}");
    }

    #[test]
    fn faults_are_named_without_values() {
        let fault = |from: &str, to: &str| {
            EnvConfig::from_json(FULL.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
        };
        assert!(fault(r#""salt":"s","#, "").contains("the field 'salt' is missing"));
        let error = fault(r#""secretAccessKey":"hunter2""#, r#""secretAccessKey":["hunter2"]"#);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(fault(r#""version":1"#, r#""version":7"#).contains("version 7"));
    }

    #[test]
    fn absent_settings_have_defaults() {
        let s3 = EnvConfig::from_json(FULL.as_bytes()).unwrap().s3;
        let config = EnvConfig::new(s3, "salt".into(), "a/dev/".into());
        assert_eq!(config.vault_folder(&crate::id::Env::new("dev").unwrap()), "infra/vault/dev");
        assert!(config.audit_enabled());
        assert_eq!(EnvConfig::read(&config.write()), Ok(config));
    }
}
