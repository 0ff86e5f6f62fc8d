//! A server that plays AWS Secrets Manager as far as single secrets need it: versions, stages, idempotency
//! tokens, deletion with a recovery window. It checks the signature of every request. Names of errors and
//! messages are those of the service; `tests/components/aws.sh` runs the target against moto besides.

mod api;
mod signature;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::http::{HttpServer, Locked};

pub use signature::signed;

/// The region that signatures must name.
pub const REGION: &str = "eu-central-1";
/// The key that is accepted, and its secret.
pub const KEY: (&str, &str) = ("AKIDBENCHBENCHBENCH1", "bench/secret/bench/secret/bench/secret/1");

/// The content of a version: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `SecretString`.
    Text(String),
    /// `SecretBinary`, decoded.
    Binary(Vec<u8>),
}

#[derive(Debug, Default)]
struct Secret {
    /// Ids and contents, the oldest first. The last one written is current.
    versions: Vec<(String, Content)>,
    deleted: bool,
}

#[derive(Debug, Default)]
struct State {
    secrets: BTreeMap<String, Secret>,
    readers_only: bool,
    blind: bool,
    expired: bool,
    expires_after: Option<usize>,
}

/// The running server.
#[derive(Debug)]
pub struct SecretsManager {
    server: HttpServer,
    api: Arc<Locked<State>>,
}

impl SecretsManager {
    /// Starts an empty server.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start() -> Self {
        let api = Locked::new(State::default(), api::answer);
        Self { server: HttpServer::start(Arc::<Locked<State>>::clone(&api)), api }
    }

    /// What is under the API: its URL, its counters and its faults.
    pub fn http(&self) -> &HttpServer {
        &self.server
    }

    /// The address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The current content of a secret.
    pub fn secret(&self, name: &str) -> Option<Content> {
        Some(self.api.state().secrets.get(name)?.versions.last()?.1.clone())
    }

    /// How many versions a secret has.
    pub fn versions(&self, name: &str) -> usize {
        self.api.state().secrets.get(name).map_or(0, |secret| secret.versions.len())
    }

    /// The names of the secrets that are not deleted, sorted.
    pub fn names(&self) -> Vec<String> {
        let state = self.api.state();
        state.secrets.iter().filter(|(_, one)| !one.deleted).map(|(name, _)| name.clone()).collect()
    }

    /// Writes a version past the API, as somebody else would.
    pub fn set_secret(&self, name: &str, content: Content) {
        let mut state = self.api.state();
        let versions = &mut state.secrets.entry(name.to_owned()).or_default().versions;
        let id = format!("00000000-0000-4000-8000-{:012}", versions.len());
        versions.push((id, content));
    }

    /// Schedules a secret for deletion, or brings it back.
    pub fn schedule_deletion(&self, name: &str, deleted: bool) {
        if let Some(secret) = self.api.state().secrets.get_mut(name) {
            secret.deleted = deleted;
        }
    }

    /// Lets the key only describe and read, or do everything again.
    pub fn readers_only(&self, only: bool) {
        self.api.state().readers_only = only;
    }

    /// Keeps the key from reading values.
    pub fn blind(&self, blind: bool) {
        self.api.state().blind = blind;
    }

    /// Refuses the key as expired from the `count`-th request after this one on.
    pub fn expire_after(&self, count: usize) {
        self.api.state().expires_after = Some(count);
    }

    /// Takes the key again.
    pub fn renew(&self) {
        let mut state = self.api.state();
        (state.expired, state.expires_after) = (false, None);
    }
}

#[cfg(test)]
mod tests;
