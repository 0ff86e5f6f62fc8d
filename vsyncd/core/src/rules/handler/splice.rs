//! Edits of a text by byte range: everything outside the ranges stays as it is.

use std::ops::Range;

use zeroize::Zeroizing;

/// Edits collected in any order. Those of one place happen in the order they were added. Only deletions may
/// overlap, and only each other.
#[derive(Default)]
pub(super) struct Splice {
    edits: Vec<(Range<usize>, Zeroizing<String>)>,
}

impl Splice {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Whether something is written at this byte or after it.
    pub(super) fn reach(&self, at: usize) -> bool {
        self.edits.iter().any(|(range, text)| range.start >= at && !text.is_empty())
    }

    /// Whether this byte stays, and nothing is written behind it.
    pub(super) fn keeps_as_last(&self, at: usize) -> bool {
        !self.reach(at) && !self.edits.iter().any(|(range, _)| range.contains(&at))
    }

    /// Puts `text` where the range is.
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<Zeroizing<String>>) {
        let text = text.into();
        if !range.is_empty() || !text.is_empty() {
            self.edits.push((range, text));
        }
    }

    /// Puts `text` in front of the byte.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<Zeroizing<String>>) {
        self.replace(at..at, text);
    }

    /// Takes the range out.
    pub(super) fn delete(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    /// The ranges that are replaced, in order.
    pub(super) fn spans(&self) -> Vec<Range<usize>> {
        let mut spans: Vec<_> = self.edits.iter().map(|(span, _)| span.clone()).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The edited text; none when one edit is in the way of another, or lies outside.
    pub(super) fn apply(mut self, text: &str) -> Option<Zeroizing<String>> {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let added: usize = self.edits.iter().map(|(_, text)| text.len()).sum();
        // All at once, since a buffer that grows leaves copies behind.
        let mut out = Zeroizing::new(String::with_capacity(text.len() + added));
        let mut done = 0;
        // How far back a deletion may begin: all from there on is deleted already.
        let mut gone = 0;
        for (range, there) in &self.edits {
            text.get(range.clone())?;
            let start =
                if there.is_empty() && range.start >= gone { range.start.max(done) } else { range.start };
            let kept = text.get(done..start)?;
            out.push_str(kept);
            out.push_str(there);
            if !there.is_empty() {
                gone = range.end;
            } else if !kept.is_empty() {
                gone = range.start;
            }
            done = done.max(range.end);
        }
        out.push_str(text.get(done..)?);
        Some(out)
    }
}

/// Tells where the bytes of a text stood before something was taken out of it.
pub(super) struct Before {
    /// Where something is missing now, and how many bytes are up to there.
    gaps: Vec<(usize, usize)>,
}

impl Before {
    /// After these ranges went, which come in order.
    pub(super) fn of(gone: &[Range<usize>]) -> Self {
        let (mut gaps, mut done, mut missing) = (Vec::new(), 0, 0);
        for span in gone {
            let start = span.start.max(done);
            let place = start - missing;
            missing += span.end.saturating_sub(start);
            done = done.max(span.end);
            gaps.push((place, missing));
        }
        Self { gaps }
    }

    /// Where this byte stood.
    pub(super) fn place(&self, at: usize) -> usize {
        let passed = self.gaps.partition_point(|(place, _)| *place <= at);
        at + passed.checked_sub(1).map_or(0, |last| self.gaps[last].1)
    }
}

/// The bytes of a text, without a copy of it.
pub(super) fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
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
        splice.insert(8, String::new());
        assert_eq!(splice.apply("abcdefgh").unwrap().as_str(), "ab12cfXh");
        assert!(Splice::default().is_empty());
    }

    #[test]
    fn deletions_may_overlap() {
        let mut splice = Splice::default();
        splice.delete(4..7);
        splice.delete(2..5);
        splice.delete(3..4);
        splice.replace(0..1, "A".to_owned());
        splice.insert(7, "+".to_owned());
        assert_eq!(splice.apply("abcdefghi").unwrap().as_str(), "Ab+hi");
    }

    #[test]
    fn other_edits_may_not() {
        let with = |edits: &[(Range<usize>, &str)]| {
            let mut splice = Splice::default();
            for (range, text) in edits {
                splice.replace(range.clone(), (*text).to_owned());
            }
            splice.apply("abcdef").map(|text| text.to_string())
        };
        assert_eq!(with(&[(0..3, "x"), (2..4, "")]), None);
        assert_eq!(with(&[(0..3, ""), (2..4, "x")]), None);
        assert_eq!(with(&[(0..3, ""), (2..2, "x")]), None);
        assert_eq!(with(&[(0..2, "x"), (2..4, ""), (1..3, "")]), None);
        assert_eq!(with(&[(3..9, "")]), None);
        assert_eq!(with(&[(0..2, "x"), (2..4, "y"), (4..5, "")]).as_deref(), Some("xyf"));
    }

    #[test]
    fn bytes_are_found_where_they_stood() {
        // Of "abcdefghi" stays "aghi".
        let before = Before::of(&[1..4, 2..6]);
        assert_eq!([0, 1, 2, 4].map(|at| before.place(at)), [0, 6, 7, 9]);
        assert_eq!(Before::of(&[]).place(3), 3);
    }
}
