//! The keychain of the operating system: the Secret Service of the desktop, or the Keychain of
//! macOS. A key is under the service `tools.vsync` and the account `<repo>/<env>`.

#[cfg(any(test, target_os = "macos"))]
mod entry;
mod patience;
#[cfg(not(target_os = "macos"))]
mod secret_service;
mod unlocking;

use std::sync::Arc;
use std::time::Duration;

use vsync_core::id::Pair;
use vsync_core::secret::Secret;

#[cfg(target_os = "macos")]
use entry as place;
use patience::{Impatient, Patience};
#[cfg(not(target_os = "macos"))]
use secret_service as place;
use unlocking::Unlocking;

use super::{KeyError, KeyStore, is_key};
use crate::clock;

/// Under this service every key is kept.
const SERVICE: &str = "tools.vsync";
/// How long one call may take, with all that it waits for.
const LIMIT: Duration = Duration::from_secs(4);
/// How many calls may be at work or stuck at the same time. On macOS each that finds the keychain
/// locked shows a window, so there the others wait behind it.
const MOST: usize = if cfg!(target_os = "macos") { 1 } else { 8 };

/// What the keychain itself says.
type Answer<T> = Result<T, KeyError>;

/// The keychain of the person whose session the daemon belongs to. It is looked up anew at each
/// call, so that one that appears later, or comes back, is found.
#[derive(Debug, Clone)]
pub struct OsKeychain {
    patience: Patience,
    unlocking: Arc<Unlocking>,
}

impl Default for OsKeychain {
    fn default() -> Self {
        Self { patience: Patience::new(LIMIT, MOST), unlocking: Arc::default() }
    }
}

impl OsKeychain {
    fn call<T, F>(&self, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(&Unlocking) -> Answer<T> + Send + 'static,
    {
        let unlocking = Arc::clone(&self.unlocking);
        let done = self.patience.wait(move || {
            let answer = work(&unlocking);
            if answer.is_ok() {
                unlocking.seen_open();
            }
            answer
        });
        match done {
            Ok(answer) => answer,
            // What takes long on macOS is a window of the keychain that waits for somebody.
            Err(Impatient::Late) if self.unlocking.is_asking() || cfg!(target_os = "macos") => {
                Err(unlocking::asking())
            }
            Err(Impatient::Late) => Err(KeyError::NoAnswer(LIMIT)),
            Err(Impatient::Failed) => Err(KeyError::Refused("its library failed unexpectedly".to_owned())),
        }
    }
}

impl KeyStore for OsKeychain {
    fn get(&self, pair: &Pair) -> Result<Option<Secret<String>>, KeyError> {
        let account = pair.to_string();
        match self.call(move |unlocking| place::get(&account, unlocking))? {
            Some(text) if !is_key(text.expose()) => Err(KeyError::NotAKey(pair.clone())),
            found => Ok(found),
        }
    }

    fn set(&self, pair: &Pair, key: &Secret<String>) -> Result<(), KeyError> {
        if !is_key(key.expose()) {
            return Err(KeyError::NotAKey(pair.clone()));
        }
        let (account, key) = (pair.to_string(), key.clone());
        let deadline = clock::monotonic() + LIMIT;
        self.call(move |unlocking| {
            place::set(&account, &key, unlocking, deadline)?;
            // Some keychains accept what they then do not keep.
            match place::get(&account, unlocking)? {
                Some(kept) if kept == key => Ok(()),
                _ => Err(KeyError::Refused("it did not keep the key".to_owned())),
            }
        })
    }

    fn name(&self) -> &'static str {
        "keychain"
    }
}
