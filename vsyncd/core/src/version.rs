//! The name of one published state of a vault: its timestamp.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many characters a version has: `YYYYMMDD-HHMMSS`.
pub const LEN: usize = 15;

/// A version's timestamp in UTC, to the second, written `YYYYMMDD-HHMMSS`.
///
/// It names the bundle object (`v=<version>`), stands in the pointer and inside the seal, and
/// orders versions: a later one is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(DateTime);

/// The text is not fifteen ASCII characters that form a date and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version timestamp (YYYYMMDD-HHMMSS)")]
pub struct BadVersion;

impl Version {
    /// Reads exactly fifteen ASCII bytes.
    ///
    /// # Errors
    /// [`BadVersion`] when the bytes are anything but a valid date and time in that shape.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadVersion> {
        let digits = |range: std::ops::Range<usize>| -> Result<i16, BadVersion> {
            bytes[range].iter().try_fold(0_i16, |sum, byte| match byte {
                b'0'..=b'9' => Ok(sum * 10 + i16::from(byte - b'0')),
                _ => Err(BadVersion),
            })
        };
        if bytes.len() != LEN || bytes[8] != b'-' {
            return Err(BadVersion);
        }
        let two = |at: usize| digits(at..at + 2).map(|n| n as i8);
        let date = DateTime::new(digits(0..4)?, two(4)?, two(6)?, two(9)?, two(11)?, two(13)?, 0);
        let date = date.map_err(|_| BadVersion)?;
        if date.year() < 1 {
            return Err(BadVersion);
        }
        Ok(Self(date))
    }

    /// The version that a push at this instant would have, fractions of a second dropped.
    pub fn at(instant: Timestamp) -> Self {
        let civil = instant.to_zoned(TimeZone::UTC).datetime();
        let whole = civil.with().subsec_nanosecond(0).build().unwrap_or(civil);
        Self(whole)
    }

    /// The instant this version names.
    pub fn instant(self) -> Timestamp {
        self.0.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// The version one second later; the last possible one stays what it is.
    #[must_use]
    pub fn successor(self) -> Self {
        self.0.checked_add(1.second()).map_or(self, Self)
    }

    /// The version of a new push: now, unless the version it replaces is as late or later, then
    /// one second after that. So versions only grow, whatever the clock says.
    #[must_use]
    pub fn next(now: Timestamp, replaces: Option<Self>) -> Self {
        let now = Self::at(now);
        replaces.map_or(now, |replaced| now.max(replaced.successor()))
    }

    /// How far this version lies ahead of the given instant (negative: behind).
    pub fn ahead_of(self, now: Timestamp) -> SignedDuration {
        self.instant().duration_since(now)
    }
}

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.0;
        let (year, month, day) = (d.year(), d.month(), d.day());
        let (hour, minute, second) = (d.hour(), d.minute(), d.second());
        write!(f, "{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn reads_and_writes_the_same_fifteen_characters() {
        for text in ["20260523-114201", "00010101-000000", "99991231-235959", "20240229-000000"] {
            assert_eq!(version(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_a_date() {
        for text in [
            "",
            "20260523",
            "20260523-11420",
            "20260523-1142010",
            "20261399-996199",
            "20260229-000000",
            "00000101-000000",
            "20260523 114201",
            "2026052a-114201",
            "+0260523-114201",
            "20260523-114260",
        ] {
            assert_eq!(text.parse::<Version>(), Err(BadVersion), "{text}");
        }
    }

    #[test]
    fn a_new_version_is_always_later_than_the_one_it_replaces() {
        let now: Timestamp = "2026-05-23T11:42:01.9Z".parse().unwrap();
        assert_eq!(Version::next(now, None).to_string(), "20260523-114201");
        let replaced = version("20260523-114201");
        assert_eq!(Version::next(now, Some(replaced)).to_string(), "20260523-114202");
        let replaced = version("20301231-235959");
        assert_eq!(Version::next(now, Some(replaced)).to_string(), "20310101-000000");
        let last = version("99991231-235959");
        assert_eq!(last.successor(), last);
    }

    #[test]
    fn an_instant_and_its_version_agree() {
        let text = version("20260523-114201");
        assert_eq!(Version::at(text.instant()), text);
        assert_eq!(text.instant().to_string(), "2026-05-23T11:42:01Z");
    }
}
