//! Entries as the `keyring` library keeps them, where service and account are all that names one:
//! in the Keychain of macOS. Elsewhere it is linked by the tests alone, which check that both
//! ways find the same entry.

use std::time::Instant;

use keyring::Entry;
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::unlocking::Unlocking;
use super::{Answer, SERVICE};
use crate::keychain::KeyError;

/// The text of the entry; `None` when there is none. The system asks for the password by itself.
///
/// # Errors
/// What the keychain says.
pub(super) fn get(account: &str, _: &Unlocking) -> Answer<Option<Secret<String>>> {
    match Entry::new(SERVICE, account).and_then(|entry| entry.get_password()).map(Zeroizing::new) {
        Ok(text) => Ok(Some(Secret::new(text.trim_ascii().to_owned()))),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(said(&error)),
    }
}

/// Keeps the text in place of the one that was there.
///
/// # Errors
/// What the keychain says.
pub(super) fn set(account: &str, text: &Secret<String>, _: &Unlocking, _: Instant) -> Answer<()> {
    let set = Entry::new(SERVICE, account).and_then(|entry| entry.set_password(text.expose()));
    set.map_err(|error| said(&error))
}

/// The library's error without what it quotes: some hold the value.
fn said(error: &keyring::Error) -> KeyError {
    use keyring::Error::{BadDataFormat, BadEncoding, NoDefaultStore, NoStorageAccess, PlatformFailure};
    match error {
        NoDefaultStore => KeyError::Unreachable("there is none for this process".to_owned()),
        BadEncoding(_) | BadDataFormat(..) => KeyError::Refused("the entry holds no text".to_owned()),
        PlatformFailure(cause) | NoStorageAccess(cause) => match code(&format!("{cause:?}")) {
            // It may not ask, as in a session over ssh; it got a wrong password.
            Some(-25308 | -25293) => KeyError::Locked(""),
            // Not available; no such keychain; an invalid one; no default one.
            Some(-25291 | -25294 | -25295 | -25307) => KeyError::Unreachable(cause.to_string()),
            _ => KeyError::Refused(cause.to_string()),
        },
        other => KeyError::Refused(other.to_string()),
    }
}

/// The number of an error of macOS (`SecBase.h`). The library gives it in the debug text alone;
/// the words are in the person's language.
fn code(debugged: &str) -> Option<i32> {
    let (_, number) = debugged.split_once("code: ")?;
    let end = number.find(|letter: char| letter != '-' && !letter.is_ascii_digit());
    number[..end.unwrap_or(number.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the library of the system's security framework writes it.
    #[derive(Debug)]
    struct Error {
        #[expect(dead_code, reason = "read by Debug")]
        code: i32,
    }

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("in some language")
        }
    }

    impl std::error::Error for Error {}

    #[test]
    fn locked_denied_and_missing_are_told_apart() {
        let failure = |code| said(&keyring::Error::PlatformFailure(Box::new(Error { code })));
        let no_access = |code| said(&keyring::Error::NoStorageAccess(Box::new(Error { code })));
        assert!(matches!(failure(-25308), KeyError::Locked(_)));
        assert!(matches!(failure(-25293), KeyError::Locked(_)));
        assert!(matches!(failure(-25307), KeyError::Unreachable(_)));
        assert!(matches!(no_access(-25294), KeyError::Unreachable(_)));
        assert!(matches!(no_access(-25292), KeyError::Refused(_)), "it can only be read");
        assert!(matches!(failure(-128), KeyError::Refused(_)), "somebody said no");
        assert!(matches!(said(&keyring::Error::NoDefaultStore), KeyError::Unreachable(_)));
    }

    #[test]
    fn the_number_is_found_wherever_it_stands() {
        assert_eq!(code("Error { code: -25308 }"), Some(-25308));
        assert_eq!(code("Error { code: -128, message: \"x\" }"), Some(-128));
        assert_eq!((code("code: "), code("Error")), (None, None));
    }

    #[test]
    fn no_error_quotes_what_the_entry_holds() {
        let text = said(&keyring::Error::BadEncoding(b"hunter2".to_vec())).to_string();
        assert!(!text.contains("hunter2") && !text.contains("104"), "{text}");
    }
}
