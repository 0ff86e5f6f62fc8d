//! A document's bytes as text.

use zeroize::Zeroizing;

use super::{MergeError, Position};

const BOM: &str = "\u{feff}";

/// Which of the two documents of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The file.
    File,
    /// What is merged into it.
    Data,
}

impl Role {
    /// # Errors
    /// Always: this document's root is no mapping, but `found`.
    pub(super) const fn wrong_root(self, found: &'static str) -> MergeError {
        let document = match self {
            Self::File => "file",
            Self::Data => "rendered data",
        };
        MergeError::WrongRoot { document, found }
    }
}

/// What is wrong with a text, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// A document: its text behind the BOM.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    pub(super) text: &'a str,
    format: &'static str,
    role: Role,
}

impl<'a> Source<'a> {
    /// # Errors
    /// The bytes are not UTF-8.
    pub(super) fn read(bytes: &'a [u8], format: &'static str, role: Role) -> Result<Self, MergeError> {
        let broken = Self { bytes, text: "", format, role };
        let text = std::str::from_utf8(bytes).map_err(|error| broken.at(error.valid_up_to(), "not UTF-8"))?;
        Ok(Self { text: text.strip_prefix(BOM).unwrap_or(text), ..broken })
    }

    /// The place of a byte of the text.
    pub(super) fn position(&self, at: usize) -> Position {
        Position::of(self.bytes, self.bytes.len() - self.text.len() + at)
    }

    /// What is wrong with the text.
    pub(super) fn fault(&self, Fault { at, what }: Fault) -> MergeError {
        self.at(self.bytes.len() - self.text.len() + at, what)
    }

    fn at(&self, at: usize, what: &'static str) -> MergeError {
        let (format, at) = (self.format, Position::of(self.bytes, at));
        match self.role {
            Role::File => MergeError::Malformed { format, at, what },
            Role::Data => MergeError::BadIncoming { format, at, what },
        }
    }

    /// Another text, behind the BOM if this one has it.
    pub(super) fn with_text(&self, text: &str) -> Zeroizing<Vec<u8>> {
        let bom = &self.bytes[..self.bytes.len() - self.text.len()];
        let mut bytes = Zeroizing::new(Vec::with_capacity(bom.len() + text.len()));
        bytes.extend_from_slice(bom);
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }
}

/// What a reader of a result sees. Where the text itself begins with a BOM, that one is gone then.
pub(super) fn as_read(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.strip_prefix(BOM).unwrap_or(text))
}
