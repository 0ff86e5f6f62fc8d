//! The bundle: one published state of a vault, `envelope(seal(zip))`.
//!
//! The zip alone, in an envelope without a seal, is what an encrypted backup is.

mod archive;
mod directory;
#[cfg(test)]
mod tests;
mod unarchive;

pub use archive::archive;
pub use unarchive::unarchive;

use super::envelope::{self, EnvelopeError, Key};
use super::seal::{self, SealError, SealForm};
use crate::relpath::RelPath;
use crate::vault::clash;
use crate::vault::snapshot::Snapshot;
use crate::version::Version;

/// How much a bundle may hold; what is beyond is refused before memory is spent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest bundle object, in bytes.
    pub bundle: u64,
    /// The largest sum of the files' sizes, in bytes.
    pub uncompressed: u64,
    /// The most entries: files and folders.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bundle: 256 << 20, uncompressed: 1 << 30, entries: 65_536 }
    }
}

impl Limits {
    /// Checks a folder that is about to be published: what others would refuse to open must not
    /// be pushed.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn admit(&self, snapshot: &Snapshot) -> Result<(), BundleError> {
        let entries = snapshot.files.len() + snapshot.empty_dirs.len();
        let bytes: u64 = snapshot.files.values().map(|file| file.content.len() as u64).sum();
        if entries > self.entries {
            return Err(BundleError::TooLarge(TooLarge::Entries(self.entries)));
        }
        if bytes > self.uncompressed {
            return Err(BundleError::TooLarge(TooLarge::Uncompressed(self.uncompressed)));
        }
        Ok(())
    }

    /// Checks the size of a bundle object or a zip.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn admit_bundle(&self, bytes: u64) -> Result<(), BundleError> {
        if bytes > self.bundle {
            return Err(BundleError::TooLarge(TooLarge::Bundle(self.bundle)));
        }
        Ok(())
    }
}

/// Which limit was met, with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// The object as stored.
    #[error("it is larger than {0} bytes")]
    Bundle(u64),
    /// The files' contents together.
    #[error("its files are larger than {0} bytes together")]
    Uncompressed(u64),
    /// Files and folders.
    #[error("it has more than {0} entries")]
    Entries(usize),
}

/// Why a zip was not made or not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry that could harm the folder it is unpacked into. Nothing of the bundle is used.
    #[error("the entry '{entry}' is refused: {why}")]
    UnsafeArchive {
        /// Its name, control characters escaped.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a zip, damaged, or made with a method that is not used here.
    #[error("the archive is damaged: {0}")]
    CorruptArchive(&'static str),
    /// Beyond a limit.
    #[error("the bundle is too large: {0}")]
    TooLarge(TooLarge),
    /// Two names that some file systems take for one.
    #[error("'{0}' and '{1}' differ only by case or Unicode form; rename one")]
    NameClash(RelPath, RelPath),
    /// The archive writer gave up, on a name it cannot hold for example.
    #[error("the archive cannot be written: {0}")]
    Unwritable(String),
}

impl BundleError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UnsafeArchive { .. } => "unsafe_archive",
            Self::CorruptArchive(_) => "corrupt_archive",
            Self::TooLarge(_) => "too_large",
            Self::NameClash(..) => "name_clash",
            Self::Unwritable(_) => "unwritable",
        }
    }
}

/// Why a bundle was not opened: one of its three layers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The outer layer.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The middle layer.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The zip.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl OpenError {
    /// The word for this kind of error in documentation and test vectors.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Envelope(error) => error.kind(),
            Self::Seal(error) => error.kind(),
            Self::Bundle(error) => error.kind(),
        }
    }
}

/// An opened bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its content.
    pub snapshot: Snapshot,
    /// How it was sealed: the classic form means that the older client wrote it.
    pub form: SealForm,
}

/// Makes the bundle of a folder. `iv` must be fresh and random.
///
/// # Errors
/// [`BundleError::NameClash`] when the folder could not be unpacked everywhere;
/// [`BundleError::Unwritable`] when the zip cannot hold it.
pub fn pack(snapshot: &Snapshot, version: Version, key: &Key, iv: [u8; 12]) -> Result<Vec<u8>, BundleError> {
    if let Some((one, other)) = clash::clashes(snapshot.files.keys().chain(&snapshot.empty_dirs)) {
        return Err(BundleError::NameClash(one, other));
    }
    let sealed = seal::write(version, archive(snapshot)?);
    envelope::encrypt(key, iv, sealed).map_err(|error| BundleError::Unwritable(error.to_string()))
}

/// Opens a bundle that the pointer names as `version`. Under the classic seal the entries may
/// carry `vault_folder`, the path of the folder from the top of the repository.
///
/// # Errors
/// [`OpenError`]; then nothing of it may be used.
pub fn open(
    bytes: &[u8],
    key: &Key,
    version: Version,
    limits: Limits,
    vault_folder: &str,
) -> Result<Opened, OpenError> {
    limits.admit_bundle(bytes.len() as u64)?;
    let plaintext = envelope::decrypt(key, bytes)?;
    let sealed = seal::read(&plaintext, version)?;
    let prefix = (sealed.form == SealForm::Classic).then_some(vault_folder);
    let snapshot = unarchive(&plaintext[sealed.payload], limits, prefix)?;
    Ok(Opened { snapshot, form: sealed.form })
}
