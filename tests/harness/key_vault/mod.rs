//! A server that plays an Azure key vault after its REST reference (7.4), the token endpoint of Entra ID and
//! the services that tell a machine its identity: versions, pages of 25, soft deletion, the challenge of a
//! request without a good token.

mod api;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::{HttpServer, Received, Reply, Service};

/// The directory, the application and its secret.
pub const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// The application.
pub const CLIENT: &str = "66666666-7777-4888-8999-aaaaaaaaaaaa";
/// Its secret.
pub const CLIENT_SECRET: &str = "bench~client~secret";
/// What the service beside an app wants to hear.
pub const IDENTITY_HEADER: &str = "bench-identity-header";

#[derive(Debug, Default)]
struct Entry {
    /// Values and when they were written, the oldest first.
    versions: Vec<(String, u64)>,
    deleted: bool,
}

#[derive(Debug, Default)]
struct State {
    /// By name in lower case.
    secrets: BTreeMap<String, Entry>,
    url: String,
    tokens: BTreeSet<String>,
    given: usize,
    tokens_last: Option<usize>,
    writers_only: bool,
    stranger: bool,
    link: Option<String>,
    seconds: u64,
}

#[derive(Debug, Default)]
struct Api(Mutex<State>);

impl Api {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Api {
    fn answer(&self, request: &Received) -> Reply {
        api::answer(&mut self.state(), request)
    }
}

/// The running server.
#[derive(Debug)]
pub struct KeyVault {
    server: HttpServer,
    api: Arc<Api>,
}

impl KeyVault {
    /// Starts an empty vault.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start() -> Self {
        let api = Arc::new(Api::default());
        let server = HttpServer::start(Arc::<Api>::clone(&api));
        api.state().url = server.url();
        Self { server, api }
    }

    /// What is under the API: its URL, its counters and its faults.
    pub fn http(&self) -> &HttpServer {
        &self.server
    }

    /// The address of the vault, of logins and of the identity services.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How many tokens were given out.
    pub fn tokens_given(&self) -> usize {
        self.api.state().given
    }

    /// Refuses every token known so far from the `count`-th request after this one on (0: at once).
    pub fn expire_tokens(&self, count: usize) {
        self.api.state().tokens_last = Some(count);
    }

    /// Keeps the credential from reading values.
    pub fn writers_only(&self, only: bool) {
        self.api.state().writers_only = only;
    }

    /// Lets the credential do nothing at all.
    pub fn stranger(&self, stranger: bool) {
        self.api.state().stranger = stranger;
    }

    /// Lets every page of the list point to this address.
    pub fn point_to(&self, link: &str) {
        self.api.state().link = Some(link.to_owned());
    }

    /// The current value.
    pub fn secret(&self, name: &str) -> Option<String> {
        let state = self.api.state();
        let entry = state.secrets.get(&name.to_lowercase()).filter(|entry| !entry.deleted)?;
        Some(entry.versions.last()?.0.clone())
    }

    /// How many versions a secret has.
    pub fn versions(&self, name: &str) -> usize {
        self.api.state().secrets.get(&name.to_lowercase()).map_or(0, |entry| entry.versions.len())
    }

    /// The names of the secrets that are not deleted, in lower case, sorted.
    pub fn names(&self) -> Vec<String> {
        let state = self.api.state();
        state.secrets.iter().filter(|(_, one)| !one.deleted).map(|(name, _)| name.clone()).collect()
    }

    /// Writes past the API, as somebody else would.
    pub fn set_secret(&self, name: &str, value: &str) {
        self.api.state().put(name, value);
    }

    /// Deletes softly, or recovers.
    pub fn delete(&self, name: &str, deleted: bool) {
        if let Some(entry) = self.api.state().secrets.get_mut(&name.to_lowercase()) {
            entry.deleted = deleted;
        }
    }
}

impl State {
    /// Writes a version; returns its number and its time, each a second after the last.
    fn put(&mut self, name: &str, value: &str) -> (usize, u64) {
        self.seconds += 1;
        let at = 1_767_225_600 + self.seconds;
        let entry = self.secrets.entry(name.to_lowercase()).or_default();
        entry.versions.push((value.to_owned(), at));
        (entry.versions.len(), at)
    }

    fn give_token(&mut self) -> String {
        self.given += 1;
        let token = format!("eyJ0.bench.number-{}", self.given);
        self.tokens.insert(token.clone());
        token
    }

    fn accepts(&mut self, authorization: &str) -> bool {
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

#[cfg(test)]
mod tests;
