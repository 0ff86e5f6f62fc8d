//! Six formats, edited by byte span: only the bytes of managed values change, and what must be added.
//!
//! Every handler ends with the same check: the result is parsed again, every managed value has to be
//! what was asked for, and every other value what it was. A result that fails is not returned.

mod comma_list;
mod error;
mod ini;
mod json;
mod lines;
mod netrc;
mod places;
mod source;
mod splice;
mod text;
mod toml;
mod yaml;

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

pub use error::{MergeError, Position};

use super::key_path::KeyPath;

/// The largest file that is edited, in bytes.
pub const MAX: usize = 8 * 1024 * 1024;

/// A format of files that secrets are merged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2; the first document of a stream.
    Yaml,
    /// JSON, with comments and trailing commas where the file has them.
    Json,
    /// `[section]` and `key = value` lines.
    Ini,
    /// TOML 1.0.
    Toml,
    /// The whole file.
    Text,
    /// `machine … login … password …`
    Netrc,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] = [Self::Yaml, Self::Json, Self::Ini, Self::Toml, Self::Text, Self::Netrc];

    /// The word in a rules file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Ini => "ini",
            Self::Toml => "toml",
            Self::Text => "text",
            Self::Netrc => "netrc",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or(UnknownFormat)
    }
}

/// The word names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the format is not one of yaml, json, ini, toml, text, netrc")]
pub struct UnknownFormat;

/// How to merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// In yaml and json a null of the incoming data removes the key; otherwise it is a value.
    pub delete_nulls: bool,
}

/// What happens to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It had another value.
    Replaced,
    /// It is no longer there.
    Removed,
}

/// One place that a merge changes. It names no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The place. For what was added it is the topmost new place: with `a` not there before, setting
    /// `a.b.c` adds `a`, so that taking `a` out again gives the old file.
    pub path: KeyPath,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// The outcome of an edit.
#[derive(Clone, PartialEq, Eq)]
pub struct Merged {
    /// The whole file. Equal to the existing bytes when nothing changes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What changes, in the file's order; empty when nothing does.
    pub changes: Vec<Change>,
    /// The places of all the values that the incoming data manages (scalars and sequences, in netrc the
    /// fields, in text the root), changed or not. Empty after [`remove`].
    pub managed: Vec<KeyPath>,
}

impl fmt::Debug for Merged {
    /// Without the file's bytes: they hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merged")
            .field("changes", &self.changes)
            .field("managed", &self.managed)
            .finish_non_exhaustive()
    }
}

/// Merges `incoming`, a document of the same format, into `existing`; a file that does not exist is empty.
///
/// # Errors
/// [`MergeError`]; nothing of either document's content is in it. The file is to be left alone then.
pub fn merge(
    format: Format,
    existing: &[u8],
    incoming: &[u8],
    options: Options,
) -> Result<Merged, MergeError> {
    within(existing)?;
    within(incoming)?;
    match format {
        Format::Yaml => yaml::merge(existing, incoming, options),
        Format::Json => json::merge(existing, incoming, options),
        Format::Ini => ini::merge(existing, incoming),
        Format::Toml => toml::merge(existing, incoming),
        Format::Text => text::merge(existing, incoming),
        Format::Netrc => netrc::merge(existing, incoming),
    }
}

/// Takes these places out of the file, with all below them; places that are not there are passed over.
/// A path of a netrc entry may end at the machine or the login: the whole entry goes.
///
/// # Errors
/// [`MergeError`], as with [`merge`]. A text file has no places inside: its root cannot be taken out.
pub fn remove(format: Format, existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    within(existing)?;
    match format {
        Format::Yaml => yaml::remove(existing, places),
        Format::Json => json::remove(existing, places),
        Format::Ini => ini::remove(existing, places),
        Format::Toml => toml::remove(existing, places),
        Format::Text => text::remove(existing, places),
        Format::Netrc => netrc::remove(existing, places),
    }
}

fn within(bytes: &[u8]) -> Result<(), MergeError> {
    if bytes.len() > MAX { Err(MergeError::TooLarge { limit: MAX }) } else { Ok(()) }
}
