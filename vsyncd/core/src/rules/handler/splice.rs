//! Edits of a text by byte range: everything outside the ranges stays as it is.

use std::ops::Range;

use zeroize::Zeroizing;

/// A list of edits that do not overlap. Those of one place happen in the order they were added.
#[derive(Default)]
pub(super) struct Splice {
    edits: Vec<(Range<usize>, Zeroizing<String>)>,
}

impl Splice {
    /// Puts `text` where the range is.
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<Zeroizing<String>>) {
        self.edits.push((range, text.into()));
    }

    /// Puts `text` in front of the byte.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<Zeroizing<String>>) {
        self.replace(at..at, text);
    }

    /// Takes the range out.
    pub(super) fn delete(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    /// The edited text; none when two edits overlap or one lies outside.
    pub(super) fn apply(mut self, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let added: usize = self.edits.iter().map(|(_, text)| text.len()).sum();
        // All at once, since a buffer that grows leaves copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(text.len() + added));
        let mut done = 0;
        for (range, text_there) in &self.edits {
            out.extend_from_slice(text.get(done..range.start)?.as_bytes());
            out.extend_from_slice(text_there.as_bytes());
            text.get(range.clone())?;
            done = range.end;
        }
        out.extend_from_slice(text.get(done..)?.as_bytes());
        Some(out)
    }
}

/// The line end of a file: that of its first line.
pub(super) fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Where whole lines are taken out that end a file without a final line end: the line before loses its own.
pub(super) fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    if range.end < text.len() || text.ends_with('\n') {
        return range;
    }
    let before = &text[..range.start];
    let kept = before.strip_suffix('\n').map_or(before, |line| line.strip_suffix('\r').unwrap_or(line));
    kept.len()..range.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_leave_the_rest() {
        let mut splice = Splice::default();
        splice.replace(6..7, "X".to_owned());
        splice.insert(2, "1".to_owned());
        splice.insert(2, "2".to_owned());
        splice.delete(3..5);
        assert_eq!(splice.apply("abcdefgh").unwrap().as_slice(), b"ab12cfXh");
    }

    #[test]
    fn overlapping_edits_are_none() {
        let mut splice = Splice::default();
        splice.delete(0..3);
        splice.delete(2..4);
        assert!(splice.apply("abcdef").is_none());
        let mut outside = Splice::default();
        outside.delete(3..9);
        assert!(outside.apply("abcdef").is_none());
    }

    #[test]
    fn the_last_lines_of_a_file_without_a_final_line_end() {
        assert_eq!(whole_lines("a\nb", 2..3), 1..3);
        assert_eq!(whole_lines("a\r\nb", 3..4), 1..4);
        assert_eq!(whole_lines("a\nb\n", 2..4), 2..4);
        assert_eq!(whole_lines("a", 0..1), 0..1);
    }
}
