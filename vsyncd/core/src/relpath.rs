//! A name inside a vault.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A path relative to the vault folder: UTF-8, components separated by `/`, none of them empty,
/// `.` or `..`, without NUL, backslash or drive prefix. It can be joined to any folder without
/// leaving it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RelPath(String);

/// Why a name cannot be used inside a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing at all.
    #[error("the name is empty")]
    Empty,
    /// Starts at the root of a file system, or with a drive letter.
    #[error("the name is absolute")]
    Absolute,
    /// Contains a backslash, which some systems take for a separator.
    #[error("the name contains a backslash")]
    Backslash,
    /// Contains a NUL byte.
    #[error("the name contains a NUL byte")]
    Nul,
    /// Contains an empty, `.` or `..` component.
    #[error("the name contains an empty, '.' or '..' component")]
    Component,
}

impl RelPath {
    /// Checks a name.
    ///
    /// # Errors
    /// [`BadPath`] says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, BadPath> {
        let bytes = text.as_bytes();
        match bytes {
            [] => return Err(BadPath::Empty),
            [b'/', ..] => return Err(BadPath::Absolute),
            [letter, b':', ..] if letter.is_ascii_alphabetic() => return Err(BadPath::Absolute),
            _ => {}
        }
        if bytes.contains(&b'\\') {
            return Err(BadPath::Backslash);
        }
        if bytes.contains(&0) {
            return Err(BadPath::Nul);
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(BadPath::Component);
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text, `/` between its components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder it lies in; `None` at the top of the vault.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// This path with one more component.
    ///
    /// # Errors
    /// [`BadPath`] when the name is not one valid component.
    pub fn join(&self, name: &str) -> Result<Self, BadPath> {
        if name.contains('/') {
            return Err(BadPath::Component);
        }
        Self::new(name).or_else(|bad| match bad {
            // A drive letter is only meaningful at the front.
            BadPath::Absolute if !name.starts_with('/') => Ok(Self(name.to_owned())),
            bad => Err(bad),
        })?;
        Self::new(&format!("{}/{name}", self.0))
    }
}

/// Control characters are shown escaped, so that a name cannot draw on a terminal.
impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                fmt::Write::write_char(f, c)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for RelPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<std::path::Path> for RelPath {
    fn as_ref(&self) -> &std::path::Path {
        std::path::Path::new(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_plain_names() {
        for name in [".env.dev", "tls/server.crt", "ключ.pem", "a b/c", "dir/C:x", "..."] {
            assert_eq!(RelPath::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_what_could_leave_the_folder() {
        let cases = [
            ("", BadPath::Empty),
            ("/etc/passwd", BadPath::Absolute),
            ("C:/x", BadPath::Absolute),
            ("x:y", BadPath::Absolute),
            ("a\\b", BadPath::Backslash),
            ("a\0b", BadPath::Nul),
            ("../x", BadPath::Component),
            ("a/../b", BadPath::Component),
            ("a/./b", BadPath::Component),
            ("a//b", BadPath::Component),
            ("a/", BadPath::Component),
            (".", BadPath::Component),
        ];
        for (name, bad) in cases {
            assert_eq!(RelPath::new(name), Err(bad), "{name:?}");
        }
    }

    #[test]
    fn parents_and_children() {
        let path = RelPath::new("a/b/c").unwrap();
        assert_eq!(path.name(), "c");
        assert_eq!(path.parent().unwrap().as_str(), "a/b");
        assert_eq!(RelPath::new("a").unwrap().parent(), None);
        assert_eq!(path.join("d").unwrap().as_str(), "a/b/c/d");
        assert_eq!(path.join("d/e"), Err(BadPath::Component));
        assert_eq!(path.join(".."), Err(BadPath::Component));
    }

    #[test]
    fn control_characters_are_shown_escaped() {
        assert_eq!(RelPath::new("a\nb\u{1b}[2J").unwrap().to_string(), "a\\nb\\u{1b}[2J");
    }
}
