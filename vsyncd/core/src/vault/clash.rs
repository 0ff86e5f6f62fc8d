//! Names that some file systems cannot tell apart.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::relpath::RelPath;

/// Two of the names, or of the folders they lie in, that differ only by case or Unicode form:
/// one would replace the other on a file system that ignores these.
pub fn clashes<'a>(names: impl IntoIterator<Item = &'a RelPath>) -> Option<(RelPath, RelPath)> {
    let mut seen: HashMap<String, &'a str> = HashMap::new();
    for name in names {
        let text = name.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        for end in ends {
            let part = &text[..end];
            match seen.get(folded(part).as_str()) {
                Some(&other) if other != part => {
                    let path = |text| RelPath::new(text).ok();
                    return path(other).zip(path(part));
                }
                Some(_) => {}
                None => {
                    seen.insert(folded(part), part);
                }
            }
        }
    }
    None
}

fn folded(text: &str) -> String {
    text.nfd().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(names: &[&str]) -> Option<(String, String)> {
        let names: Vec<_> = names.iter().map(|name| RelPath::new(name).unwrap()).collect();
        clashes(&names).map(|(one, other)| (one.to_string(), other.to_string()))
    }

    #[test]
    fn names_both_of_a_clash() {
        assert_eq!(clash(&["a", "b", "A"]), Some(("a".into(), "A".into())));
        assert_eq!(
            clash(&["x/K\u{e9}y", "x/ke\u{301}y"]),
            Some(("x/K\u{e9}y".into(), "x/ke\u{301}y".into()))
        );
        assert_eq!(clash(&["Tls/a", "tls/b"]), Some(("Tls".into(), "tls".into())));
        assert_eq!(clash(&["tls/a", "TLS"]), Some(("tls".into(), "TLS".into())));
    }

    #[test]
    fn other_names_do_not_clash() {
        assert_eq!(clash(&["a", "b", "a1", "dir/a", "dir/b", "ключ", "ключи"]), None);
    }
}
