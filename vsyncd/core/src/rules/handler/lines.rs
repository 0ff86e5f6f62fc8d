//! The lines of a text.

use std::ops::Range;

/// The line end of a file: that of its first line, a line feed when there is none.
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

/// Whether only blanks stand before `at` in its line. Looks no further back than they go.
pub(super) fn leads(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t', '\r']);
    before.is_empty() || before.ends_with('\n')
}

/// The blanks that the line of `at` starts with.
pub(super) fn line_indent(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Where whole lines are taken out that end a file without a final line end: the line before loses its own.
pub(super) fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    if range.end < text.len() || text.ends_with('\n') {
        return range;
    }
    without_ending(&text[..range.start]).len()..range.end
}

/// The text without the line end that it ends in.
pub(super) fn without_ending(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_decides_the_ending() {
        assert_eq!(
            [line_ending("a\r\nb\n"), line_ending("a\n\r\n"), line_ending("\r")],
            ["\r\n", "\n", "\n"]
        );
        assert_eq!(line_indent("a\n \t b", 6), " \t ");
        assert_eq!([0, 2, 4, 5, 6].map(|at| leads("a\n \t b", at)), [true, true, true, true, false]);
    }

    #[test]
    fn the_last_lines_of_a_file_without_a_final_line_end() {
        assert_eq!(whole_lines("a\nb", 2..3), 1..3);
        assert_eq!(whole_lines("a\r\nb", 3..4), 1..4);
        assert_eq!(whole_lines("a\nb\n", 2..4), 2..4);
        assert_eq!(whole_lines("a", 0..1), 0..1);
    }
}
