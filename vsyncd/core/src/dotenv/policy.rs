//! Which keys name files, and which names are never pushed.

use std::fmt;

/// Which keys mean what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Suffixes of keys whose value names a file; the key without it is the secret's name.
    pub suffixes: Vec<String>,
    /// Names that are never pushed.
    pub excluded: Vec<String>,
}

impl Default for Policy {
    /// The rules of the 0.6 specification: `_PATH` and `_FILE` name files; keys that steer a run, and keys
    /// that are the credential of a run, stay here.
    fn default() -> Self {
        let own = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        Self {
            suffixes: own(&["_PATH", "_FILE"]),
            excluded: own(&[
                "GITHUB_REPO",
                "GCP_PROJECT_ID",
                "GITHUB_TOKEN",
                "GOOGLE_APPLICATION_CREDENTIALS",
            ]),
        }
    }
}

impl Policy {
    /// The default, with either list replaced by the one that was given; an empty list was not given.
    /// The empty word stands for nothing, so that a list of it alone switches the default off.
    pub fn explicit<S, E>(inline_file_suffixes: S, exclude_properties: E) -> Self
    where
        S: IntoIterator<Item: Into<String>>,
        E: IntoIterator<Item: Into<String>>,
    {
        let default = Self::default();
        Self {
            suffixes: given(inline_file_suffixes).unwrap_or(default.suffixes),
            excluded: given(exclude_properties).unwrap_or(default.excluded),
        }
    }

    /// The name that the key's file is pushed under; `None` when the key holds its value itself. Where
    /// several suffixes fit, the longest counts.
    pub(super) fn stem<'k>(&self, key: &'k str) -> Option<&'k str> {
        let stems = self.suffixes.iter().filter_map(|suffix| key.strip_suffix(suffix.as_str()));
        stems.filter(|stem| !stem.is_empty() && *stem != key).min_by_key(|stem| stem.len())
    }

    /// Whether a secret of this name, or a line with this key, is never pushed.
    pub(super) fn excludes(&self, name: &str, key: &str) -> bool {
        self.excluded.iter().any(|excluded| excluded == name || excluded == key)
    }
}

fn given<I: IntoIterator<Item: Into<String>>>(words: I) -> Option<Vec<String>> {
    let words: Vec<String> = words.into_iter().map(Into::into).collect();
    let some = !words.is_empty();
    some.then(|| words.into_iter().filter(|word| !word.is_empty()).collect())
}

impl fmt::Display for Policy {
    /// The line that is printed before the first push.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.suffixes.is_empty() {
            f.write_str("no key names a file")?;
        } else {
            write!(f, "keys ending in {} name a file", self.suffixes.join(", "))?;
        }
        if self.excluded.is_empty() {
            f.write_str("; every key is pushed")
        } else {
            write!(f, "; never pushed: {}", self.excluded.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn each_list_is_replaced_on_its_own() {
        let default = Policy::default();
        assert_eq!(Policy::explicit(NONE, NONE), default);
        let suffixes = Policy::explicit(["_AT"], NONE);
        assert_eq!((suffixes.suffixes, suffixes.excluded), (vec!["_AT".to_owned()], default.excluded));
        let excluded = Policy::explicit(NONE, ["A", "B"]);
        assert_eq!(excluded.suffixes, default.suffixes);
        assert_eq!(excluded.excluded, ["A", "B"]);
        let off = Policy::explicit([""], [""]);
        assert_eq!(off.to_string(), "no key names a file; every key is pushed");
    }

    #[test]
    fn a_suffix_goes_once_and_leaves_a_name() {
        let policy = Policy::default();
        for (key, stem) in [
            ("A_PATH", Some("A")),
            ("A_FILE_PATH", Some("A_FILE")),
            ("__PATH", Some("_")),
            ("_PATH", None),
            ("_FILE", None),
            ("PATH", None),
            ("A_path", None),
            ("A_PATHS", None),
        ] {
            assert_eq!(policy.stem(key), stem, "{key}");
        }
        let long = Policy::explicit(["_FILE", "_KEY_FILE"], NONE);
        assert_eq!(long.stem("SSH_KEY_FILE"), Some("SSH"));
        assert_eq!(long.stem("_KEY_FILE"), Some("_KEY"));
    }

    #[test]
    fn it_is_told_in_one_line() {
        let text = Policy::default().to_string();
        assert!(
            text.starts_with("keys ending in _PATH, _FILE name a file; never pushed: GITHUB_REPO, "),
            "{text}"
        );
    }
}
