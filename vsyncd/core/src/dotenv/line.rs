//! Lines of an env file: where the key ends and what its value is.

use super::{DotenvError, Warning};

/// A line that sets a key.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// Never empty.
    pub(super) key: &'a str,
    /// Without its quotes, placeholders not yet expanded.
    pub(super) value: &'a str,
}

/// The lines that set a key, in order, and warnings for those that should but do not.
///
/// Lines end in LF; a CR before it goes with the white space, any other is part of the value.
pub(super) fn lex(bytes: &[u8]) -> Result<(Vec<Line<'_>>, Vec<Warning>), DotenvError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut lines = Vec::new();
    let mut warnings = Vec::new();
    for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let text = std::str::from_utf8(text).map_err(|_| DotenvError::NotText { line: number })?;
        let text = trim(text);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        // Nothing of a line without a key is shown: it may be the rest of a value.
        let mut skip = |why: &str| warnings.push(Warning { line: number, text: format!("skipped: {why}") });
        let Some((key, value)) = text.split_once('=') else {
            skip("there is no '=' on this line");
            continue;
        };
        let key = without_export(trim(key));
        if key.is_empty() {
            skip("there is no key in front of '='");
            continue;
        }
        lines.push(Line { number, key, value: unquoted(trim(value)) });
    }
    Ok((lines, warnings))
}

/// Without the white space of Unicode at both ends, nor the byte order marks that joining files leaves.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}')
}

fn without_export(key: &str) -> &str {
    match key.strip_prefix("export") {
        Some(rest) if rest.starts_with(char::is_whitespace) => trim(rest),
        _ => key,
    }
}

/// Without one pair of quotes around all of it. There are no escapes.
fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(usize, &str, &str)> {
        let (lines, _) = lex(text.as_bytes()).unwrap();
        lines.iter().map(|line| (line.number, line.key, line.value)).collect()
    }

    #[test]
    fn the_first_equals_sign_splits_and_line_ends_of_both_kinds_count() {
        let text = "\u{FEFF}A=1\r\n\r\n  # c\r\nB = x=y \n\tC=a\rb";
        assert_eq!(pairs(text), [(1, "A", "1"), (4, "B", "x=y"), (5, "C", "a\rb")]);
    }

    #[test]
    fn white_space_of_unicode_and_stray_byte_order_marks_are_trimmed() {
        let text = "A=\u{A0}1\u{3000}\n\u{FEFF}B\u{2003}=\u{85}2\u{FEFF}\u{2028}\nC=\"\u{A0}\"";
        assert_eq!(pairs(text), [(1, "A", "1"), (2, "B", "2"), (3, "C", "\u{A0}")]);
        assert_eq!(pairs("A=in\u{FEFF}side"), [(1, "A", "in\u{FEFF}side")]);
    }

    #[test]
    fn one_pair_of_quotes_goes() {
        let values: Vec<_> =
            ["\"a b\"", "'a'", "\"'a'\"", "\"a'", "\"", "\"\"", "''", "\"a\" b", "\"a\\\"b\""]
                .into_iter()
                .map(unquoted)
                .collect();
        assert_eq!(values, ["a b", "a", "'a'", "\"a'", "\"", "", "", "\"a\" b", "a\\\"b"]);
    }

    #[test]
    fn export_is_dropped_once_and_only_as_a_word() {
        let text = "export A=1\nexport\t B=2\nexported=3\nexport=4\nexport export C=5\nexport =6";
        let keys: Vec<_> = pairs(text).into_iter().map(|(_, key, _)| key).collect();
        assert_eq!(keys, ["A", "B", "exported", "export", "export C", "export"]);
    }

    #[test]
    fn lines_that_set_nothing_are_told_by_number_alone() {
        let (lines, warnings) = lex(b"hunter2\n=hunter2\nexport hunter2\nA=1\n = hunter2").unwrap();
        assert_eq!(lines.len(), 1);
        let numbers: Vec<_> = warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(numbers, [1, 2, 3, 5]);
        assert!(!format!("{warnings:?}").contains("hunter2"));
    }

    #[test]
    fn the_first_line_that_is_not_text_is_named() {
        let refused = |bytes: &[u8]| lex(bytes).err();
        assert_eq!(refused(b"A=1\n# \xFF\nB=\xFF"), Some(DotenvError::NotText { line: 2 }));
        assert_eq!(refused(b"\xEF\xBB\xBF\xC0=1"), Some(DotenvError::NotText { line: 1 }));
        // A character that a line end cuts in two.
        assert_eq!(refused(b"A=\xC3\n\xA4"), Some(DotenvError::NotText { line: 1 }));
    }
}
