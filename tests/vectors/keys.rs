//! Derived keys, each made once per process: one costs a noticeable part of a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use vsync_core::format::envelope::{ITERATIONS, Key};

type Slots = Mutex<HashMap<(String, String), Arc<OnceLock<Key>>>>;

/// The key of a password and a salt.
pub(crate) fn with<T>(password: &str, salt: &str, use_it: impl FnOnce(&Key) -> T) -> T {
    static SLOTS: OnceLock<Slots> = OnceLock::new();
    let slot = {
        let mut slots = SLOTS.get_or_init(Slots::default).lock().unwrap();
        Arc::clone(slots.entry((password.to_owned(), salt.to_owned())).or_default())
    };
    use_it(slot.get_or_init(|| Key::derive(password, salt, ITERATIONS)))
}
