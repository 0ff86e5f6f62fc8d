//! Buckets and how to reach them.

use serde::{Deserialize, Serialize};

use crate::hidden::Hidden;

/// Stores a profile: a bucket and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileAdd {
    /// The profile's name.
    pub name: String,
    /// URL of the S3 endpoint.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Access key id.
    pub access_key_id: String,
    /// The secret that belongs to it.
    pub secret_access_key: Hidden,
    /// What keys in the bucket start with.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// Asks for all profiles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileList {}

/// Asks for one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileShow {
    /// Its name.
    pub name: String,
}

/// Removes a profile; pairs that were made with it keep their own copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRemove {
    /// Its name.
    pub name: String,
}
