//! A server that plays HashiCorp Vault or OpenBao as far as a KV v2 secret needs it: versions,
//! check-and-set, soft deletion, namespaces, policies, seal. Statuses and messages are those of the real
//! programs; `tests/components/openbao.sh` runs the same stories against a real one.

mod api;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::http::{HttpServer, Locked};

/// A token that may do everything below `secret/`.
pub const TOKEN: &str = "hvs.benchbenchbenchbenchbench";
/// A token that may only read.
pub const READER: &str = "hvs.readreadreadreadreadread";

/// A secret: the versions of its map.
#[derive(Debug, Default)]
struct Entry {
    /// The maps from version 1 on; `None` for one that was deleted.
    versions: Vec<Option<Value>>,
}

#[derive(Debug, Default)]
struct State {
    /// By namespace and path.
    entries: BTreeMap<(String, String), Entry>,
    sealed: bool,
    /// Run once, before the next write is looked at.
    race: Option<(String, Value)>,
    races: usize,
}

/// The running server: a KV v2 engine at `secret/`, a KV v1 engine at `old/`, no namespace but the root
/// and `team`.
#[derive(Debug)]
pub struct Kv2Server {
    server: HttpServer,
    api: Arc<Locked<State>>,
}

impl Kv2Server {
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

    /// The map at a path of the root namespace; null when there is none.
    pub fn map(&self, path: &str) -> Value {
        self.map_in("", path)
    }

    /// The map at a path of a namespace; null when there is none.
    pub fn map_in(&self, namespace: &str, path: &str) -> Value {
        let state = self.api.state();
        let entry = state.entries.get(&(namespace.to_owned(), path.to_owned()));
        entry.and_then(|entry| entry.versions.last()?.clone()).unwrap_or(Value::Null)
    }

    /// The number of the newest version; 0 when there never was one.
    pub fn version(&self, path: &str) -> usize {
        let state = self.api.state();
        state.entries.get(&(String::new(), path.to_owned())).map_or(0, |entry| entry.versions.len())
    }

    /// Writes a map past the API, as somebody else would.
    pub fn set(&self, path: &str, map: Value) {
        self.api
            .state()
            .entries
            .entry((String::new(), path.to_owned()))
            .or_default()
            .versions
            .push(Some(map));
    }

    /// Deletes the newest version, softly.
    pub fn delete(&self, path: &str) {
        if let Some(entry) = self.api.state().entries.get_mut(&(String::new(), path.to_owned()))
            && let Some(newest) = entry.versions.last_mut()
        {
            *newest = None;
        }
    }

    /// Lets somebody else add this key to the map at each of the next `times` writes, right before it.
    pub fn race(&self, times: usize, key: &str, value: Value) {
        let mut state = self.api.state();
        state.race = Some((key.to_owned(), value));
        state.races = times;
    }

    /// Seals or unseals.
    pub fn seal(&self, sealed: bool) {
        self.api.state().sealed = sealed;
    }
}

#[cfg(test)]
mod tests;
