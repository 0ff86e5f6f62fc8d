//! The sealed box: only the repository's own key opens it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dryoc::classic::crypto_box::{PublicKey, crypto_box_seal};
use dryoc::constants::CRYPTO_BOX_SEALBYTES;
use serde::{Deserialize, Serialize};
use vsync_core::secret::Secret;

/// The key that values are sealed for, as the API gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SealingKey {
    pub(super) id: String,
    key: PublicKey,
}

#[derive(Deserialize)]
pub(super) struct Published {
    key_id: String,
    key: String,
}

#[derive(Serialize)]
struct Sealed<'a> {
    encrypted_value: String,
    key_id: &'a str,
}

impl SealingKey {
    /// Takes the published form; `None` when it is no key.
    pub(super) fn read(published: Published) -> Option<Self> {
        let key = STANDARD.decode(published.key).ok()?.try_into().ok()?;
        Some(Self { id: published.key_id, key })
    }

    /// The body that sets a secret to this value; `None` when the key is one that nothing can be sealed
    /// for.
    pub(super) fn seal(&self, value: &[u8]) -> Option<Secret<Vec<u8>>> {
        let mut sealed = vec![0; value.len().checked_add(CRYPTO_BOX_SEALBYTES)?];
        crypto_box_seal(&mut sealed, value, &self.key).ok()?;
        let body = Sealed { encrypted_value: STANDARD.encode(sealed), key_id: &self.id };
        serde_json::to_vec(&body).ok().map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use dryoc::classic::crypto_box::{crypto_box_keypair, crypto_box_seal_open};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sealed_opens_byte_for_byte(value: Vec<u8>) {
            let (public, secret) = crypto_box_keypair();
            let published = Published { key_id: "7".into(), key: STANDARD.encode(public) };
            let body = SealingKey::read(published).unwrap().seal(&value).unwrap();
            let body: serde_json::Value = serde_json::from_slice(body.expose()).unwrap();
            prop_assert_eq!(&body["key_id"], "7");
            let sealed = STANDARD.decode(body["encrypted_value"].as_str().unwrap()).unwrap();
            let mut opened = vec![0; sealed.len() - CRYPTO_BOX_SEALBYTES];
            crypto_box_seal_open(&mut opened, &sealed, &public, &secret).unwrap();
            prop_assert_eq!(opened, value);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["", "AAAA", "not base64", &STANDARD.encode([1; 33])] {
            assert_eq!(SealingKey::read(Published { key_id: "1".into(), key: key.into() }), None, "{key}");
        }
        // The point of order one: everything sealed for it could be opened by anybody.
        let zero = SealingKey::read(Published { key_id: "1".into(), key: STANDARD.encode([0; 32]) }).unwrap();
        assert!(zero.seal(b"x").is_none());
    }
}
