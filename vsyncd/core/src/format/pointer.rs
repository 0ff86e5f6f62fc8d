//! The pointer `manifest`: which version is the current one, and how it came to be.
//!
//! The body is the version's fifteen characters; everything else is object metadata. The object
//! may have been edited by hand, so each metadata field counts only when it parses.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::envelope::KeyId;
use super::hex_id::hex_id;
use crate::version::Version;

/// The greatest generation: what every JSON reader can hold exactly.
pub const MAX_GENERATION: u64 = (1 << 53) - 1;

const GEN: &str = "gen";
const PREV_GEN: &str = "prev-gen";
const ROTATED_AT: &str = "rotated-at";
const KEY_ID: &str = "key-id";
const PREV: &str = "prev";
/// The metadata name of the push id.
pub const PUSH_ID: &str = "push-id";
const BUNDLE_ETAG: &str = "bundle-etag";

hex_id! {
    /// Random bytes that tell one push from every other.
    PushId, BadPushId
}

/// What a pointer says. Without metadata only the version is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The current version.
    pub version: Version,
    /// Its generation, which grows by one with each push.
    pub generation: Option<u64>,
    /// The generation it replaced; 0 at the first push.
    pub prev_generation: Option<u64>,
    /// When the pointer was written, to the millisecond.
    pub rotated_at: Option<Timestamp>,
    /// The version it replaced.
    pub prev: Option<Version>,
    /// The push that wrote it.
    pub push_id: Option<PushId>,
    /// The bundle object's ETag, unquoted.
    pub bundle_etag: Option<String>,
    /// The key the bundle is encrypted with: a hint, not a proof.
    pub key_id: Option<KeyId>,
}

/// Why a pointer was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// The body is not one version timestamp.
    #[error("the pointer's body is not a version timestamp")]
    BadTimestamp,
}

impl PointerError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::BadTimestamp => "bad_timestamp",
        }
    }
}

/// Reads a pointer. Body and metadata must be of one response.
///
/// # Errors
/// [`PointerError::BadTimestamp`]; metadata is never an error.
pub fn read(body: &[u8], metadata: &BTreeMap<String, String>) -> Result<Pointer, PointerError> {
    let version = Version::from_bytes(body.trim_ascii()).map_err(|_| PointerError::BadTimestamp)?;
    let text = |name| metadata.get(name).map(String::as_str);
    Ok(Pointer {
        version,
        generation: text(GEN).and_then(generation),
        prev_generation: text(PREV_GEN).and_then(generation),
        rotated_at: text(ROTATED_AT).and_then(milliseconds),
        prev: text(PREV).and_then(|text| text.parse().ok()),
        push_id: text(PUSH_ID).and_then(|text| text.parse().ok()),
        bundle_etag: text(BUNDLE_ETAG).filter(|text| is_etag(text)).map(str::to_owned),
        key_id: text(KEY_ID).and_then(|text| text.parse().ok()),
    })
}

/// The generation that a pointer's metadata tells, as a HEAD request shows it. Missing, malformed
/// or beyond [`MAX_GENERATION`]: unknown.
pub fn generation_of(metadata: &BTreeMap<String, String>) -> Option<u64> {
    metadata.get(GEN).and_then(|text| generation(text))
}

/// True when there is a generation that cannot be used: status names it.
pub fn generation_is_unreadable(metadata: &BTreeMap<String, String>) -> bool {
    metadata.contains_key(GEN) && generation_of(metadata).is_none()
}

/// The generation of the next push: one more than the greatest that is known here or there, and
/// 1 for the first.
pub fn next_generation(greatest_known: Option<u64>) -> u64 {
    greatest_known.map_or(1, |known| known.saturating_add(1).min(MAX_GENERATION))
}

impl Pointer {
    /// The object's body.
    pub fn body(&self) -> Vec<u8> {
        self.version.to_string().into_bytes()
    }

    /// The object's metadata, without the prefix that S3 puts before the names.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let fields = [
            (GEN, self.generation.map(|n| n.to_string())),
            (PREV_GEN, self.prev_generation.map(|n| n.to_string())),
            (ROTATED_AT, self.rotated_at.map(|at| format!("{at:.3}"))),
            (KEY_ID, self.key_id.map(|id| id.to_string())),
            (PREV, self.prev.map(|version| version.to_string())),
            (PUSH_ID, self.push_id.map(|id| id.to_string())),
            (BUNDLE_ETAG, self.bundle_etag.clone().filter(|text| is_etag(text))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn generation(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&n| digits && n <= MAX_GENERATION)
}

fn milliseconds(text: &str) -> Option<Timestamp> {
    let instant: Timestamp = text.parse().ok()?;
    Timestamp::from_millisecond(instant.as_millisecond()).ok()
}

/// Only what can stand in a header as it is.
fn is_etag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_pointer_is_written_with_these_names() {
        let pointer = Pointer {
            version: "20260523-114201".parse().unwrap(),
            generation: Some(4),
            prev_generation: Some(3),
            rotated_at: Some("2026-05-23T11:42:01Z".parse().unwrap()),
            prev: Some("20260522-184510".parse().unwrap()),
            push_id: Some(PushId([0, 1, 2, 3, 4, 5, 6, 255])),
            bundle_etag: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
            key_id: Some("0123456789abcdef".parse().unwrap()),
        };
        assert_eq!(pointer.body(), b"20260523-114201");
        let metadata = pointer.metadata();
        let fields: Vec<_> = metadata.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            fields,
            [
                "bundle-etag=d41d8cd98f00b204e9800998ecf8427e",
                "gen=4",
                "key-id=0123456789abcdef",
                "prev=20260522-184510",
                "prev-gen=3",
                "push-id=00010203040506ff",
                "rotated-at=2026-05-23T11:42:01.000Z",
            ]
        );
        assert_eq!(read(&pointer.body(), &metadata), Ok(pointer));
    }

    #[test]
    fn generations_that_cannot_be_trusted_are_unknown() {
        for (text, known) in [
            ("9007199254740991", Some(MAX_GENERATION)),
            ("9007199254740992", None),
            ("+4", None),
            (" 4", None),
            ("", None),
            ("007", Some(7)),
        ] {
            let metadata = BTreeMap::from([("gen".to_owned(), text.to_owned())]);
            assert_eq!(generation_of(&metadata), known, "{text}");
            assert_eq!(generation_is_unreadable(&metadata), known.is_none(), "{text}");
        }
        assert!(!generation_is_unreadable(&BTreeMap::new()));
        assert_eq!(next_generation(None), 1);
        assert_eq!(next_generation(Some(0)), 1);
        assert_eq!(next_generation(Some(MAX_GENERATION)), MAX_GENERATION);
    }
}
