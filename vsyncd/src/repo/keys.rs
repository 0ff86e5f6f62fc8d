//! Keys in memory: each is derived once and wiped when it is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vsync_core::format::envelope::{ITERATIONS, Key};
use vsync_core::id::Pair;
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;
use vsync_core::vault::tree::ContentHash;

use crate::keychain::KeyStore;
use crate::tasks;

/// Under this name a vault's configuration has the mark of the key that belongs to it.
pub const MARK_FIELD: &str = "keyMark";

/// What tells a key from others and nothing else: 64 bits of its SHA-256. Only of a key that is 32 random bytes,
/// as ours are; one that somebody thought up could be guessed by it.
pub fn mark(key: &Secret<String>) -> Option<String> {
    let bytes = STANDARD.decode(key.expose()).map(zeroize::Zeroizing::new).ok()?;
    let text = zeroize::Zeroizing::new(format!("vsync key mark\0{}", key.expose()));
    (bytes.len() == 32).then(|| ContentHash::of(text.as_bytes()).to_string().chars().take(16).collect())
}

/// The derived keys of all vaults, looked up in the key store when first needed. They stay while
/// the daemon runs, also when the key store locks.
#[derive(Debug)]
pub struct Keys {
    store: Arc<dyn KeyStore>,
    derived: Mutex<HashMap<(Pair, String), Arc<Key>>>,
}

impl Keys {
    /// Keys from this store.
    pub fn new(store: Arc<dyn KeyStore>) -> Self {
        Self { store, derived: Mutex::default() }
    }

    /// The store they come from.
    pub fn store(&self) -> &Arc<dyn KeyStore> {
        &self.store
    }

    /// The key of a vault. Derivation costs about a tenth of a second, the first time.
    ///
    /// # Errors
    /// [`Problem::KeyMissing`] when the key store has none; [`Problem::WrongKey`] when it has another one
    /// than `marked` says, as after an import that was cut short; [`Problem::KeychainLocked`],
    /// [`Problem::KeychainUnavailable`] when it cannot be asked.
    pub async fn derived(&self, pair: &Pair, salt: &str, marked: Option<&str>) -> Result<Arc<Key>, Problem> {
        let wanted = (pair.clone(), salt.to_owned());
        if let Some(key) = self.lock().get(&wanted) {
            return Ok(Arc::clone(key));
        }
        let text = self.text(pair).await?;
        if marked.is_some_and(|marked| mark(&text).as_deref() != Some(marked)) {
            return Err(Problem::WrongKey);
        }
        let salt = salt.to_owned();
        let key = tasks::blocking(move || Key::derive(text.expose(), &salt, ITERATIONS)).await?;
        Ok(Arc::clone(self.lock().entry(wanted).or_insert_with(|| Arc::new(key))))
    }

    /// The key as the key store holds it.
    ///
    /// # Errors
    /// As [`Keys::derived`].
    pub async fn text(&self, pair: &Pair) -> Result<Secret<String>, Problem> {
        let (store, asked) = (Arc::clone(&self.store), pair.clone());
        let found = tasks::blocking(move || store.get(&asked)).await??;
        let missing =
            || Problem::KeyMissing(format!("the {} key store has none for {pair}", self.store.name()));
        found.ok_or_else(missing)
    }

    /// Whether a key of the vault is in memory.
    pub fn has_derived(&self, pair: &Pair) -> bool {
        self.lock().keys().any(|(kept, _)| kept == pair)
    }

    /// Forgets what was derived for a vault, because its key changed.
    pub fn forget(&self, pair: &Pair) {
        self.lock().retain(|(kept, _), _| kept != pair);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Pair, String), Arc<Key>>> {
        self.derived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_random_key_is_marked() {
        let key = |byte: u8| Secret::new(STANDARD.encode([byte; 32]));
        assert_eq!(mark(&key(1)).map(|mark| mark.len()), Some(16));
        assert_ne!(mark(&key(1)), mark(&key(2)));
        for thought_up in ["hunter2", "aGVsbG8=", ""] {
            assert_eq!(mark(&Secret::new(thought_up.into())), None);
        }
    }
}
