//! A server that plays Google Cloud Secret Manager (`v1`) and the token endpoint beside it, after their
//! published discovery document and OAuth guide: secrets, numbered versions and their states, payloads with
//! CRC32C in both directions, errors with their machine-readable reasons. A request for a token must be
//! signed with the key of [`SecretManager::key_file`].

mod api;
mod grant;
mod state;

use std::sync::Arc;

use serde_json::json;

use crate::http::{HttpServer, Locked};

use state::State;

/// The project that exists.
pub const PROJECT: &str = "acme-prod";
/// A token that is always accepted, until [`SecretManager::expire_tokens`].
pub const TOKEN: &str = "ya29.benchbenchbenchbenchbench";
/// The refresh token of a login that is accepted.
pub const REFRESH_TOKEN: &str = "1//benchbenchbenchbenchbench";

/// What the credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Create, add and see versions; not read payloads.
    Writer,
    /// Nothing.
    Stranger,
}

/// The running server.
#[derive(Debug)]
pub struct SecretManager {
    server: HttpServer,
    api: Arc<Locked<State>>,
}

impl SecretManager {
    /// Starts a server with an empty project.
    ///
    /// # Panics
    /// When no port or thread can be had.
    pub fn start() -> Self {
        let api = Locked::new(State::new(), api::answer);
        let server = HttpServer::start(Arc::<Locked<State>>::clone(&api));
        api.state().token_uri = format!("{}/token", server.url());
        Self { server, api }
    }

    /// What is under the API: its URL, its counters and its faults.
    pub fn http(&self) -> &HttpServer {
        &self.server
    }

    /// The address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The JSON key of a service account that gets tokens here.
    pub fn key_file(&self) -> String {
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": grant::KEY_ID,
            "private_key": grant::KEY,
            "client_email": grant::EMAIL,
            "token_uri": self.api.state().token_uri,
        })
        .to_string()
    }

    /// The file of a login that gets tokens here.
    pub fn login_file(&self) -> String {
        json!({
            "type": "authorized_user",
            "client_id": "bench.apps.googleusercontent.com",
            "client_secret": "bench-client-secret",
            "refresh_token": REFRESH_TOKEN,
            "quota_project_id": PROJECT,
            "token_uri": self.api.state().token_uri,
        })
        .to_string()
    }

    /// How many tokens were given out.
    pub fn tokens_given(&self) -> usize {
        self.api.state().tokens.given()
    }

    /// Refuses every token known so far from the `count`-th request after this one on (0: at once).
    pub fn expire_tokens(&self, count: usize) {
        self.api.state().tokens.expire_after(count);
    }

    /// Sets what every credential may do.
    pub fn allow(&self, role: Role) {
        self.api.state().role = role;
    }

    /// Switches the API off or on in the project.
    pub fn disable_service(&self, disabled: bool) {
        self.api.state().disabled = disabled;
    }

    /// Answers without the confirmation that the checksum arrived, as a proxy that drops it would.
    pub fn forget_checksums(&self, forget: bool) {
        self.api.state().forget_checksums = forget;
    }

    /// The payload of the newest version.
    pub fn secret(&self, name: &str) -> Option<Vec<u8>> {
        Some(self.api.state().secrets.get(name)?.last()?.value.clone())
    }

    /// How many versions a secret has; `None` when it is not there.
    pub fn versions(&self, name: &str) -> Option<usize> {
        self.api.state().secrets.get(name).map(Vec::len)
    }

    /// The names of the secrets, sorted.
    pub fn names(&self) -> Vec<String> {
        self.api.state().secrets.keys().cloned().collect()
    }

    /// Adds a version past the API, as somebody else would; makes the secret when there is none.
    pub fn set_secret(&self, name: &str, value: &[u8]) {
        self.api.state().add(name, value.to_vec());
    }

    /// Makes a secret without versions.
    pub fn add_empty(&self, name: &str) {
        self.api.state().secrets.entry(name.to_owned()).or_default();
    }

    /// Takes a secret away with all its versions.
    pub fn remove(&self, name: &str) {
        self.api.state().secrets.remove(name);
    }

    /// Disables the newest version.
    pub fn disable(&self, name: &str) {
        if let Some(newest) = self.api.state().secrets.get_mut(name).and_then(|all| all.last_mut()) {
            newest.state = "DISABLED";
        }
    }

    /// Damages the payload of the newest version on its way out, but not its checksum.
    pub fn corrupt_answers(&self, corrupt: bool) {
        self.api.state().corrupt = corrupt;
    }
}

#[cfg(test)]
mod tests;
