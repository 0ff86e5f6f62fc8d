//! Why a run sent nothing.

use vsync_core::dotenv::DotenvError;
use vsync_core::fanout::plan::Refusal;
use vsync_core::sync::Problem;

use crate::targets::TargetError;

/// Why a run sent nothing. No text holds a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FanoutError {
    /// There is no env file.
    #[error("there is no {name} in {folder}")]
    NoEnvFile {
        /// Its name.
        name: String,
        /// The vault folder.
        folder: String,
    },
    /// It cannot be read.
    #[error("{name} cannot be read: {why}")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why not.
        why: String,
    },
    /// It says something that makes no sense, or refers to files that cannot be read.
    #[error(transparent)]
    Content(#[from] DotenvError),
    /// The target's rules forbid these.
    #[error("{target} does not take {} of the secrets; nothing was sent", .refusals.len())]
    Refused {
        /// The kind of target.
        target: &'static str,
        /// All of them, in the file's order.
        refusals: Vec<Refusal>,
    },
    /// The target said so.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// This machine stands in the way.
    #[error(transparent)]
    Here(#[from] Problem),
}

/// What to do about a target's error.
pub fn hint_of(error: &TargetError) -> Option<&str> {
    match error {
        TargetError::Denied { hint, .. }
        | TargetError::Missing { hint, .. }
        | TargetError::Failed { hint, .. } => hint.as_deref(),
        TargetError::Routing { hint, .. } => Some(hint),
        TargetError::NoCredential { .. } | TargetError::Unreachable { .. } | TargetError::Conflict { .. } => {
            None
        }
    }
}
