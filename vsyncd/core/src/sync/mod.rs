//! The worker's decisions: one state machine per checkout.
//!
//! [`Worker::handle`] takes one event and the time and answers with effects; nothing here waits,
//! reads or writes. A driver performs the effects and returns each outcome as an event that
//! carries the effect's operation number; an outcome whose number is no longer awaited changes
//! nothing.

mod agreement;
pub mod backoff;
pub mod effect;
pub mod event;
mod look;
pub mod problem;
mod pull;
mod push;
pub mod refusal;
pub mod report;
mod timers;
pub mod worker;

pub use effect::{Effect, Outcome, PublishPlan};
pub use event::{Command, CommandId, Event, Local, Now, OpId, PullMode, RemoteMark, RemotePointer};
pub use problem::{Problem, Verdict};
pub use refusal::{Cause, Refusal, Right};
pub use report::{Report, State};
pub use worker::{OnEdit, Policy, Worker};

#[cfg(test)]
mod tests;
