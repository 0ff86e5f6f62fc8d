//! How durations, sizes, permission bits and accounts are written in `vsyncd.yaml`.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Reads `100ms`, `1s`, `5m`, `1h 30m`. Nothing is clamped; zero is refused, for every use here
/// is a wait.
///
/// # Errors
/// A text that says what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(Duration::ZERO) => Err("a duration must be more than zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("'{text}' is not a duration such as 100ms, 15s or 5m")),
    }
}

/// A number of bytes, written `512B`, `4KiB`, `256MiB`, `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("'{text}' is not a size such as 512KiB, 256MiB or 1GiB");
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = trimmed.split_at(digits);
        let shift = match unit.trim_start() {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            "TiB" => 40,
            _ => return Err(bad()),
        };
        let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(bad)
    }
}

/// Permission bits, written in octal: `"0640"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim();
        let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
        let mode = if octal { u32::from_str_radix(digits, 8).ok() } else { None };
        match mode {
            None => Err(format!("'{text}' is not a mode in octal such as \"0640\"")),
            Some(mode) if mode & !0o777 != 0 => {
                Err(format!("mode {text} has a setuid, setgid or sticky bit, which a vault never has"))
            }
            Some(mode) if mode & 0o002 != 0 => Err(format!("mode {text} lets everybody write")),
            Some(mode) => Ok(Self(mode)),
        }
    }
}

/// A user or a group, by name or by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// A numeric id.
    Id(u32),
    /// A name, to be looked up when it is used.
    Name(String),
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let id = text.parse().ok().filter(|id| *id != u32::MAX);
            return id.map(Self::Id).ok_or_else(|| format!("{text} is not an account number"));
        }
        if text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_whitespace() || c == ':') {
            return Err(format!("'{text}' is not an account name"));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

/// Reads a value that YAML gives as text through its `FromStr`, saying what is expected when YAML
/// gives something else (`interval: 15` is a number without a unit).
struct Text<T, F>(&'static str, F, PhantomData<T>);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

/// `deserialize_with` for [`duration`].
pub(super) fn duration_value<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_any(Text("a duration with its unit, such as 15s", duration, PhantomData))
}

/// `deserialize_with` for an optional [`duration`].
pub(super) fn some_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration_value(from).map(Some)
}

/// `deserialize_with` for an optional path: a daemon's own folder is nobody's business.
pub(super) fn absolute_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let absolute = |text: &str| {
        let path = PathBuf::from(text);
        if path.is_absolute() { Ok(path) } else { Err(format!("'{text}' is not an absolute path")) }
    };
    from.deserialize_any(Text("an absolute path", absolute, PhantomData)).map(Some)
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Text("a size with its unit, such as 256MiB", Self::from_str, PhantomData))
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // A bare 640 is decimal and a bare 0o640 octal: only the quoted form says one thing.
        from.deserialize_any(Text("a mode in quotes, such as \"0640\"", Self::from_str, PhantomData))
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NameOrNumber;
        impl Visitor<'_> for NameOrNumber {
            type Value = Account;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name or the number of an account")
            }
            fn visit_u64<E: Error>(self, id: u64) -> Result<Account, E> {
                id.to_string().parse().map_err(E::custom)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Account, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(NameOrNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_taken_as_written() {
        for (text, millis) in [("100ms", 100), ("1s", 1_000), ("5m", 300_000), (" 1h 30m", 5_400_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "-1s", "1 parsec", "0s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_binary_and_carry_a_unit() {
        for (text, bytes) in [("1B", 1), ("4KiB", 4096), ("256 MiB", 256 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "256", "256MB", "0MiB", "-1B", "1.5GiB", "MiB", "99999999TiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn modes_are_octal_and_never_world_writable() {
        assert_eq!("0640".parse(), Ok(Mode(0o640)));
        assert_eq!("750".parse(), Ok(Mode(0o750)));
        for text in ["", "64", "0o640", "0680", "4755", "1777", "0666", "00640"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }

    #[test]
    fn accounts_are_names_or_numbers() {
        assert_eq!("www-data".parse(), Ok(Account::Name("www-data".to_owned())));
        assert_eq!("33".parse(), Ok(Account::Id(33)));
        for text in ["", "a b", "a:b", "-x", "4294967295", "99999999999"] {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
    }
}
