//! A server that plays an Azure key vault after its REST reference (7.4), the token endpoint of Entra ID and
//! the services that tell a machine its identity: versions, pages of 25, soft deletion, the challenge of a
//! request without a good token.

mod api;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::http::{HttpServer, Locked, Tokens};

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
    tokens: Tokens,
    writers_only: bool,
    stranger: bool,
    link: Option<String>,
    seconds: u64,
}

/// The running server.
#[derive(Debug)]
pub struct KeyVault {
    server: HttpServer,
    api: Arc<Locked<State>>,
}

impl KeyVault {
    /// Starts an empty vault.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start() -> Self {
        let api = Locked::new(State::default(), api::answer);
        let server = HttpServer::start(Arc::<Locked<State>>::clone(&api));
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
        self.api.state().tokens.given()
    }

    /// Refuses every token known so far from the `count`-th request after this one on (0: at once).
    pub fn expire_tokens(&self, count: usize) {
        self.api.state().tokens.expire_after(count);
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
}

#[cfg(test)]
mod tests;
