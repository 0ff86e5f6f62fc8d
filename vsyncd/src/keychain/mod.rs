//! Where a pair's key is kept. The value is the base64 text of 32 random bytes; that text, not
//! the bytes, is the password the encryption key is derived from.

mod file;
mod generate;
mod os;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vsync_core::id::Pair;
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

pub use file::FileKeys;
pub use generate::{new_key, new_salt};
pub use os::OsKeychain;

/// How many bytes a key has.
const KEY_BYTES: usize = 32;

/// A place for keys. Calls block and may take long where a person has to unlock something.
pub trait KeyStore: Send + Sync + std::fmt::Debug {
    /// The pair's key; `None` when there is none.
    ///
    /// # Errors
    /// [`KeyError`].
    fn get(&self, pair: &Pair) -> Result<Option<Secret<String>>, KeyError>;

    /// Keeps the pair's key in place of the one that was there.
    ///
    /// # Errors
    /// [`KeyError`]; the old key is then still there, except where a keychain that fell silent
    /// in the middle of it wakes up.
    fn set(&self, pair: &Pair, key: &Secret<String>) -> Result<(), KeyError>;

    /// What status calls it: `keychain` or `file`.
    fn name(&self) -> &'static str;
}

/// Why a key cannot be had or kept. No text holds a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no keychain where this process runs.
    #[error("the system's keychain cannot be reached: {0}")]
    Unreachable(String),
    /// It is there and locked.
    #[error("the system's keychain is locked{0}")]
    Locked(&'static str),
    /// It is there and does not do it.
    #[error("the system's keychain refuses: {0}")]
    Refused(String),
    /// It is there, perhaps, and says nothing.
    #[error("the system's keychain did not answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// What is there is no key.
    #[error("the key of {0} is not the base64 text of {KEY_BYTES} bytes")]
    NotAKey(Pair),
    /// Others could have read or changed it.
    #[error("the key file {path} cannot be trusted: {why}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Who can do what.
        why: String,
    },
    /// The system refused.
    #[error("cannot work with the key of {pair}: {source}")]
    Io {
        /// Whose key.
        pair: Pair,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

/// Whether the text is what a key looks like.
fn is_key(text: &str) -> bool {
    STANDARD.decode(text).map(Zeroizing::new).is_ok_and(|bytes| bytes.len() == KEY_BYTES)
}
