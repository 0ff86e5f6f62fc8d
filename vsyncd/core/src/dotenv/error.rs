//! Why an env file is not used.

use std::fmt;

use super::Unreadable;

/// Why an env file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DotenvError {
    /// A line is not UTF-8.
    #[error("line {line} of the env file is not valid UTF-8")]
    NotText {
        /// The line, from 1.
        line: usize,
    },
    /// Several keys give the same name; all such names of the file.
    #[error(
        "parseEnvFile: aborting sync — {} name(s) would come from more than one line:{}",
        .0.len(),
        Bullets(.0)
    )]
    Conflicts(Vec<Conflict>),
    /// Referenced files that could not be read; all of the file, in its order.
    #[error(
        "parseEnvFile: aborting sync — {} file reference(s) could not be resolved:{}",
        .0.len(),
        Bullets(.0)
    )]
    Unresolved(Vec<Unresolved>),
}

/// One name that several keys of the file give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The name in the target.
    pub name: String,
    /// The lines, from 1, with the key on each.
    pub lines: Vec<(usize, String)>,
}

/// A reference whose file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The key as it stands in the file.
    pub key: String,
    /// The line, from 1.
    pub line: usize,
    /// Where the file was looked for.
    pub path: String,
    /// Why it was not read.
    pub why: Unreadable,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        for (nth, (line, key)) in self.lines.iter().enumerate() {
            let between = if nth == 0 { "" } else { ", " };
            write!(f, "{between}line {line} ({key})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, path, .. } = self;
        match &self.why {
            Unreadable::NotFound => write!(f, "{key}: file not found at {path}"),
            Unreadable::NotAFile(what) => write!(f, "{key}: error reading {path}: it is {what}, not a file"),
            Unreadable::TooLarge { limit } => {
                write!(f, "{key}: error reading {path}: larger than the {limit} bytes that the target takes")
            }
            Unreadable::Other(why) => write!(f, "{key}: error reading {path}: {why}"),
        }
    }
}

/// Each on a line of its own.
struct Bullets<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Bullets<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|item| write!(f, "\n- {item}"))
    }
}
