//! Backups, opened again.

use std::io;
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
use crate::disk::exchange::{ExchangeError, exchange, put_back, settle};
use crate::disk::sibling::{SiblingKind, siblings};
use crate::disk::stage::{Modes, Staged, stage_announced};
use crate::disk::state::{Loaded, RestoreIntent, RestoreJournal, StateDir};
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
    (into, state): (PathBuf, StateDir),
) -> Result<Restored, Problem> {
    tasks::blocking(move || {
        let sealed = atomic::read_limited(&file, limits.bundle)
            .map_err(|error| io_problem("cannot read the backup", &error))?;
        let snapshot = open(&sealed, &key, limits, &prefix)?;
        // A folder that is there is never written into: what is in it would be mixed up.
        if into.symlink_metadata().is_ok() {
            return Err(taken(&into));
        }
        let failed = |error| io_problem("cannot journal the restore", &error);
        let journal = state.restore().map_err(failed)?;
        let stamp = Version::at(clock::now());
        let intent = RestoreIntent { into, env, stamp, staged_id: None };
        journal.save(&intent).map_err(failed)?;
        let written = write(&snapshot, &intent, &journal);
        // What could not be removed from beside it is left to the next start.
        if (written.is_ok() || !leaves_anything(&intent))
            && let Err(error) = journal.clear()
        {
            // It tells of nothing that is there: the next start finds that out and removes it.
            tracing::warn!(%error, "cannot remove the journal of a restore");
        }
        written
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

/// Removes what these restores left, which were cut short: nobody ever saw it, and no vault's start would
/// find it. Blocks.
pub fn clear_away(journals: Vec<RestoreJournal>) {
    for journal in journals {
        let cleared = match journal.load() {
            Ok(Loaded::Found(intent)) => cut_short(&intent),
            Ok(Loaded::Missing | Loaded::Corrupt { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = cleared.and_then(|()| journal.clear()) {
            tracing::warn!(%error, "cannot clear away a restore that was cut short; the next start tries again");
        }
    }
}

fn cut_short(intent: &RestoreIntent) -> io::Result<()> {
    for left in left_beside(intent)? {
        remove_tree(&left)?;
    }
    Ok(())
}

/// Whether anything of this restore may still lie beside its folder.
fn leaves_anything(intent: &RestoreIntent) -> bool {
    let Some(parent) = intent.into.parent() else { return false };
    siblings(parent, &intent.env)
        .map_or(true, |found| found.iter().any(|sibling| sibling.stamp == intent.stamp))
}

/// What this restore has beside its folder. A staged folder only if it is still the one that was written:
/// under that name there may be one that somebody made at the last moment.
fn left_beside(intent: &RestoreIntent) -> io::Result<Vec<PathBuf>> {
    let Some(parent) = intent.into.parent() else { return Ok(Vec::new()) };
    let found = siblings(parent, &intent.env)?.into_iter();
    let own = found.filter(|sibling| match sibling.kind {
        SiblingKind::Part => sibling.stamp == intent.stamp,
        _ => Some(sibling.id) == intent.staged_id,
    });
    Ok(own.map(|sibling| sibling.path).collect())
}

fn taken(into: &Path) -> Problem {
    Problem::Io(format!("{} is there already", into.display()))
}

fn write(snapshot: &Snapshot, intent: &RestoreIntent, journal: &RestoreJournal) -> Result<Restored, Problem> {
    let RestoreIntent { into, env, stamp, .. } = intent;
    let failed = |error| io_problem("cannot write the restored folder", &error);
    let whole = |staged: &Staged| {
        let intent = RestoreIntent { staged_id: Some(staged.id), ..intent.clone() };
        journal.save(&intent).map(|()| None)
    };
    let plain = (&Modes::default(), None);
    let staged =
        stage_announced(into, env, *stamp, (snapshot, &snapshot.tree()), plain, whole).map_err(failed)?;
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
                return Err(taken(into));
            }
        }
    }
    if let Err(error) = settle(into) {
        // It is there, whether or not the disk can promise to remember it.
        tracing::warn!(%error, "a restored folder may not outlive a power cut");
    }
    let bytes = snapshot.files.values().map(|file| file.content.len() as u64).sum();
    Ok(Restored { files: snapshot.files.len() as u64, bytes })
}
