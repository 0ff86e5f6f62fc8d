//! `vsyncd.yaml`: the daemon's own settings. Everything is optional; an unknown key is an error,
//! because a misspelt setting that does nothing is worse. `docs/settings.md` describes each key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use vsync_core::id::Pair;

use super::pair_settings::{PairSettings, Policy, pairs};
use super::trusted::{self, Untrusted};
use super::values::{Size, absolute_path, duration, duration_value};

/// Overrides `poll.interval`, and every pair's.
pub const POLL_INTERVAL_VAR: &str = "VSYNC_POLL_INTERVAL";
/// Overrides `key_store`.
pub const KEY_STORE_VAR: &str = "VSYNC_KEY_STORE";
/// No settings file is larger than this, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// All settings, defaults filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a map of settings")]
pub struct Settings {
    /// When to look without being told.
    pub poll: Poll,
    /// Where the keys of new pairs are kept.
    pub key_store: KeyStoreKind,
    /// What a bundle may have at most.
    pub limits: Limits,
    /// What stays of replaced folders.
    pub keep_replaced: KeepReplaced,
    /// Backups.
    pub backups: Backups,
    /// Whom TLS trusts.
    pub tls: Tls,
    /// What an edit in a folder does.
    pub on_edit: OnEdit,
    /// What a new version does while the folder has edits of its own.
    pub on_conflict: OnConflict,
    /// Settings of single pairs.
    #[serde(deserialize_with = "pairs")]
    pub pairs: BTreeMap<Pair, PairSettings>,
}

/// When to look without being told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a map of settings")]
pub struct Poll {
    /// Between two looks at a pair's pointer.
    #[serde(deserialize_with = "duration_value")]
    pub interval: Duration,
    /// Between two full scans of a folder.
    #[serde(deserialize_with = "duration_value")]
    pub rescan: Duration,
}

/// What a bundle may have at most; larger ones are refused whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a map of settings")]
pub struct Limits {
    /// Encrypted size.
    pub bundle: Size,
    /// Size of all files together.
    pub uncompressed: Size,
    /// Files and folders.
    pub entries: u64,
}

/// Whom TLS trusts, besides the system's own certificate authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a map of settings")]
pub struct Tls {
    /// A file of certificates in PEM form, absolute.
    #[serde(deserialize_with = "absolute_path")]
    pub ca_file: Option<PathBuf>,
}

/// How long a replaced folder stays beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct KeepReplaced(#[serde(deserialize_with = "duration_value")] pub Duration);

/// Backups.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a map of settings")]
pub struct Backups {
    /// How many of the newest are kept per pair; content that was never published does not count.
    pub keep: u32,
}

/// Where a key is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStoreKind {
    /// The keychain of the operating system.
    #[default]
    Keychain,
    /// Files that only this user can read.
    File,
}

/// What an edit in a folder does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnEdit {
    /// Status shows it.
    #[default]
    Status,
    /// It is published after a quiet moment.
    Push,
}

/// What a new version does while the folder has edits of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// It waits; nothing is overwritten.
    #[default]
    Hold,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file may not be trusted or read.
    #[error(transparent)]
    File(#[from] Untrusted),
    /// The text is not what it should be.
    #[error("{}{}: {message}", path.display(), place(*line, *column))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 when unknown.
        line: usize,
        /// Column, from 1; 0 when unknown.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// An environment variable has a value it cannot have.
    #[error("{name}: {message}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
}

impl Default for Poll {
    fn default() -> Self {
        Self { interval: Duration::from_secs(15), rescan: Duration::from_secs(180) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { bundle: Size(256 << 20), uncompressed: Size(1 << 30), entries: 65_536 }
    }
}

impl Default for KeepReplaced {
    fn default() -> Self {
        Self(Duration::from_secs(60))
    }
}

impl Default for Backups {
    fn default() -> Self {
        Self { keep: 20 }
    }
}

impl fmt::Display for KeyStoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keychain => "keychain",
            Self::File => "file",
        })
    }
}

impl FromStr for KeyStoreKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "keychain" => Ok(Self::Keychain),
            "file" => Ok(Self::File),
            _ => Err(format!("'{text}' is not a key store: keychain or file")),
        }
    }
}

impl Settings {
    /// Reads the file; defaults when there is none. A file that others can read is logged.
    ///
    /// # Errors
    /// [`SettingsError`], with file, line and column where they are known.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let Some(file) = trusted::read(path, FILE_LIMIT)? else { return Ok(Self::default()) };
        if let Some(warning) = file.warning {
            tracing::warn!("{warning}");
        }
        Self::parse(&file.bytes).map_err(|(line, column, message)| SettingsError::Invalid {
            path: path.to_owned(),
            line,
            column,
            message,
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, (usize, usize, String)> {
        let text = std::str::from_utf8(bytes).map_err(|bad| {
            (bytes[..bad.valid_up_to()].split(|b| *b == b'\n').count(), 1, "not UTF-8".to_owned())
        })?;
        // A file of comments alone is an empty document, which is no map.
        let read: Option<Self> = yaml_serde::from_str(text).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            (line, column, explain(&error.to_string()))
        })?;
        Ok(read.unwrap_or_default())
    }

    /// Applies the environment variables that override the file.
    ///
    /// # Errors
    /// [`SettingsError::Variable`] when one of them makes no sense.
    pub fn with_env(mut self, get: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingsError> {
        let bad = |name| move |message| SettingsError::Variable { name, message };
        let text = |name: &str| get(name).map(|value| value.to_string_lossy().into_owned());
        if let Some(value) = text(POLL_INTERVAL_VAR) {
            self.poll.interval = duration(&value).map_err(bad(POLL_INTERVAL_VAR))?;
            self.pairs.values_mut().for_each(|pair| pair.poll_interval = None);
        }
        if let Some(value) = text(KEY_STORE_VAR) {
            self.key_store = value.parse().map_err(bad(KEY_STORE_VAR))?;
        }
        Ok(self)
    }

    /// What holds for one pair: its own settings over the daemon-wide ones.
    pub fn policy(&self, pair: &Pair) -> Policy {
        let own = self.pairs.get(pair).cloned().unwrap_or_default();
        Policy {
            on_edit: own.on_edit.unwrap_or(self.on_edit),
            on_conflict: own.on_conflict.unwrap_or(self.on_conflict),
            poll_interval: own.poll_interval.unwrap_or(self.poll.interval),
            file_mode: own.file_mode.map(|mode| mode.0),
            dir_mode: own.dir_mode.map(|mode| mode.0),
            owner: own.owner,
            group: own.group,
        }
    }
}

/// Turns the parser's text for an unknown word into one with a suggestion. The parser hands over
/// text only: "unknown field `a`, expected one of `b`, `c`".
fn explain(message: &str) -> String {
    // The place is printed in front.
    let message = message.rsplit_once(" at line ").map_or(message, |(text, _)| text);
    let mut words = message.split('`').skip(1).step_by(2);
    let what = if message.contains("unknown field `") {
        "key"
    } else if message.contains("unknown variant `") {
        "value"
    } else {
        return message.to_owned();
    };
    let Some(word) = words.next() else { return message.to_owned() };
    let under = message.split_once(": unknown ").map_or(String::new(), |(path, _)| format!(" in '{path}'"));
    let known: Vec<&str> = words.collect();
    let closest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .filter(|(distance, known)| *distance <= 2.max(known.len() / 3))
        .min();
    match closest {
        Some((_, closest)) => format!("unknown {what} '{word}'{under}; did you mean '{closest}'?"),
        None => format!("unknown {what} '{word}'{under}; possible: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
