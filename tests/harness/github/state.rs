//! What the server knows.

use std::collections::BTreeMap;

use dryoc::classic::crypto_box::{PublicKey, SecretKey, crypto_box_keypair, crypto_box_seal_open};
use dryoc::constants::CRYPTO_BOX_SEALBYTES;

use super::TOKEN;

/// A secret as it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its bytes.
    pub value: Vec<u8>,
    /// When it was made.
    pub created_at: String,
    /// When it was last written, to the second.
    pub updated_at: String,
    /// How often it was written.
    pub writes: usize,
}

impl Sealed {
    /// Writes a value; true when there was none before.
    pub(super) fn put(all: &mut BTreeMap<String, Self>, name: &str, value: Vec<u8>, at: &str) -> bool {
        let name = name.to_uppercase();
        match all.get_mut(&name) {
            Some(secret) => {
                *secret =
                    Self { value, updated_at: at.to_owned(), writes: secret.writes + 1, ..secret.clone() };
                false
            }
            None => {
                let at = at.to_owned();
                all.insert(name, Self { value, created_at: at.clone(), updated_at: at, writes: 1 });
                true
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) repository: String,
    pub(super) hidden: bool,
    pub(super) token: Option<String>,
    pub(super) token_lasts: Option<usize>,
    pub(super) environments: BTreeMap<String, BTreeMap<String, Sealed>>,
    pub(super) environment_writes: usize,
    pub(super) frozen: bool,
    repository_secrets: BTreeMap<String, Sealed>,
    keys: (PublicKey, SecretKey),
    key_number: u64,
    seconds: u64,
}

impl State {
    pub(super) fn new(repository: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            hidden: false,
            token: Some(TOKEN.to_owned()),
            token_lasts: None,
            environments: BTreeMap::new(),
            environment_writes: 0,
            frozen: false,
            repository_secrets: BTreeMap::new(),
            keys: crypto_box_keypair(),
            key_number: 568_250_167_242_549_743,
            seconds: 0,
        }
    }

    pub(super) fn secrets(&self, environment: Option<&str>) -> Option<&BTreeMap<String, Sealed>> {
        match environment {
            Some(name) => self.environments.get(name),
            None => Some(&self.repository_secrets),
        }
    }

    pub(super) fn secrets_mut(&mut self, environment: Option<&str>) -> Option<&mut BTreeMap<String, Sealed>> {
        match environment {
            Some(name) => self.environments.get_mut(name),
            None => Some(&mut self.repository_secrets),
        }
    }

    pub(super) fn rotate_key(&mut self) {
        self.keys = crypto_box_keypair();
        self.key_number += 1;
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.keys.0
    }

    pub(super) fn key_id(&self) -> String {
        self.key_number.to_string()
    }

    /// What is in a sealed box; `None` when it is none for this key.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut value = vec![0; sealed.len().checked_sub(CRYPTO_BOX_SEALBYTES)?];
        crypto_box_seal_open(&mut value, sealed, &self.keys.0, &self.keys.1).ok()?;
        Some(value)
    }

    /// The time of a write, as GitHub writes it.
    pub(super) fn next_time(&mut self) -> String {
        if !self.frozen {
            self.seconds += 1;
        }
        let (minutes, second) = (self.seconds / 60, self.seconds % 60);
        let (hours, minute) = (minutes / 60, minutes % 60);
        format!("2026-01-{:02}T{:02}:{minute:02}:{second:02}Z", hours / 24 + 1, hours % 24)
    }

    /// Whether the token is the one that is accepted.
    pub(super) fn accepts(&mut self, authorization: &str) -> bool {
        if let Some(left) = &mut self.token_lasts {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => self.token = None,
            }
        }
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
        known && self.token.as_deref() == Some(token)
    }
}
