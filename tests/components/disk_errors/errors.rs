//! The errors of a disk, and what has to be said of each.

use serde_json::Value;

/// One error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk {
    /// As strace calls it.
    pub(crate) name: &'static str,
    /// Its number on Linux.
    pub(crate) number: i32,
    /// What the system says, which the message has to pass on.
    said: &'static str,
    /// The error word.
    word: &'static str,
    /// Part of the hint.
    hint: &'static str,
}

/// What a write can meet.
pub(crate) const ALL: [Disk; 5] = [
    Disk { name: "ENOSPC", number: 28, said: "No space left", word: "disk_full", hint: "space" },
    Disk { name: "EIO", number: 5, said: "Input/output error", word: "io", hint: "disk" },
    Disk { name: "EROFS", number: 30, said: "Read-only file system", word: "io", hint: "read-only" },
    Disk { name: "EDQUOT", number: 122, said: "quota exceeded", word: "disk_full", hint: "quota" },
    Disk { name: "EMFILE", number: 24, said: "Too many open files", word: "io", hint: "open files" },
];

impl Disk {
    /// What is wrong with a verb's answer to this error, if anything is.
    pub(crate) fn misjudged(&self, code: i32, answer: &Value) -> Option<String> {
        let error = &answer["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let good = code == 1
            && text("code") == self.word
            && text("hint").contains(self.hint)
            && answer.to_string().to_lowercase().contains(&self.said.to_lowercase());
        (!good).then(|| format!("{}: exit {code}, {error}", self.name))
    }
}
