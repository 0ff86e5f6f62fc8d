//! Which vault and which checkout a client means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vsync_core::id::{Env, Pair};
use vsync_core::sync::Problem;
use vsync_proto::error::{Code, Failure};
use vsync_proto::request::Caller;

use super::Handler;
use crate::config::checkout::{Checkout, CheckoutError};
use crate::ipc::convert;
use crate::tasks;
use crate::worker::entry::Entry;

/// The environment's name, checked.
pub(super) fn env_of(name: &str) -> Result<Env, Failure> {
    Env::new(name).map_err(|error| Failure::new(Code::BadName, error.to_string()))
}

/// The checkout around the client's folder.
pub(super) async fn checkout_of(caller: &Caller) -> Result<Checkout, Failure> {
    let cwd = PathBuf::from(&caller.cwd);
    if !cwd.is_absolute() {
        return Err(Failure::new(Code::BadRequest, "the working directory is not an absolute path"));
    }
    let repo = caller.repo.clone();
    let found = tasks::blocking(move || Checkout::find(&cwd, repo.as_deref())).await.map_err(internal)?;
    found.map_err(|error| match &error {
        CheckoutError::Unnamed(_) => Failure::new(Code::RepoUnknown, error.to_string())
            .hint("say --repo NAME, or put 'repo=NAME' into a .vsync file, or add an 'origin' remote to git"),
        CheckoutError::BadName { .. } => Failure::new(Code::BadName, error.to_string()),
        CheckoutError::Io { .. } => Failure::new(Code::Io, error.to_string()),
    })
}

/// A task of the daemon failed.
pub(super) fn internal(panicked: tasks::Panicked) -> Failure {
    convert::failure(&Problem::from(panicked), "")
}

impl Handler {
    /// The registered checkout that the client means: the vault of its repository, in the
    /// checkout it stands in, or in the only one there is.
    pub(super) async fn entry_of(&self, caller: &Caller, env: &str) -> Result<Arc<Entry>, Failure> {
        let env = env_of(env)?;
        let found = checkout_of(caller).await;
        let cwd = Path::new(&caller.cwd);
        let (pair, root) = match found {
            Ok(checkout) => (Pair::new(checkout.repo, env), checkout.root),
            // A registered checkout need not say its name again.
            Err(failure) => {
                let mut entries = self.supervisor.entries();
                entries.retain(|entry| entry.checkout.pair.env == env && entry.checkout.holds(cwd));
                return match <[_; 1]>::try_from(entries) {
                    Ok([entry]) => Ok(entry),
                    Err(_) => Err(failure),
                };
            }
        };
        if let Some(entry) = self.supervisor.entry(&(pair.clone(), root.clone())) {
            return Ok(entry);
        }
        let mut entries = self.supervisor.entries();
        // A name that was chosen with --repo at init is remembered with the checkout.
        let here = entries.iter().find(|entry| {
            entry.checkout.pair.env == pair.env && entry.checkout.root == root && caller.repo.is_none()
        });
        if let Some(entry) = here {
            return Ok(Arc::clone(entry));
        }
        entries.retain(|entry| entry.checkout.pair == pair);
        if entries.is_empty() {
            return Err(self.unknown(&pair).await);
        }
        // Outside of any checkout, a named repository with one checkout is clear enough.
        if caller.repo.is_some()
            && !root.join(".git").exists()
            && let [entry] = entries.as_slice()
        {
            return Ok(Arc::clone(entry));
        }
        let text = format!("{pair} is known, but not in the checkout {}", root.display());
        Err(Failure::new(Code::NotTracked, text).hint(format!("vsyncctl track {} registers it", pair.env)))
    }

    async fn unknown(&self, pair: &Pair) -> Failure {
        let pairs = self.supervisor.setup().pairs.clone();
        let asked = pair.clone();
        let known = tasks::blocking(move || pairs.load(&asked).is_ok_and(|loaded| loaded.is_some())).await;
        if known == Ok(true) {
            let text = format!("{pair} is set up on this machine, but no checkout of it is registered");
            return Failure::new(Code::NotTracked, text)
                .hint(format!("vsyncctl track {} registers the checkout you stand in", pair.env));
        }
        let env = &pair.env;
        Failure::new(Code::UnknownPair, format!("this machine knows no environment {pair}")).hint(format!(
            "vsyncctl init {env} makes it; vsyncctl import {env} FILE joins a team that has it"
        ))
    }
}
