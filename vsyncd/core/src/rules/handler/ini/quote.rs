//! Quotes around whole values. Some readers take them off and some do not, so they stay as the file has them.

use zeroize::Zeroizing;

/// The kind of quotes that stand around the whole value.
fn around(value: &str) -> Option<char> {
    let quote = value.chars().next().filter(|first| ['"', '\''].contains(first))?;
    let inner = value[1..].strip_suffix(quote)?;
    let mut escaped = false;
    for next in inner.chars() {
        if next == quote && !escaped {
            return None;
        }
        escaped = quote == '"' && next == '\\' && !escaped;
    }
    (!escaped).then_some(quote)
}

/// The text within double quotes, with `\"` and `\\` read; other backslashes are themselves.
fn within(value: &str) -> Zeroizing<String> {
    let inner = &value[1..value.len() - 1];
    let mut out = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner.chars().peekable();
    while let Some(next) = rest.next() {
        match (next, rest.peek()) {
            ('\\', Some(after @ ('"' | '\\'))) => {
                out.push(*after);
                rest.next();
            }
            _ => out.push(next),
        }
    }
    out
}

/// Whether the file's value says what is wanted: the same text, or the same text in quotes.
pub(super) fn says(value: &str, wanted: &str) -> bool {
    value == wanted
        || match around(value) {
            Some('"') => within(value).as_str() == wanted,
            Some(_) => &value[1..value.len() - 1] == wanted,
            None => false,
        }
}

/// The wanted text as it is written where `old` stands: in its quotes, if it has some and the wanted text
/// does not bring its own.
pub(super) fn like(old: &str, wanted: &str) -> Zeroizing<String> {
    let Some(quote) = around(old).filter(|_| !wanted.starts_with(['"', '\''])) else {
        return Zeroizing::new(wanted.to_owned());
    };
    let mut out = Zeroizing::new(String::with_capacity(2 * wanted.len() + 2));
    let quote = if quote == '\'' && wanted.contains('\'') { '"' } else { quote };
    out.push(quote);
    for next in wanted.chars() {
        if quote == '"' && ['"', '\\'].contains(&next) {
            out.push('\\');
        }
        out.push(next);
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stay_as_the_file_has_them() {
        for (old, wanted, written) in [
            ("old", "a b", "a b"),
            ("\"old\"", "a b", "\"a b\""),
            ("'old'", "a b", "'a b'"),
            ("'old'", "it's", "\"it's\""),
            ("\"old\"", "a\"b\\c", "\"a\\\"b\\\\c\""),
            ("\"old\"", "\"new\"", "\"new\""),
            ("\"A=1\" \"B=2\"", "x", "x"),
            ("\"open", "x", "x"),
            ("\"", "x", "x"),
            ("\"old\"", "", "\"\""),
        ] {
            assert_eq!(like(old, wanted).as_str(), written, "{old} <- {wanted}");
            assert!(says(written, wanted), "{written} says {wanted}");
        }
    }

    #[test]
    fn a_value_says_the_same_with_and_without_quotes() {
        assert!(says("\"C:\\dir\"", "C:\\dir") && says("'a'", "a") && says("\"a\"", "\"a\""));
        assert!(!says("a", "\"a\"") && !says("\"a", "a") && !says("'a\"", "a") && !says("\"a\\\"", "a\\"));
    }
}
