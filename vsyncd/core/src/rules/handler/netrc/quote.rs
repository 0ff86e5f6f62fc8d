//! Words in and out of quotes.

use zeroize::Zeroizing;

/// What a word of the file says. In quotes a backslash makes the next character plain, but readers disagree
/// on `\n`, `\r` and `\t`: none for a word that has one.
pub(super) fn read(raw: &str) -> Option<Zeroizing<String>> {
    let Some(inner) = quoted(raw) else { return Some(Zeroizing::new(raw.to_owned())) };
    let mut out = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => out.push(rest.next().filter(|escaped| !['n', 'r', 't'].contains(escaped))?),
            other => out.push(other),
        }
    }
    Some(out)
}

fn quoted(raw: &str) -> Option<&str> {
    raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
}

/// The value as a word: in quotes where the old word has them or the value needs them. A backslash needs
/// them because some readers take it for an escape outside quotes too.
pub(super) fn write(value: &str, old: Option<&str>) -> Zeroizing<String> {
    let needs = value.is_empty()
        || value.starts_with(['"', '#'])
        || value.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control());
    if !needs && old.is_none_or(|old| quoted(old).is_none()) {
        return Zeroizing::new(value.to_owned());
    }
    let mut out = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    out.push('"');
    for next in value.chars() {
        if ['"', '\\'].contains(&next) {
            out.push('\\');
        }
        out.push(next);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for value in ["plain", "", "a b", "\"", "a\"b", "a\\b", "#a", "a#b", "tab\there", "ü", "n\\n"] {
            for old in [None, Some("old"), Some("\"old\"")] {
                let raw = write(value, old);
                assert_eq!(read(&raw).unwrap().as_str(), value, "{raw:?}");
                assert!(old != Some("\"old\"") || raw.starts_with('"'));
            }
        }
        assert_eq!(write("a#b\"c", None).as_str(), "a#b\"c");
        assert_eq!(read("\"a\\nb\""), None);
    }
}
