//! New keys and salts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyError};

/// Gives the 24 characters that a salt has.
const SALT_BYTES: usize = 18;

/// The key of a new pair: 32 random bytes in base64.
///
/// # Errors
/// [`KeyError::Random`].
pub fn new_key() -> Result<Secret<String>, KeyError> {
    let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
    random(&mut *bytes)?;
    Ok(Secret::new(STANDARD.encode(*bytes)))
}

/// The salt of a new pair: 24 random characters of base64. It is not secret.
///
/// # Errors
/// [`KeyError::Random`].
pub fn new_salt() -> Result<String, KeyError> {
    let mut bytes = [0_u8; SALT_BYTES];
    random(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::Random(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keychain::is_key;

    #[test]
    fn keys_and_salts_have_their_form_and_differ() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert!(is_key(one.expose()) && one != other);
        let (one, other) = (new_salt().unwrap(), new_salt().unwrap());
        assert_eq!((one.len(), one.contains('=')), (24, false));
        assert_ne!(one, other);
    }
}
