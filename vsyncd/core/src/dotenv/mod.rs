//! The env file: lines, placeholders, file references, and which keys are pushed.
//!
//! The format is that of the 0.6 specification of the older client (`docs/env-file.md` describes it for
//! users): `KEY=value` lines, `~/`, `${HOME}` and `${VAULT_ROOT}` in values, and keys ending in `_PATH` or
//! `_FILE` whose value names a file that holds the secret.

mod error;
mod line;
mod parsed;
mod placeholder;
mod policy;
#[cfg(test)]
mod properties;
mod reference;

pub use error::{Conflict, DotenvError, Unresolved};
pub use parsed::{Assignment, Entry, Parsed, Value, Warning};
pub use policy::Policy;
pub use reference::Unreadable;
