//! The seal `RQEM0001`: binds a bundle to its version, inside the envelope.
//!
//! Documented form: `"RQEM0001" | 0x01 | timestamp (15 + NUL) | payload`. The older client leaves
//! out the version byte and the NUL.

use std::ops::Range;

use zeroize::Zeroizing;

use super::envelope;
use super::magic::{self, Magic};
use crate::version::{self, Version};

const FAMILY: &[u8] = b"RQEM";
const NUMBER: &[u8] = b"0001";
const MAGIC: usize = FAMILY.len() + NUMBER.len();

/// Bytes the documented seal adds before its payload.
pub const OVERHEAD: usize = MAGIC + 1 + version::LEN + 1;

/// Which of the two forms a seal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealForm {
    /// With a version byte and a padded timestamp: what this product writes.
    Documented,
    /// What the older client writes.
    Classic,
}

/// What a seal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The version its payload was published as.
    pub version: Version,
    /// Its form.
    pub form: SealForm,
    /// Where in the input the payload lies.
    pub payload: Range<usize>,
}

/// Why a seal was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Ends before its payload begins.
    #[error("the seal is cut short")]
    Truncated,
    /// Starts with other bytes.
    #[error("the decrypted data carries no seal")]
    NotASeal,
    /// Written by a later format.
    #[error("the seal is of an unsupported version")]
    UnsupportedVersion,
    /// Its timestamp is not a date.
    #[error("the timestamp in the seal is not a date")]
    BadTimestamp,
    /// It was made for another version than the one asked for.
    #[error("the pointer names version {expected}, the seal says {sealed}: possible tampering")]
    TimestampMismatch {
        /// What the pointer says.
        expected: Version,
        /// What the seal says.
        sealed: Version,
    },
}

impl SealError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::NotASeal => "not_a_seal",
            Self::UnsupportedVersion => "unsupported_version",
            Self::BadTimestamp => "bad_timestamp",
            Self::TimestampMismatch { .. } => "timestamp_mismatch",
        }
    }
}

/// Seals a payload in the documented form, in its own buffer where its capacity allows.
pub fn write(version: Version, mut payload: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let header = [FAMILY, NUMBER, b"\x01", version.to_string().as_bytes(), b"\0"].concat();
    envelope::prepend(&mut payload, &header, envelope::OVERHEAD);
    payload
}

/// Reads a seal that must have been made for `expected`.
///
/// # Errors
/// [`SealError`]. The seal's own timestamp is judged before it is compared.
pub fn read(bytes: &[u8], expected: Version) -> Result<Sealed, SealError> {
    let sealed = parse(bytes)?;
    if sealed.version == expected {
        Ok(sealed)
    } else {
        Err(SealError::TimestampMismatch { expected, sealed: sealed.version })
    }
}

/// Reads a seal without comparing its version with anything.
///
/// # Errors
/// [`SealError`], except for the mismatch.
pub fn parse(bytes: &[u8]) -> Result<Sealed, SealError> {
    match magic::judge(bytes, FAMILY, NUMBER) {
        Magic::Match => {}
        Magic::Truncated => return Err(SealError::Truncated),
        Magic::OtherVersion => return Err(SealError::UnsupportedVersion),
        Magic::Foreign => return Err(SealError::NotASeal),
    }
    let (form, stamp_at, payload_at) = match bytes.get(MAGIC) {
        None => return Err(SealError::Truncated),
        Some(0x01) => (SealForm::Documented, MAGIC + 1, OVERHEAD),
        Some(byte) if byte.is_ascii_digit() => (SealForm::Classic, MAGIC, MAGIC + version::LEN),
        Some(_) => return Err(SealError::UnsupportedVersion),
    };
    let stamp = bytes.get(stamp_at..payload_at).ok_or(SealError::Truncated)?;
    let (stamp, padding) = stamp.split_at(version::LEN);
    if !matches!(padding, [] | [0 | b' ']) {
        return Err(SealError::BadTimestamp);
    }
    let version = Version::from_bytes(stamp).map_err(|_| SealError::BadTimestamp)?;
    Ok(Sealed { version, form, payload: payload_at..bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_for_its_own_version_only() {
        let version: Version = "20260523-114201".parse().unwrap();
        let sealed = write(version, Zeroizing::new(b"zip".to_vec()));
        let read_back = read(&sealed, version).unwrap();
        assert_eq!((read_back.version, read_back.form), (version, SealForm::Documented));
        assert_eq!(&sealed[read_back.payload], b"zip");
        let other = read(&sealed, version.successor()).unwrap_err();
        assert_eq!(other.kind(), "timestamp_mismatch");
    }

    #[test]
    fn every_cut_of_the_header_is_truncated() {
        let version: Version = "20260523-114201".parse().unwrap();
        let documented = write(version, Zeroizing::default());
        let classic = b"RQEM000120260523-114201";
        for whole in [documented.as_slice(), classic] {
            assert!(parse(whole).unwrap().payload.is_empty());
            for cut in 0..whole.len() {
                assert_eq!(parse(&whole[..cut]), Err(SealError::Truncated), "{cut}");
            }
        }
    }
}
