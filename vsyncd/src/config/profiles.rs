//! `profiles/<name>.json`: a store and the right to use it, chosen by name at `init`.
//!
//! The file is plain JSON, version 1; its mode is what protects it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::trusted::{self, Loaded, Untrusted};
use crate::disk::atomic;

/// No profile is larger than this, in bytes.
const FILE_LIMIT: u64 = 64 << 10;
const VERSION: u64 = 1;

/// A profile's name: 1 to 64 of `A-Z a-z 0-9 . _ -`, not starting with a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

/// A store and the right to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The store's URL.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What the prefixes of its pairs begin with; see [`prefix`](super::prefix::prefix).
    pub prefix: Option<String>,
    /// Who asks.
    pub access_key_id: String,
    /// The proof.
    pub secret_access_key: Secret<String>,
}

/// Why a profile cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not a name.
    #[error("'{0}' is not a profile name: 1 to 64 of A-Z a-z 0-9 . _ - and no leading dot")]
    Name(String),
    /// There is none of that name.
    #[error("there is no profile '{0}'")]
    Missing(ProfileName),
    /// There is one of that name already.
    #[error("there is a profile '{0}' already")]
    Exists(ProfileName),
    /// The file may not be trusted or read.
    #[error(transparent)]
    File(#[from] Untrusted),
    /// The content is not what it should be. The text quotes nothing of it.
    #[error("{path} is not a profile: {why}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system refused.
    #[error("cannot work with the profiles: {0}")]
    Io(#[from] io::Error),
}

/// The profiles of this machine.
#[derive(Debug, Clone)]
pub struct Profiles {
    folder: PathBuf,
}

/// The file, field by field.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    version: u64,
    endpoint: String,
    region: String,
    bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    access_key_id: String,
    #[serde(serialize_with = "write_secret", deserialize_with = "read_secret")]
    secret_access_key: Secret<String>,
}

fn write_secret<S: Serializer>(secret: &Secret<String>, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(secret.expose())
}

fn read_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(from).map(Secret::new)
}

impl Profiles {
    /// The profiles in this folder, see `Paths::profiles`.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`ProfileError`]: it is missing, damaged, or another user can write it.
    pub fn load(&self, name: &ProfileName) -> Result<Loaded<Profile>, ProfileError> {
        let path = self.path(name);
        let file = trusted::read(&path, FILE_LIMIT)?.ok_or_else(|| ProfileError::Missing(name.clone()))?;
        let bytes = Zeroizing::new(file.bytes);
        let invalid = |why: String| ProfileError::Invalid { path: path.clone(), why };
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| invalid(fault(&error)))?;
        if stored.version != VERSION {
            return Err(invalid(format!("it has version {}; known is {VERSION}", stored.version)));
        }
        Ok(Loaded { value: stored.into(), warning: file.warning })
    }

    /// The names of all profiles, sorted. Files with other names are passed over.
    ///
    /// # Errors
    /// [`ProfileError::Io`] when the folder cannot be read.
    pub fn list(&self) -> Result<Vec<ProfileName>, ProfileError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".json"));
            names.extend(name.and_then(|name| name.parse().ok()));
        }
        names.sort();
        Ok(names)
    }

    /// Writes one, readable by this user only. One of that name is only replaced if asked to.
    ///
    /// # Errors
    /// [`ProfileError::Exists`], or the system's.
    pub fn save(&self, name: &ProfileName, profile: &Profile, replace: bool) -> Result<(), ProfileError> {
        let stored = Stored::from(profile);
        let mut json = Zeroizing::new(serde_json::to_vec_pretty(&stored).map_err(io::Error::from)?);
        json.push(b'\n');
        atomic::create_private_dirs(&self.folder)?;
        let path = self.path(name);
        if replace {
            return Ok(atomic::write(&path, &json, 0o600)?);
        }
        atomic::write_new(&path, &json, 0o600).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ProfileError::Exists(name.clone()),
            _ => error.into(),
        })
    }

    /// Removes one. Pairs that were made from it keep their own copy of what it said.
    ///
    /// # Errors
    /// [`ProfileError::Missing`], or the system's.
    pub fn remove(&self, name: &ProfileName) -> Result<(), ProfileError> {
        if atomic::remove(&self.path(name))? { Ok(()) } else { Err(ProfileError::Missing(name.clone())) }
    }

    fn path(&self, name: &ProfileName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

/// Names a fault without quoting the file: the parser's own text can repeat a value.
fn fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The name comes from the type above, never from the file.
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    let (line, column) = (error.line(), error.column());
    match missing {
        Some((field, _)) => format!("the field '{field}' is missing"),
        None if error.is_data() => format!("unexpected value at line {line} column {column}"),
        None => format!("not JSON at line {line} column {column}"),
    }
}

impl From<Stored> for Profile {
    fn from(stored: Stored) -> Self {
        Self {
            endpoint: stored.endpoint,
            region: stored.region,
            bucket: stored.bucket,
            prefix: stored.prefix,
            access_key_id: stored.access_key_id,
            secret_access_key: stored.secret_access_key,
        }
    }
}

impl From<&Profile> for Stored {
    fn from(profile: &Profile) -> Self {
        Self {
            version: VERSION,
            endpoint: profile.endpoint.clone(),
            region: profile.region.clone(),
            bucket: profile.bucket.clone(),
            prefix: profile.prefix.clone(),
            access_key_id: profile.access_key_id.clone(),
            secret_access_key: profile.secret_access_key.clone(),
        }
    }
}

impl FromStr for ProfileName {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let good = (1..=64).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('.');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProfileError::Name(text.escape_default().to_string()))
        }
    }
}

impl ProfileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests;
