//! Lines that are added to a file.

use zeroize::Zeroizing;

/// Lines that are added together.
pub(super) struct Block {
    text: Zeroizing<String>,
    end: &'static str,
}

impl Block {
    /// None yet; each will end so.
    pub(super) fn new(end: &'static str) -> Self {
        Self { text: Zeroizing::new(String::new()), end }
    }

    /// Adds one.
    pub(super) fn line(&mut self, line: &str) {
        let needed = self.text.len() + line.len() + self.end.len();
        if needed > self.text.capacity() {
            let mut roomier = Zeroizing::new(String::with_capacity(2 * needed));
            roomier.push_str(&self.text);
            self.text = roomier;
        }
        self.text.push_str(line);
        self.text.push_str(self.end);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Each with its end.
    pub(super) fn closed(self) -> Zeroizing<String> {
        self.text
    }

    /// With a line end in front and none at the end.
    pub(super) fn opened(self) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(self.text.len()));
        out.push_str(self.end);
        out.push_str(self.text.strip_suffix(self.end).unwrap_or(&self.text));
        out
    }
}
