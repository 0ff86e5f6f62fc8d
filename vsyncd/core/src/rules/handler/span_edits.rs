//! Replacements of byte ranges, applied in one pass.

use std::ops::Range;

use zeroize::Zeroizing;

/// Replacements collected in any order; those at the same place keep the order they came in.
#[derive(Default)]
pub(super) struct SpanEdits(Vec<(Range<usize>, Zeroizing<String>)>);

impl SpanEdits {
    /// Puts `text` before the byte at `at`.
    pub(super) fn insert(&mut self, at: usize, text: Zeroizing<String>) {
        self.0.push((at..at, text));
    }

    /// Puts `text` in the place of `span`.
    pub(super) fn replace(&mut self, span: Range<usize>, text: Zeroizing<String>) {
        self.0.push((span, text));
    }

    /// Takes `span` out.
    pub(super) fn delete(&mut self, span: Range<usize>) {
        self.0.push((span, Zeroizing::default()));
    }

    /// The ranges that are replaced, in order.
    pub(super) fn spans(&self) -> Vec<Range<usize>> {
        let mut spans: Vec<_> = self.0.iter().map(|(span, _)| span.clone()).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Where a byte of the text without `gone` (in order) stood in the text with it.
    pub(super) fn before(gone: &[Range<usize>], mut at: usize) -> usize {
        let mut done = 0;
        for span in gone {
            let start = span.start.max(done);
            if start > at {
                break;
            }
            at += span.end.saturating_sub(start);
            done = done.max(span.end);
        }
        at
    }

    /// The text with all replacements made. Deletions may overlap.
    pub(super) fn apply(mut self, text: &str) -> Zeroizing<String> {
        self.0.sort_by_key(|(span, _)| (span.start, span.end > span.start));
        let added: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        let mut result = Zeroizing::new(String::with_capacity(text.len() + added));
        let mut done = 0;
        for (span, new) in &self.0 {
            result.push_str(text.get(done..span.start).unwrap_or_default());
            result.push_str(new);
            done = done.max(span.end);
        }
        result.push_str(text.get(done..).unwrap_or_default());
        result
    }
}

/// The line ending of the first line, a line feed when there is none.
pub(super) fn line_ending(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Where the line of `at` starts.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// The blanks that the line of `at` starts with.
pub(super) fn line_indent(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_meet_in_one_pass() {
        let mut edits = SpanEdits::default();
        edits.delete(4..7);
        edits.replace(0..1, "A".to_owned().into());
        edits.insert(4, "+".to_owned().into());
        edits.delete(3..5);
        assert_eq!(edits.apply("abcdefghi").as_str(), "Abc+hi");
    }

    #[test]
    fn the_first_line_decides_the_ending() {
        assert_eq!(
            [line_ending("a\r\nb\n"), line_ending("a\n\r\n"), line_ending("\r")],
            ["\r\n", "\n", "\n"]
        );
        assert_eq!(line_indent("a\n \t b", 6), " \t ");
    }
}
