//! The envelope `RQE1`: what encrypts bundles, backups and shares.
//!
//! `"RQE1" | IV (12) | AES-256-GCM ciphertext | tag (16)`, without associated data. The key is
//! PBKDF2-HMAC-SHA256 over a password and a salt, both taken as text exactly as they stand.

use std::fmt;

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use super::hex_id::hex_id;
use super::magic::{self, Magic};

/// PBKDF2 rounds of every key this product derives by itself.
pub const ITERATIONS: u32 = 600_000;

/// Bytes an envelope is longer than its plaintext.
pub const OVERHEAD: usize = HEADER + TAG;

const FAMILY: &[u8] = b"RQE";
const VERSION: &[u8] = b"1";
const IV: usize = 12;
const TAG: usize = 16;
const HEADER: usize = FAMILY.len() + VERSION.len() + IV;

hex_id! {
    /// Tells keys apart without revealing them: the first eight bytes of an HMAC under the key.
    KeyId, BadKeyId
}

/// A derived key. Wiped on drop; costs hundreds of milliseconds to make, so make it once.
#[derive(ZeroizeOnDrop)]
pub struct Key([u8; 32]);

/// Why an envelope was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Shorter than the shortest envelope.
    #[error("the encrypted data is cut short")]
    Truncated,
    /// Starts with other bytes.
    #[error("this is not encrypted data of vsync")]
    NotAnEnvelope,
    /// Written by a later format.
    #[error("the encrypted data is of an unsupported version")]
    UnsupportedVersion,
    /// The tag does not fit; the two causes cannot be told apart.
    #[error("the key is the wrong one, or the encrypted data was changed")]
    WrongKey,
    /// More than the cipher may encrypt under one IV (64 GiB).
    #[error("there is too much data for one envelope")]
    TooLong,
}

impl EnvelopeError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::NotAnEnvelope => "not_an_envelope",
            Self::UnsupportedVersion => "unsupported_version",
            Self::WrongKey => "wrong_key",
            Self::TooLong => "too_large",
        }
    }
}

impl Key {
    /// Derives a key. Neither the password nor the salt is decoded or trimmed: their UTF-8 bytes
    /// count, also where they look like base64.
    pub fn derive(password: &str, salt: &str, iterations: u32) -> Self {
        let mut key = Self([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt.as_bytes(), iterations, &mut key.0);
        key
    }

    /// The id that pointers carry for this key.
    pub fn id(&self) -> KeyId {
        // HMAC fills a short key with zeros up to its block; done here, it cannot fail.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new((&*block).into());
        mac.update(b"vsync key id");
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&self.0).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Encrypts. The IV must be fresh and random each time: using one twice under the same key
/// reveals both plaintexts.
///
/// The plaintext is encrypted in its own buffer; with [`OVERHEAD`] bytes of spare capacity no
/// second buffer is needed.
///
/// # Errors
/// [`EnvelopeError::TooLong`] above 64 GiB.
pub fn encrypt(key: &Key, iv: [u8; IV], mut plaintext: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, EnvelopeError> {
    prepend(&mut plaintext, &[FAMILY, VERSION, &iv].concat(), TAG);
    let tag = key.cipher().encrypt_inout_detached(&iv.into(), &[], (&mut plaintext[HEADER..]).into());
    plaintext.extend_from_slice(&tag.map_err(|_| EnvelopeError::TooLong)?);
    Ok(std::mem::take(&mut *plaintext))
}

/// Decrypts into a new buffer that is wiped on drop.
///
/// # Errors
/// [`EnvelopeError`]; nothing of the plaintext is returned unless the tag fits.
pub fn decrypt(key: &Key, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let (iv, ciphertext, tag) = parts(bytes)?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    let opened =
        key.cipher().decrypt_inout_detached(&iv.into(), &[], plaintext.as_mut_slice().into(), &tag.into());
    match opened {
        Ok(()) => Ok(plaintext),
        Err(_) => {
            plaintext.zeroize();
            Err(EnvelopeError::WrongKey)
        }
    }
}

/// IV, ciphertext, tag.
type Parts<'a> = ([u8; IV], &'a [u8], [u8; TAG]);

/// Judges everything that can be judged without a key.
pub(super) fn parts(bytes: &[u8]) -> Result<Parts<'_>, EnvelopeError> {
    match magic::judge(bytes, FAMILY, VERSION) {
        Magic::Match => {}
        Magic::Truncated => return Err(EnvelopeError::Truncated),
        Magic::OtherVersion => return Err(EnvelopeError::UnsupportedVersion),
        Magic::Foreign => return Err(EnvelopeError::NotAnEnvelope),
    }
    let rest = &bytes[FAMILY.len() + VERSION.len()..];
    let (iv, rest) = rest.split_first_chunk().ok_or(EnvelopeError::Truncated)?;
    let (ciphertext, tag) = rest.split_last_chunk().ok_or(EnvelopeError::Truncated)?;
    Ok((*iv, ciphertext, *tag))
}

/// Puts `header` before the content and leaves room for `behind` bytes after it. Moves within
/// the buffer when its capacity allows; otherwise the old buffer is wiped.
pub(super) fn prepend(buffer: &mut Zeroizing<Vec<u8>>, header: &[u8], behind: usize) {
    let length = header.len() + buffer.len();
    if buffer.capacity() < length + behind {
        let mut wider = Zeroizing::new(Vec::with_capacity(length + behind));
        wider.extend_from_slice(header);
        wider.extend_from_slice(buffer);
        *buffer = wider;
    } else {
        let content = buffer.len();
        buffer.resize(length, 0);
        buffer.copy_within(..content, header.len());
        buffer[..header.len()].copy_from_slice(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.to_vec())
    }

    #[test]
    fn a_key_shows_nothing_and_has_a_stable_id() {
        let key = Key::derive("password", "salt", 1);
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(key.id(), Key::derive("password", "salt", 1).id());
        assert_ne!(key.id(), Key::derive("password", "salt", 2).id());
        assert_eq!(key.id().to_string().parse(), Ok(key.id()));
        assert!("ABCDEF0123456789".parse::<KeyId>().is_err());
        assert!("abc".parse::<KeyId>().is_err());
    }

    #[test]
    fn a_published_derivation_is_met() {
        // RFC 7914, section 11: PBKDF2-HMAC-SHA256("passwd", "salt", 1).
        let key = Key::derive("passwd", "salt", 1);
        assert_eq!(key.0[..8], [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]);
    }

    #[test]
    fn the_buffer_is_reused_when_it_has_room() {
        let key = Key::derive("a", "b", 1);
        let mut roomy = Zeroizing::new(Vec::with_capacity(5 + OVERHEAD));
        roomy.extend_from_slice(b"hello");
        let at = roomy.as_ptr();
        let sealed = encrypt(&key, [1; 12], roomy).unwrap();
        assert_eq!(sealed.as_ptr(), at);
        assert_eq!(sealed, encrypt(&key, [1; 12], plain(b"hello")).unwrap());
        assert_eq!(decrypt(&key, &sealed).unwrap().as_slice(), b"hello");
    }

    #[test]
    fn every_cut_and_every_flip_is_refused() {
        let key = Key::derive("a", "b", 1);
        let sealed = encrypt(&key, [1; 12], plain(b"hello")).unwrap();
        for cut in 0..sealed.len() {
            assert!(decrypt(&key, &sealed[..cut]).is_err(), "{cut}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decrypt(&key, &flipped).is_err(), "{bit}");
        }
    }
}
