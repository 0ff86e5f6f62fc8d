//! Why a file was not edited.

use std::fmt;

use crate::rules::key_path::KeyPath;

/// A place in a file's text, counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The place of a byte. A BOM does not count as a character.
    pub fn of(bytes: &[u8], at: usize) -> Self {
        let before = bytes.get(..at).unwrap_or(bytes);
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let text = String::from_utf8_lossy(&before[start..]);
        Self { line, column: text.trim_start_matches('\u{feff}').chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a file was not edited. Texts name places, never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The existing file does not parse.
    #[error("the file is not valid {format} at {at}: {what}")]
    Malformed {
        /// The format's word.
        format: &'static str,
        /// Where.
        at: Position,
        /// What is wrong, in fixed words.
        what: &'static str,
    },
    /// The incoming document does not parse.
    #[error("the rendered data is not valid {format} at {at}: {what}")]
    BadIncoming {
        /// The format's word.
        format: &'static str,
        /// Where.
        at: Position,
        /// What is wrong, in fixed words.
        what: &'static str,
    },
    /// The root of a document is not a mapping.
    #[error("the {document} has a {found} at its root, not a mapping")]
    WrongRoot {
        /// `file` or `rendered data`.
        document: &'static str,
        /// What is there: `sequence`, `scalar`.
        found: &'static str,
    },
    /// A key stands twice where a value is to be set: readers disagree on which one counts.
    #[error("the key {path} stands twice in the file, again at {at}")]
    DuplicateKey {
        /// Which key.
        path: KeyPath,
        /// The second one.
        at: Position,
    },
    /// The format has no way to write this value there.
    #[error("the value of {path} cannot be written in this format: {what}")]
    Unrepresentable {
        /// Which value.
        path: KeyPath,
        /// Why, in fixed words.
        what: &'static str,
    },
    /// The file uses a construct here that cannot be edited safely.
    #[error("{path} cannot be edited at {at}: {what}")]
    Unsupported {
        /// Which value.
        path: KeyPath,
        /// Where.
        at: Position,
        /// Why, in fixed words.
        what: &'static str,
    },
    /// The result, parsed again, was not what was asked for.
    #[error("the edit was given up: {path} would not read back as wanted")]
    CheckFailed {
        /// The first value that differs.
        path: KeyPath,
    },
    /// More bytes than are edited.
    #[error("the document is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let text = "\u{feff}ab\r\nçé=1".as_bytes();
        assert_eq!(Position::of(text, 3), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, 4), Position { line: 1, column: 2 });
        let equals = text.iter().position(|byte| *byte == b'=').unwrap();
        assert_eq!(Position::of(text, equals), Position { line: 2, column: 3 });
        assert_eq!(Position::of(text, 999), Position::of(text, text.len()));
    }
}
