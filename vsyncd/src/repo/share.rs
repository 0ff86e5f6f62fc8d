//! Share files: a vault's configuration and key under a passphrase.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vsync_core::format::share::{self, Share, ShareError};
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;

use super::remote::random;
use crate::tasks;

/// Seals a share file. Deriving the key from the passphrase costs about a tenth of a second.
///
/// # Errors
/// [`Problem::Internal`] when no random bytes can be had or the share does not fit the format.
pub async fn seal(share: Share, passphrase: Secret<String>) -> Result<Vec<u8>, Problem> {
    let salt = STANDARD.encode(random::<16>()?);
    let iv = random::<12>()?;
    tasks::blocking(move || share::write(&share, passphrase.expose(), &salt, iv))
        .await?
        .map_err(|error| Problem::Internal(error.to_string()))
}

/// Opens a share file.
///
/// # Errors
/// The outer one when the work itself fails, the inner one says what is wrong with the file.
pub async fn open(bytes: Vec<u8>, passphrase: Secret<String>) -> Result<Result<Share, ShareError>, Problem> {
    Ok(tasks::blocking(move || share::read(&bytes, passphrase.expose())).await?)
}
