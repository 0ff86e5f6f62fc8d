//! Replacements of byte ranges.

use std::ops::Range;

use zeroize::Zeroizing;

/// What is to be replaced by what. Ranges may touch but not overlap; texts for one place go there in the
/// order in which they came.
#[derive(Default)]
pub(super) struct Edits(Vec<(Range<usize>, Zeroizing<String>)>);

impl Edits {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something is written at this byte or after it.
    pub(super) fn reach(&self, at: usize) -> bool {
        self.0.iter().any(|(range, text)| range.start >= at && !text.is_empty())
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    pub(super) fn delete(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        if !range.is_empty() || !text.is_empty() {
            self.0.push((range, Zeroizing::new(text)));
        }
    }

    /// The text with all replacements made; None if two overlap.
    pub(super) fn apply(mut self, text: &str) -> Option<Zeroizing<String>> {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let added: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        let mut out = Zeroizing::new(String::with_capacity(text.len() + added));
        let mut at = 0;
        for (range, new) in &self.0 {
            out.push_str(text.get(at..range.start)?);
            out.push_str(new);
            at = range.end;
        }
        out.push_str(text.get(at..)?);
        Some(out)
    }
}
