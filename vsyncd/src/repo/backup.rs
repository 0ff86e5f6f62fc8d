//! Backups, opened again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vsync_core::format::bundle::{Limits, unarchive};
use vsync_core::format::envelope::{self, EnvelopeError, Key};
use vsync_core::id::Env;
use vsync_core::sync::Problem;
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;

use super::trouble::io_problem;
use crate::clock;
use crate::disk::atomic;
use crate::disk::displaced::remove_tree;
use crate::disk::exchange::{ExchangeError, exchange, put_back};
use crate::disk::stage::{Modes, stage};
use crate::tasks;

/// What a restore wrote.
#[derive(Debug, Clone, Copy)]
pub struct Restored {
    /// Number of files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Opens the backup file and writes it into a new folder.
///
/// # Errors
/// [`Problem::WrongKey`] when the key does not open it; what the archive or the file system says.
pub async fn restore(
    file: PathBuf,
    key: Arc<Key>,
    limits: Limits,
    prefix: String,
    env: Env,
    into: PathBuf,
) -> Result<Restored, Problem> {
    tasks::blocking(move || {
        let sealed = atomic::read_limited(&file, limits.bundle)
            .map_err(|error| io_problem("cannot read the backup", &error))?;
        let snapshot = open(&sealed, &key, limits, &prefix)?;
        write(&snapshot, &env, &into)
    })
    .await?
}

fn open(sealed: &[u8], key: &Key, limits: Limits, prefix: &str) -> Result<Snapshot, Problem> {
    let zip = envelope::decrypt(key, sealed).map_err(|error| match error {
        EnvelopeError::WrongKey => Problem::WrongKey,
        other => Problem::CorruptArchive(other.to_string()),
    })?;
    // The older client's backups carry the vault's path from the top of the repository.
    unarchive(&zip, limits, Some(prefix)).map_err(|error| match error.kind() {
        "too_large" => Problem::TooLarge(error.to_string()),
        "unsafe_archive" => Problem::UnsafeArchive(error.to_string()),
        _ => Problem::CorruptArchive(error.to_string()),
    })
}

/// A folder that is there is never written into: what is in it would be mixed up.
fn write(snapshot: &Snapshot, env: &Env, into: &Path) -> Result<Restored, Problem> {
    let taken = || Problem::Io(format!("{} is there already", into.display()));
    if into.symlink_metadata().is_ok() {
        return Err(taken());
    }
    let failed = |error| io_problem("cannot write the restored folder", &error);
    let stamp = Version::at(clock::now());
    let staged = stage(into, env, stamp, snapshot, &Modes::default(), None).map_err(failed)?;
    let exchanged = exchange(&staged, into).map_err(|error| match error {
        ExchangeError::Io(error) => failed(error),
        other => Problem::FolderNotUsable(other.to_string()),
    });
    let clean_up = || {
        if let Err(error) = remove_tree(&staged.path) {
            tracing::warn!(%error, "cannot remove a folder that was not needed");
        }
    };
    match exchanged {
        Err(problem) => {
            clean_up();
            return Err(problem);
        }
        // Somebody made the folder at the last moment: theirs stays.
        Ok(exchanged) => {
            if let Some(displaced) = exchanged.displaced {
                put_back(&staged, &displaced, into)
                    .map_err(|error| Problem::FolderNotUsable(error.to_string()))?;
                clean_up();
                return Err(taken());
            }
        }
    }
    let bytes = snapshot.files.values().map(|file| file.content.len() as u64).sum();
    Ok(Restored { files: snapshot.files.len() as u64, bytes })
}
