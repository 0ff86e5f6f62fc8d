//! The audit file `audit.csv`: one row per action, for people and spreadsheets.
//!
//! RFC 4180 with a header. Columns are found by their names; columns of others are kept.

mod append;
mod meta;
mod read;
#[cfg(test)]
mod tests;

pub use append::{AuditError, append};
pub use meta::{META_MAX, Meta, MetaError, merge_meta};
pub use read::{ReadRow, read};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::version::Version;

/// The columns of a file that this product starts, in their order.
pub const COLUMNS: [&str; 10] = [
    "ts",
    "action",
    "version_ts",
    "hostname",
    "local_ip",
    "os_user",
    "git_email",
    "vsync_version",
    "bun_version",
    "meta",
];

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A folder was published; also a rollback, with `rollback_of` in its meta.
    Push,
    /// A version was put into a folder, by a person or in the background.
    Pull,
    /// A share file was read.
    Import,
    /// A share file was written.
    Export,
    /// The key was changed.
    Rotate,
    /// Secrets were sent to another service.
    Sync,
}

impl Action {
    /// The word in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Import => "import",
            Self::Export => "export",
            Self::Rotate => "rotate",
            Self::Sync => "sync",
        }
    }
}

/// A row to be written. Rows that could not be sent yet wait on disk in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// When, written to the millisecond.
    pub ts: Timestamp,
    /// What.
    pub action: Action,
    /// The version it was done to.
    pub version: Option<Version>,
    /// The machine.
    pub hostname: String,
    /// Its address in the local network.
    pub local_ip: String,
    /// The user's name on it.
    pub os_user: String,
    /// The user's address as git knows it.
    pub git_email: String,
    /// The program's version.
    pub vsync_version: String,
    /// What was given with the action; an empty one leaves its cell empty.
    pub meta: Meta,
}

impl Row {
    /// The cell of a column; empty for a column that is not ours, and always for `bun_version`,
    /// which belongs to the older client.
    fn cell(&self, column: &str) -> String {
        match column {
            "ts" => format!("{:.3}", self.ts),
            "action" => self.action.as_str().to_owned(),
            "version_ts" => self.version.map(|version| version.to_string()).unwrap_or_default(),
            "hostname" => self.hostname.clone(),
            "local_ip" => self.local_ip.clone(),
            "os_user" => self.os_user.clone(),
            "git_email" => self.git_email.clone(),
            "vsync_version" => self.vsync_version.clone(),
            "meta" => meta::cell(&self.meta),
            _ => String::new(),
        }
    }
}
