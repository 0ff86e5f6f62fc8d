//! Notifications: what the daemon says while a request is not finished.

use serde::{Deserialize, Serialize};

use crate::codec::Id;
use crate::response::SyncStep;
use crate::status::PairStatus;

/// The method of [`Progress`] notifications.
pub const PROGRESS: &str = "progress";
/// The method of [`Part`] notifications.
pub const PART: &str = "part";
/// The method of [`StatusEvent`] notifications.
pub const STATUS_EVENT: &str = "status_event";

/// The method of [`Plan`] notifications.
pub const PLAN: &str = "plan";

/// What [`Progress::done`] and [`Progress::total`] count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Files.
    Files,
    /// Secrets.
    Secrets,
}

/// How far a long verb is. A new stage starts at zero again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The request it belongs to.
    pub id: Id,
    /// What is being done, a word or two for people: `scan`, `encrypt`, `upload`.
    pub stage: String,
    /// How much is done.
    pub done: u64,
    /// How much there is, if known.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Unit,
}

/// A piece of a long answer's JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The request it belongs to.
    pub id: Id,
    /// Its place, from 0, without gaps.
    pub seq: u64,
    /// The piece, cut between characters.
    pub text: String,
}

/// The final result of an answer that came in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// How many there were.
    pub parts: u64,
}

/// A pair's state, sent once per change to those who subscribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEvent {
    /// The state now, or the last one when the pair is gone.
    pub pair: PairStatus,
    /// True when the checkout is not looked after any more.
    #[serde(default)]
    pub gone: bool,
}

/// What a `sync` is about to do; sent once, before anything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The request it belongs to.
    pub id: Id,
    /// The place, for people.
    pub target: String,
    /// Which keys name files and which stay here, for people.
    pub policy: String,
    /// Where the credential came from; never the credential.
    pub credential: String,
    /// What is done with each secret.
    pub steps: Vec<SyncStep>,
}

/// Any notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// [`PROGRESS`].
    Progress(Progress),
    /// [`PART`].
    Part(Part),
    /// [`STATUS_EVENT`].
    Status(Box<StatusEvent>),
    /// [`PLAN`].
    Plan(Plan),
}
