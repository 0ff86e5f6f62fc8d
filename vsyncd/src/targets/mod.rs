//! The places that `sync` sends secrets to, spoken to over HTTPS.
//!
//! A small trait; the engine above it (`repo::fanout`) parses, plans, remembers and reports.

pub mod aws;
pub mod azure;
pub mod bearer;
pub mod gcp;
pub mod gh;
pub mod hashicorp;
pub mod http;
pub mod link_local;
#[cfg(test)]
pub(crate) mod memory;
pub mod open;
pub mod own_file;
pub mod percent;
pub mod routing;
pub mod survey;
pub mod token_endpoint;
pub mod vendor_cli;

use std::collections::BTreeMap;

use async_trait::async_trait;
use vsync_core::secret::Secret;

/// What a target says about a secret without giving its value: a version number, an id, a time. Two
/// writes of a secret have different marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(pub String);

/// What a target tells of the secrets that were asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The secrets that exist, with their mark where the target tells one.
    pub present: BTreeMap<String, Option<Mark>>,
}

/// A secret to be written or taken away.
#[derive(Debug, Clone)]
pub enum Write {
    /// Create it, or give it a new value.
    Put {
        /// Its name.
        name: String,
        /// Its bytes.
        value: Secret<Vec<u8>>,
        /// Whether it exists already, as far as known.
        exists: bool,
        /// 32 hex digits that are the same for the same name, value and place on this machine, as long as
        /// it replaces the same: for targets that recognise a repeated write by such a token. (A value
        /// that comes back after another one is a new write and has another token.)
        token: String,
    },
    /// Take it away.
    Remove {
        /// Its name.
        name: String,
    },
}

impl Write {
    /// Whose.
    pub fn name(&self) -> &str {
        match self {
            Self::Put { name, .. } | Self::Remove { name } => name,
        }
    }

    /// The name alone.
    pub fn into_name(self) -> String {
        match self {
            Self::Put { name, .. } | Self::Remove { name } => name,
        }
    }
}

/// What became of one write.
#[derive(Debug)]
pub struct Done {
    /// Whose.
    pub name: String,
    /// The mark it has now, where the target tells one; `None` inside for a removal.
    pub outcome: Result<Option<Mark>, TargetError>,
}

/// A place for secrets.
#[async_trait]
pub trait Target: Send + Sync + std::fmt::Debug {
    /// What it is, for people: `GitHub environment prod of acme/web`. Also its identity: two places
    /// never have the same text.
    fn describe(&self) -> String;

    /// The place that the credential came from, for people: `GH_TOKEN`, `~/.vault-token`. Never a part
    /// of the credential.
    fn credential(&self) -> String;

    /// Whether [`Target::look`] reads the values anyway. Then `holds` is asked about every secret that is
    /// present, known or not, and costs no request: what others changed is found by its value.
    fn reads_values(&self) -> bool {
        false
    }

    /// Whether names that differ only by case are one secret there.
    fn folds_case(&self) -> bool {
        false
    }

    /// Secrets found by [`Target::look`] that nobody asked about and that this run takes away, because it
    /// was told to replace everything. [`Target::apply`] does it with its first write; a
    /// [`Write::Remove`] for each shows them in the plan and takes them away also when nothing else is
    /// written.
    fn others(&self) -> Vec<String> {
        Vec::new()
    }

    /// Asks about these secrets, or says why nothing can be written: the first request of a run. It
    /// proves the credential and the routing.
    ///
    /// # Errors
    /// [`TargetError`].
    async fn look(&self, names: &[String]) -> Result<Seen, TargetError>;

    /// Whether the secret holds this value now; `None` where the target does not tell. Asked about
    /// secrets of which nothing is known here; and about all where [`Target::reads_values`].
    ///
    /// # Errors
    /// [`TargetError`]; one that means "not allowed to read" is `Ok(None)` instead.
    async fn holds(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<bool>, TargetError> {
        let _ = (name, value);
        Ok(None)
    }

    /// Writes, at most eight requests at a time, and reports each write once through `done` as soon as it
    /// is settled. A write whose answer was lost is settled by looking, never by a blind repetition.
    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync));
}

/// Why a target did not do what was asked. No text holds a value or a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No credential was found; the text lists where was looked.
    #[error("no credential for {target}: looked at {looked}")]
    NoCredential {
        /// The kind of target.
        target: &'static str,
        /// The places, in order.
        looked: String,
    },
    /// The credential is refused or does not allow it.
    #[error("{target} refuses: {what}")]
    Denied {
        /// The place.
        target: String,
        /// What was refused, with the status.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The place does not exist: repository, environment, project, vault, mount.
    #[error("{target} is not there: {what}")]
    Missing {
        /// The place.
        target: String,
        /// What is missing.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
    /// No usable answer, also after retries.
    #[error("{target} cannot be reached: {what}")]
    Unreachable {
        /// The place.
        target: String,
        /// What happened.
        what: String,
    },
    /// A routing setting is missing or of no use.
    #[error("{what}")]
    Routing {
        /// What is missing.
        what: String,
        /// The flag, the saved setting and the key of the env file.
        hint: String,
    },
    /// Somebody else wrote at the same time.
    #[error("{target} was changed by somebody else meanwhile")]
    Conflict {
        /// The place.
        target: String,
    },
    /// It said something else.
    #[error("{target} failed: {what}")]
    Failed {
        /// The place.
        target: String,
        /// What it said, reduced to what may be shown.
        what: String,
        /// What to do.
        hint: Option<String>,
    },
}
