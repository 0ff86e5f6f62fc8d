//! How answers look: for people, and as JSON.

pub(crate) mod age;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod text;
