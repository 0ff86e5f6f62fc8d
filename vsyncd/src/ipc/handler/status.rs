//! Showing the state of checkouts, once and as it changes.

use std::path::Path;
use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::sync::broadcast::error::RecvError;
use vsync_core::id::Repo;
use vsync_proto::error::{Code, Failure};
use vsync_proto::event::{self, StatusEvent};
use vsync_proto::request::{Caller, Status, Subscribe};
use vsync_proto::response::Done;
use vsync_proto::status::{PairStatus, State, StatusReport};

use super::caller::{checkout_of, env_of};
use super::{Handler, json};
use crate::clock;
use crate::ipc::connection::Outbox;
use crate::ipc::convert;
use crate::worker::entry::{Entry, Slot};
use crate::worker::supervisor::Key;

impl Handler {
    pub(super) async fn status(&self, ask: &Status) -> Result<StatusReport, Failure> {
        let env = ask.env.as_deref().map(env_of).transpose()?;
        let cwd = ask.caller.as_ref().map(|caller| caller.cwd.clone());
        let repo = repo_meant(ask.caller.as_ref(), env.is_some() && !ask.all).await?;
        let mut entries = self.supervisor.entries();
        entries.retain(|entry| {
            env.as_ref().is_none_or(|env| entry.checkout.pair.env == *env)
                && repo.as_ref().is_none_or(|repo| entry.checkout.pair.repo == *repo)
        });
        // Those of the checkout that the client stands in come first.
        let here = |entry: &Arc<Entry>| cwd.as_ref().is_some_and(|cwd| entry.checkout.holds(Path::new(cwd)));
        entries.sort_by_key(|entry| !here(entry));
        // An environment asked for in a checkout means this checkout's.
        if env.is_some() && !ask.all && entries.iter().any(here) {
            entries.retain(here);
        }
        Ok(StatusReport {
            daemon: self.control.status(self.supervisor.setup()),
            pairs: entries.iter().map(|entry| self.pair_status(entry)).collect(),
            rules: Vec::new(),
            runtime: Vec::new(),
        })
    }

    pub(super) fn pair_status(&self, entry: &Entry) -> PairStatus {
        let setup = self.supervisor.setup();
        let now = (clock::monotonic(), clock::now());
        match entry.slot() {
            Slot::Running(handle) => {
                let remote = &handle.effects().remote;
                let mut status = convert::running(&entry.checkout, &handle.view(), remote.key_store(), now);
                if remote.has_odd_generation() && status.hint.is_none() {
                    status.hint = Some(
                        "the pointer's generation is not a number that counts; it is ignored".to_owned(),
                    );
                }
                if status.watched == Some(false) && status.hint.is_none() {
                    let rescan = setup.settings().poll.rescan;
                    status.hint = Some(format!(
                        "this folder cannot be watched, so edits are seen only every {rescan:?}; vsyncctl doctor says why"
                    ));
                }
                status.conditional_writes = remote.place.store.conditional();
                status
            }
            Slot::Broken(problem, since) => {
                convert::broken(&entry.checkout, &problem, since, setup.settings().key_store)
            }
            Slot::Starting => {
                convert::bare(&entry.checkout, State::Behind, now.1, setup.settings().key_store)
            }
        }
    }

    /// Sends what matching checkouts show, now and whenever it changes, until the client leaves.
    pub(super) async fn subscribe(&self, ask: &Subscribe, out: &Outbox) -> Result<Box<RawValue>, Failure> {
        let env = ask.env.as_deref().map(env_of).transpose()?;
        let repo = repo_meant(ask.caller.as_ref(), env.is_some()).await?;
        let matches = |key: &Key| {
            env.as_ref().is_none_or(|env| key.0.env == *env)
                && repo.as_ref().is_none_or(|repo| key.0.repo == *repo)
        };
        let mut changes = self.supervisor.changes();
        let stopping = self.supervisor.stopping();
        loop {
            for entry in self.supervisor.entries() {
                let key = (entry.checkout.pair.clone(), entry.checkout.root.clone());
                if matches(&key) && !self.tell(out, self.pair_status(&entry), false).await {
                    return json(&Done {});
                }
            }
            loop {
                let change = tokio::select! {
                    change = changes.recv() => change,
                    () = stopping.cancelled() => return json(&Done {}),
                };
                let key = match change {
                    Ok(key) if matches(&key) => key,
                    Ok(_) => continue,
                    // Too much at once for this client: it gets the present state of all.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return json(&Done {}),
                };
                let told = match self.supervisor.entry(&key) {
                    Some(entry) => self.tell(out, self.pair_status(&entry), false).await,
                    None => self.tell(out, gone(&key), true).await,
                };
                if !told {
                    return json(&Done {});
                }
            }
        }
    }

    async fn tell(&self, out: &Outbox, pair: PairStatus, gone: bool) -> bool {
        out.notify(event::STATUS_EVENT, &StatusEvent { pair, gone }).await
    }
}

/// The repository that a client means: the one it names, or, where it asks for an environment of
/// its own, the one it stands in.
pub(super) async fn repo_meant(caller: Option<&Caller>, own: bool) -> Result<Option<Repo>, Failure> {
    let Some(caller) = caller else { return Ok(None) };
    match &caller.repo {
        Some(name) => {
            let repo = Repo::new(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
            Ok(Some(repo))
        }
        None if own => Ok(checkout_of(caller).await.ok().map(|checkout| checkout.repo)),
        None => Ok(None),
    }
}

/// What is said of a checkout that is registered no more.
fn gone(key: &Key) -> PairStatus {
    let checkout = crate::worker::checkout::Checkout {
        pair: key.0.clone(),
        root: key.1.clone(),
        folder: key.1.clone(),
        origin: None,
    };
    let keys = crate::config::settings::KeyStoreKind::default();
    convert::bare(&checkout, State::Ok, clock::now(), keys)
}
