//! A server that plays GitHub's REST API as far as Actions secrets need it: repositories, environments,
//! public keys, sealed secrets, pages of a hundred, the token check. It opens every sealed box with the
//! private key, so that a test sees the bytes that a workflow would see.
//!
//! It answers below `/` and below `/api/v3`, as github.com and GitHub Enterprise do. Names, statuses and
//! messages are those of GitHub's published API description.

mod api;
mod state;

use std::sync::Arc;

use crate::http::{HttpServer, Locked};

pub use state::Sealed;

use state::State;

/// The token that is accepted, until [`GitHubServer::expire_token`].
pub const TOKEN: &str = "ghp_benchbenchbenchbenchbenchbenchbench1";

/// The running server.
#[derive(Debug)]
pub struct GitHubServer {
    server: HttpServer,
    api: Arc<Locked<State>>,
}

impl GitHubServer {
    /// Starts a server with one repository, which has no environments and no secrets.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start(repository: &str) -> Self {
        let api = Locked::new(State::new(repository), api::answer);
        Self { server: HttpServer::start(Arc::<Locked<State>>::clone(&api)), api }
    }

    /// What is under the API: its URL, its counters and its faults.
    pub fn http(&self) -> &HttpServer {
        &self.server
    }

    /// The base URL of the API.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Makes an environment.
    pub fn add_environment(&self, name: &str) {
        self.api.state().environments.entry(name.to_owned()).or_default();
    }

    /// The environments by name.
    pub fn environments(&self) -> Vec<String> {
        self.api.state().environments.keys().cloned().collect()
    }

    /// How often each environment was written as a whole: such a write resets its protection rules.
    pub fn environment_writes(&self) -> usize {
        self.api.state().environment_writes
    }

    /// The opened value of a secret: of an environment, or of the repository for `None`.
    pub fn secret(&self, environment: Option<&str>, name: &str) -> Option<Vec<u8>> {
        self.api.state().secrets(environment)?.get(name).map(|secret| secret.value.clone())
    }

    /// The names of the secrets, sorted.
    pub fn names(&self, environment: Option<&str>) -> Vec<String> {
        self.api.state().secrets(environment).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    /// Writes a secret past the API, as somebody else would.
    pub fn set_secret(&self, environment: Option<&str>, name: &str, value: &[u8]) {
        let mut state = self.api.state();
        let at = state.next_time();
        if let Some(secrets) = state.secrets_mut(environment) {
            Sealed::put(secrets, name, value.to_vec(), &at);
        }
    }

    /// How often a secret was written since it was created; 0 when it is not there.
    pub fn versions(&self, environment: Option<&str>, name: &str) -> usize {
        self.api.state().secrets(environment).and_then(|all| all.get(name)).map_or(0, |secret| secret.writes)
    }

    /// Gives the repository another key pair: what was sealed for the old one is refused from now on.
    pub fn rotate_key(&self) {
        self.api.state().rotate_key();
    }

    /// Refuses the token from now on.
    pub fn expire_token(&self) {
        self.api.state().token = None;
    }

    /// Refuses the token after this many more requests.
    pub fn expire_token_after(&self, requests: usize) {
        self.api.state().token_lasts = Some(requests);
    }

    /// Accepts the token, again.
    pub fn renew_token(&self) {
        let mut state = self.api.state();
        state.token = Some(TOKEN.to_owned());
        state.token_lasts = None;
    }

    /// Hides the repository, as GitHub hides what a token may not see.
    pub fn hide_repository(&self, hidden: bool) {
        self.api.state().hidden = hidden;
    }

    /// Whether the clock stands still between writes; else each write is a second after the last.
    pub fn freeze_clock(&self, frozen: bool) {
        self.api.state().frozen = frozen;
    }
}

#[cfg(test)]
mod tests;
