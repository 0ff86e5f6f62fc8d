//! The keychain of the operating system.

use vsync_core::id::Pair;
use vsync_core::secret::Secret;

use super::{KeyError, KeyStore};

/// Stands in for the operating system's keychain, which this release cannot use: every call says
/// so. It is the default, so that keeping keys in files is always somebody's choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsKeychain;

const UNAVAILABLE: KeyError = KeyError::Unavailable {
    what: "the operating system's keychain is not supported by this release",
    hint: "pass --key-store file to keep the key in a file that only you can read",
};

impl KeyStore for OsKeychain {
    fn get(&self, _: &Pair) -> Result<Option<Secret<String>>, KeyError> {
        Err(UNAVAILABLE)
    }

    fn set(&self, _: &Pair, _: &Secret<String>) -> Result<(), KeyError> {
        Err(UNAVAILABLE)
    }

    fn name(&self) -> &'static str {
        "keychain"
    }
}

#[cfg(test)]
mod tests {
    use vsync_core::id::{Env, Repo};

    use super::*;

    #[test]
    fn every_call_names_the_flag() {
        let pair = Pair::new(Repo::new("web").unwrap(), Env::new("dev").unwrap());
        let get = OsKeychain.get(&pair).unwrap_err();
        let set = OsKeychain.set(&pair, &Secret::default()).unwrap_err();
        for error in [get, set] {
            assert!(matches!(error, KeyError::Unavailable { .. }));
            assert!(error.to_string().contains("--key-store file"), "{error}");
        }
    }
}
