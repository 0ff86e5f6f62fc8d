//! Entries as the `keyring` library keeps them, where service and account are all that names one:
//! in the Keychain of macOS. Elsewhere it is linked by the tests alone, which check that both
//! ways find the same entry.

use keyring::Entry;
use vsync_core::secret::Secret;

use super::unlocking::Unlocking;
use super::{Answer, SERVICE};
use crate::keychain::KeyError;

/// The text of the entry; `None` when there is none. The system asks for the password by itself.
///
/// # Errors
/// What the keychain says.
pub(super) fn get(account: &str, _: &Unlocking) -> Answer<Option<Secret<String>>> {
    match Entry::new(SERVICE, account).and_then(|entry| entry.get_password()) {
        Ok(text) => Ok(Some(Secret::new(text.trim_ascii().to_owned()))),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(said(&error)),
    }
}

/// Keeps the text in place of the one that was there.
///
/// # Errors
/// What the keychain says.
pub(super) fn set(account: &str, text: &Secret<String>, _: &Unlocking) -> Answer<()> {
    let set = Entry::new(SERVICE, account).and_then(|entry| entry.set_password(text.expose()));
    set.map_err(|error| said(&error))
}

/// The library's error without what it quotes: some hold the value.
fn said(error: &keyring::Error) -> KeyError {
    match error {
        keyring::Error::NoDefaultStore => KeyError::Unreachable("there is none for this process".to_owned()),
        keyring::Error::NoStorageAccess(_) => KeyError::Locked(""),
        keyring::Error::BadEncoding(_) | keyring::Error::BadDataFormat(..) => {
            KeyError::Refused("the entry holds no text".to_owned())
        }
        other => KeyError::Refused(other.to_string()),
    }
}
