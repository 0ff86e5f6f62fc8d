//! What the server knows.

use std::collections::BTreeMap;

use super::{Role, TOKEN};
use crate::http::Tokens;

/// A version of a secret.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) value: Vec<u8>,
    pub(super) state: &'static str,
    pub(super) created: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) secrets: BTreeMap<String, Vec<Version>>,
    pub(super) role: Role,
    pub(super) disabled: bool,
    pub(super) forget_checksums: bool,
    pub(super) corrupt: bool,
    pub(super) token_uri: String,
    pub(super) tokens: Tokens,
    writes: usize,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            secrets: BTreeMap::new(),
            role: Role::Admin,
            disabled: false,
            forget_checksums: false,
            corrupt: false,
            token_uri: String::new(),
            tokens: Tokens::with(TOKEN),
            writes: 0,
        }
    }

    /// Adds a version and returns its number.
    pub(super) fn add(&mut self, name: &str, value: Vec<u8>) -> usize {
        self.writes += 1;
        let created = format!("2026-01-01T00:{:02}:{:02}.123456Z", self.writes / 60, self.writes % 60);
        let versions = self.secrets.entry(name.to_owned()).or_default();
        versions.push(Version { value, state: "ENABLED", created });
        versions.len()
    }
}
