//! Placeholder.

use super::{MergeError, Merged};
use crate::rules::key_path::KeyPath;

const NOT_YET: MergeError = MergeError::TooLarge { limit: 0 };

pub(super) fn merge(_: &[u8], _: &[u8]) -> Result<Merged, MergeError> {
    Err(NOT_YET)
}

pub(super) fn remove(_: &[u8], _: &[KeyPath]) -> Result<Merged, MergeError> {
    Err(NOT_YET)
}
