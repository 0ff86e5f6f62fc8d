//! What the server knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Role, TOKEN};

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
    pub(super) given: usize,
    pub(super) tokens_last: Option<usize>,
    tokens: BTreeSet<String>,
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
            given: 0,
            tokens_last: None,
            tokens: BTreeSet::from([TOKEN.to_owned()]),
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

    /// A token that is accepted from now on.
    pub(super) fn give_token(&mut self) -> String {
        self.given += 1;
        let token = format!("ya29.given-number-{}", self.given);
        self.tokens.insert(token.clone());
        token
    }

    /// Whether a request carries a token that is still good.
    pub(super) fn accepts(&mut self, authorization: &str) -> bool {
        if let Some(left) = self.tokens_last {
            match left.checked_sub(1) {
                Some(fewer) => self.tokens_last = Some(fewer),
                None => {
                    self.tokens.clear();
                    self.tokens_last = None;
                }
            }
        }
        authorization.strip_prefix("Bearer ").is_some_and(|token| self.tokens.contains(token))
    }
}
