//! Text that travels in one message and shows up nowhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret on its way through the socket: `Debug` prints a placeholder.
///
/// It is plain text in the message it belongs to, and only there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The caller must not print, log or store it in the clear.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Gives the text up to a type that guards it from here on.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}
