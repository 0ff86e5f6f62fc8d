//! The first bytes of a format: a family name and a version.

/// What the first bytes of an input say about its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    /// The family and the version that was asked for.
    Match,
    /// Too short to tell, and right as far as it goes.
    Truncated,
    /// The family, with other digits as its version.
    OtherVersion,
    /// Something else.
    Foreign,
}

/// Judges the magic `family` + `version` (ASCII digits) on the bytes that are there, whatever
/// follows it.
pub(super) fn judge(bytes: &[u8], family: &[u8], version: &[u8]) -> Magic {
    let whole = family.len() + version.len();
    let present = &bytes[..bytes.len().min(whole)];
    let (name, digits) = present.split_at(present.len().min(family.len()));
    if name != &family[..name.len()] {
        Magic::Foreign
    } else if digits == &version[..digits.len()] {
        if present.len() == whole { Magic::Match } else { Magic::Truncated }
    } else if present.len() == whole && digits.iter().all(u8::is_ascii_digit) {
        Magic::OtherVersion
    } else {
        Magic::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_true_prefix_is_truncated() {
        for (bytes, verdict) in [
            ("", Magic::Truncated),
            ("RQEM000", Magic::Truncated),
            ("RQEM0001", Magic::Match),
            ("RQEM0001rest", Magic::Match),
            ("RQEM0002", Magic::OtherVersion),
            ("RQEM1", Magic::Foreign),
            ("RQEM000x", Magic::Foreign),
            ("RQE1", Magic::Foreign),
            ("X", Magic::Foreign),
        ] {
            assert_eq!(judge(bytes.as_bytes(), b"RQEM", b"0001"), verdict, "{bytes}");
        }
    }
}
