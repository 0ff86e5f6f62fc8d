//! The place of a value in a structured file.

use std::fmt;

/// From the root to a value: keys of mappings, outermost first. In ini: section (empty = the default
/// section) and key. In netrc: machine, login (empty = an entry without one) and field. The root itself,
/// which is all there is of a text file, is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyPath(pub Vec<String>);

impl KeyPath {
    /// The root.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The path one key further down.
    #[must_use]
    pub fn child(&self, key: &str) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_owned());
        Self(keys)
    }

    /// Whether `self` is `other` or lies above it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl<S: Into<String>> FromIterator<S> for KeyPath {
    fn from_iter<I: IntoIterator<Item = S>>(keys: I) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for KeyPath {
    /// `a.b."c.d"`; the root is `(root)`. Control characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(root)");
        }
        for (at, key) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
            if plain { f.write_str(key)? } else { write!(f, "{key:?}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_be_misread_are_quoted() {
        assert_eq!(KeyPath::from_iter(["a", "b-c", "d.e", ""]).to_string(), r#"a.b-c."d.e"."""#);
        assert_eq!(KeyPath::from_iter(["a\nb"]).to_string(), r#""a\nb""#);
        assert_eq!(KeyPath::root().to_string(), "(root)");
    }

    #[test]
    fn a_path_contains_what_lies_below_it() {
        let above = KeyPath::from_iter(["a"]);
        assert!(
            above.contains(&above.child("b")) && above.contains(&above) && KeyPath::root().contains(&above)
        );
        assert!(!above.child("b").contains(&above) && !above.contains(&KeyPath::from_iter(["ab"])));
    }
}
