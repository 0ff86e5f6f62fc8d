//! Entity tags of the stores that make their own.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

use super::{Condition, Metadata, StoreError};

/// MD5 in hex over metadata and body. Unlike on S3 a change of metadata alone changes the tag, so
/// comparing tags is enough to notice any overwrite.
pub(super) fn entity_tag(metadata: &Metadata, body: &[u8]) -> String {
    let mut hash = Md5::new();
    for text in metadata.iter().flat_map(|(name, value)| [name, value]) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.update(u64::MAX.to_le_bytes());
    hash.update(body);
    hash.finalize().iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Condition {
    /// Whether a write may happen while `present` is the entity tag of what is there.
    pub(super) fn check(&self, present: Option<&str>) -> Result<(), StoreError> {
        match (self, present) {
            (Self::Absent, None) => Ok(()),
            (Self::Matches(wanted), Some(etag)) if wanted == etag => Ok(()),
            _ => Err(StoreError::Conflict),
        }
    }
}
