//! From the bucket to a folder in memory: fetch, decrypt, check, unpack.

use bytes::Bytes;
use vsync_core::format::bundle::{self, OpenError};
use vsync_core::format::envelope::{EnvelopeError, OVERHEAD};
use vsync_core::format::seal::SealError;
use vsync_core::sync::Problem;
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;

use super::remote::{PointerRead, Remote};
use crate::tasks;

/// A version that was fetched and opened.
#[derive(Debug)]
pub struct Fetched {
    /// Its content.
    pub snapshot: Snapshot,
    /// Its bundle, which is worth keeping and is not in the cache.
    pub bundle: Option<(Version, Bytes)>,
}

impl Remote {
    /// Fetches the bundle that the pointer names, from the cache where it is, and opens it.
    /// `proven` says that this key has opened a bundle of the vault before: then one that does
    /// not open was changed by somebody.
    ///
    /// # Errors
    /// Why it cannot be had, or must not be used.
    pub async fn open(&self, read: &PointerRead, proven: bool) -> Result<Fetched, Problem> {
        let version = read.pointer.version;
        let key = self.key().await?;
        let (sealed, etag) = self.bundle(read).await?;
        let fetched = etag.is_some();
        let overwritten =
            etag.is_some_and(|etag| is_another(read.pointer.bundle_etag.as_deref(), &etag, &sealed));
        let own = key.id();
        let (limits, folder) = (self.limits, self.vault_folder.clone());
        let bytes = sealed.clone();
        let opened = tasks::blocking(move || bundle::open(&bytes, &key, version, limits, &folder));
        match opened.await? {
            Ok(_) if overwritten => Err(Problem::Tampered(format!(
                "the bundle under v={version} is a good one, but not the one that this pointer was written for: \
                 another push, or somebody else, overwrote it"
            ))),
            // What came from the cache is there already.
            Ok(opened) => {
                Ok(Fetched { snapshot: opened.snapshot, bundle: fetched.then_some((version, sealed)) })
            }
            Err(error) => {
                let other_key = read.pointer.key_id.as_ref().is_some_and(|claimed| *claimed != own);
                let same_key = read.pointer.key_id.as_ref() == Some(&own);
                Err(refusal(error, other_key, proven || same_key))
            }
        }
    }

    /// The bundle, and its entity tag where the store was asked.
    async fn bundle(&self, read: &PointerRead) -> Result<(Bytes, Option<String>), Problem> {
        let version = read.pointer.version;
        let limit = self.limits.bundle.saturating_add(OVERHEAD as u64);
        // A name is used once, so what is cached under it is it; what does not open is fetched.
        let cache = self.bundles.clone();
        let cached = tasks::blocking(move || cache.cached_bundle(version, limit)).await?;
        if let Ok(Some(bytes)) = cached
            && is_current(read.pointer.bundle_etag.as_deref(), &bytes)
        {
            return Ok((bytes.into(), None));
        }
        match self.place.store.get(&self.place.bundle(version), limit).await? {
            Some(object) => Ok((object.body, Some(object.head.etag))),
            None => Err(Problem::Torn(version)),
        }
    }
}

/// Whether cached bytes are what the pointer means. Most stores name a body by its MD5; where
/// the pointer does not, only the store can tell.
fn is_current(etag: Option<&str>, bytes: &[u8]) -> bool {
    etag == Some(&md5(bytes))
}

/// Whether these bytes are certainly not those that the pointer was written for. Entity tags that
/// are no MD5, of large uploads or encrypted buckets, change when an object is copied and prove
/// nothing.
fn is_another(meant: Option<&str>, etag: &str, bytes: &[u8]) -> bool {
    let plain = |tag: &str| tag.len() == 32 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    meant.is_some_and(|meant| plain(meant) && meant != etag) && etag == md5(bytes)
}

fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    md5::Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refusal(error: OpenError, other_key: bool, proven: bool) -> Problem {
    match error {
        OpenError::Envelope(EnvelopeError::WrongKey) if other_key => Problem::KeyRotated,
        OpenError::Envelope(EnvelopeError::WrongKey) if proven => {
            Problem::Tampered("the bundle does not open with the key that opened earlier ones".to_owned())
        }
        OpenError::Envelope(EnvelopeError::WrongKey) => Problem::WrongKey,
        OpenError::Envelope(EnvelopeError::UnsupportedVersion)
        | OpenError::Seal(SealError::UnsupportedVersion) => Problem::UnsupportedVersion(error.to_string()),
        OpenError::Envelope(_) | OpenError::Seal(_) => Problem::Tampered(error.to_string()),
        OpenError::Bundle(ref inner) => match inner.kind() {
            "too_large" => Problem::TooLarge(error.to_string()),
            "unsafe_archive" => Problem::UnsafeArchive(error.to_string()),
            _ => Problem::CorruptArchive(error.to_string()),
        },
    }
}
