//! A document as parts that know what they are, and the comparison with what was made of it.

use std::collections::BTreeSet;

use vsync_core::rules::key_path::KeyPath;

/// Stands in every name that a test adds, and in no document.
pub(crate) const MARK: &str = "zq";

/// What a part of a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nobody's.
    Rest,
    /// The value of this number.
    Value(usize),
    /// Goes with that value when it is taken out: its key, its line.
    With(usize),
    /// Stands between two things, and goes when one of them goes.
    Between,
}

/// A document that remembers what it is made of.
#[derive(Debug)]
pub(crate) struct Doc {
    seed: u64,
    parts: Vec<(Role, String)>,
    /// The places of the values, by their numbers.
    pub(crate) places: Vec<KeyPath>,
    /// Those of them that may be taken out without emptying what they stand in.
    pub(crate) spare: Vec<usize>,
    /// The places that something can be added below.
    pub(crate) parents: Vec<KeyPath>,
}

impl Doc {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, parts: Vec::new(), places: Vec::new(), spare: Vec::new(), parents: Vec::new() }
    }

    /// A choice among so many.
    pub(crate) fn pick(&mut self, below: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).expect("31 bits") % below
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.pick(of.len())]
    }

    /// The number of a new value at this place.
    pub(crate) fn place(&mut self, path: KeyPath) -> usize {
        self.places.push(path);
        self.places.len() - 1
    }

    pub(crate) fn rest(&mut self, text: &str) {
        self.parts.push((Role::Rest, text.to_owned()));
    }

    pub(crate) fn value(&mut self, number: usize, text: &str) {
        self.parts.push((Role::Value(number), text.to_owned()));
    }

    /// With the value of this number, or nobody's.
    pub(crate) fn with(&mut self, number: Option<usize>, text: &str) {
        self.parts.push((number.map_or(Role::Rest, Role::With), text.to_owned()));
    }

    pub(crate) fn between(&mut self, text: &str) {
        self.parts.push((Role::Between, text.to_owned()));
    }

    /// An empty line. One right below a value's line may have set it apart, and goes with it.
    pub(crate) fn blank(&mut self, eol: &str) {
        let role = match self.parts.as_slice() {
            [.., (_, above), (role @ Role::With(_), _)] if above != eol => *role,
            _ => Role::Rest,
        };
        self.parts.push((role, eol.to_owned()));
    }

    /// Takes the last line end away.
    pub(crate) fn open_end(&mut self) {
        if let Some((_, text)) = self.parts.last_mut() {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Whether the result is this document with other values in the managed places and with what was added,
    /// and otherwise the same bytes. `value` tells how long the value is that a text begins with.
    pub(crate) fn merged(
        &self,
        managed: &BTreeSet<usize>,
        result: &str,
        value: fn(&str) -> Option<usize>,
    ) -> bool {
        let piece = |(role, text): &(Role, String)| match role {
            Role::Value(number) if managed.contains(number) => Piece::Value,
            _ => Piece::Rest(text.clone()),
        };
        Match { value, adding: true }.run(&joined(self.parts.iter().map(piece)), result)
    }

    /// Whether the result is this document without these values, their keys and lines, and otherwise the same
    /// bytes. A file whose last line has no end stays such a file, whatever its last line is.
    pub(crate) fn removed(&self, gone: &BTreeSet<usize>, result: &str) -> bool {
        let open = !self.text().ends_with('\n');
        let ends = ["\n", "\r\n"].map(|end| format!("{result}{end}"));
        self.leaves(gone, result) || (open && ends.iter().any(|closed| self.leaves(gone, closed)))
    }

    fn leaves(&self, gone: &BTreeSet<usize>, result: &str) -> bool {
        let piece = |(role, text): &(Role, String)| match role {
            Role::Value(number) if gone.contains(number) => Piece::Gone,
            Role::With(number) if gone.contains(number) => Piece::Loose(text.clone()),
            Role::Between if !gone.is_empty() => Piece::Loose(text.clone()),
            _ => Piece::Rest(text.clone()),
        };
        Match { value: |_| None, adding: false }.run(&joined(self.parts.iter().map(piece)), result)
    }
}

/// What a result has to consist of, in this order.
#[derive(Debug)]
enum Piece {
    /// Exactly this.
    Rest(String),
    /// Any one value.
    Value,
    /// This or nothing.
    Loose(String),
    /// Nothing.
    Gone,
}

/// Puts what has to be there together.
fn joined(pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (all.last_mut(), piece) {
            (Some(Piece::Rest(last)), Piece::Rest(text)) => last.push_str(&text),
            (_, piece) => all.push(piece),
        }
    }
    all
}

struct Match {
    value: fn(&str) -> Option<usize>,
    /// Whether something may have been added. It is added in one go at each place, with its name in it; a
    /// comma alone is added behind the one before it.
    adding: bool,
}

impl Match {
    fn run(&self, pieces: &[Piece], result: &str) -> bool {
        self.from(pieces, "", result)
    }

    /// Whether `left`, which is the end of a piece that has to be there, and the pieces give the result.
    fn from(&self, pieces: &[Piece], left: &str, result: &str) -> bool {
        let same = left.bytes().zip(result.bytes()).take_while(|(one, other)| one == other).count();
        if same == left.len() {
            let result = &result[same..];
            let further = match pieces.split_first() {
                None => result.is_empty(),
                Some((Piece::Rest(text), pieces)) => self.from(pieces, text, result),
                Some((Piece::Gone, pieces)) => self.from(pieces, "", result),
                Some((Piece::Value, pieces)) => {
                    (self.value)(result).is_some_and(|length| self.from(pieces, "", &result[length..]))
                }
                Some((Piece::Loose(text), pieces)) => {
                    result.strip_prefix(text.as_str()).is_some_and(|rest| self.from(pieces, "", rest))
                        || self.from(pieces, "", result)
                }
            };
            // What was added at the very end.
            return further || (pieces.is_empty() && self.is_added(result));
        }
        // The first byte that differs: what was added here begins with it, or else is not the same.
        let at = (0..=same).rev().find(|at| left.is_char_boundary(*at)).unwrap_or(0);
        let (left, result) = (&left[at..], &result[at..]);
        let ends = result.char_indices().map(|(at, _)| at).filter(|end| *end > 0);
        ends.into_iter().any(|end| self.is_added(&result[..end]) && self.from(pieces, left, &result[end..]))
    }

    fn is_added(&self, text: &str) -> bool {
        self.adding && (text.contains(MARK) || text == ",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a=1 # n` and `b=2`, a line each.
    fn doc() -> Doc {
        let mut doc = Doc::new(0);
        for (key, value, note) in [("a=", "1", " # n\n"), ("b=", "2", "\n")] {
            let number = doc.place(KeyPath::from_iter([key]));
            doc.with(Some(number), key);
            doc.value(number, value);
            doc.with(Some(number), note);
        }
        doc
    }

    fn digits(text: &str) -> Option<usize> {
        Some(text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len()).filter(|len| *len > 0)
    }

    #[test]
    fn the_comparison_tells_what_is_managed_from_what_is_not() {
        let (doc, first) = (doc(), BTreeSet::from([0]));
        for (result, fine) in [
            ("a=77 # n\nb=2\n", true),
            ("a=77 # n\nb=2\nzq1=5\n", true),
            ("a=77 # n\nzq1=5\nb=2\n", true),
            ("a=77 # n\nb=3\n", false),
            ("a=77 # m\nb=2\n", false),
            ("a=77  # n\nb=2\n", false),
            ("a=77 # n\nb=2", false),
            ("a=77 # n\r\nb=2\n", false),
            ("b=2\na=77 # n\n", false),
            ("a=77 # n\nc=5\nb=2\n", false),
        ] {
            assert_eq!(doc.merged(&first, result, digits), fine, "{result:?}");
        }
        for (result, fine) in [
            ("b=2\n", true),
            (" # n\nb=2\n", true),
            ("a=1 # n\nb=2\n", false),
            ("b=2", false),
            ("b=2\nzq\n", false),
            ("", false),
        ] {
            assert_eq!(doc.removed(&first, result), fine, "{result:?}");
        }
    }
}
