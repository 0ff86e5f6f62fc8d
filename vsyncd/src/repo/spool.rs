//! Audit rows that wait on disk until they are sent: a file each.

use std::path::{Path, PathBuf};

use vsync_core::format::audit::Row;

use crate::clock;
use crate::disk::atomic::{self, Unsettled};

/// A row on disk is at most this large.
const ROW_LIMIT: u64 = 64 << 10;

/// A row in a file that waits to be sent.
#[derive(Debug)]
pub struct Spooled {
    path: PathBuf,
    file: Unsettled,
}

impl Spooled {
    /// Makes it outlive a power cut, if it still waits. Blocks.
    pub fn settle(&self) {
        if self.path.exists()
            && let Err(error) = self.file.settle()
        {
            tracing::warn!(%error, "an audit row may not outlive a power cut");
        }
    }
}

/// Puts a row into a file of its own, named by the time. Blocks.
pub(super) fn save(spool: &Path, row: &Row) -> std::io::Result<Spooled> {
    atomic::create_private_dirs(spool)?;
    let json = serde_json::to_vec(row)?;
    // The name orders the rows of this machine.
    let stamp = clock::now().as_nanosecond();
    let mut name = stamp;
    loop {
        let path = spool.join(format!("{name:020}.json"));
        match atomic::write_new_unsettled(&path, &json, 0o600) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && name < stamp + 1000 => {
                name += 1;
            }
            other => return Ok(Spooled { file: other?, path }),
        }
    }
}

/// What waits in the spool folder.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Everything that goes when the rows were sent.
    pub(super) files: Vec<PathBuf>,
    pub(super) rows: Vec<Row>,
    /// Something is left that could not be read now.
    unread: bool,
}

impl Waiting {
    pub(super) fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.rows.is_empty() && !self.unread
    }
}

/// Everything that waits, oldest first. Blocks.
pub(super) fn waiting(spool: &Path) -> std::io::Result<Waiting> {
    let entries = match spool.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(error),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
    files.sort();
    let mut rows = Vec::with_capacity(files.len());
    let mut unread = false;
    files.retain(|file| {
        let row = atomic::read_limited(file, ROW_LIMIT).map(|bytes| serde_json::from_slice(&bytes));
        match row {
            Ok(Ok(row)) => rows.push(row),
            Ok(Err(_)) => tracing::warn!(file = %file.display(), "an audit row was damaged; it is lost"),
            Err(error) => {
                // Another time it may be readable.
                tracing::warn!(file = %file.display(), %error, "an audit row cannot be read");
                unread = true;
                return false;
            }
        }
        true
    });
    Ok(Waiting { files, rows, unread })
}

#[cfg(test)]
mod tests {
    use vsync_core::format::audit::{Action, Meta};

    use super::*;

    #[test]
    fn a_row_that_cannot_be_read_now_is_kept_for_later() {
        let spool = tempfile::tempdir().unwrap();
        let author = super::super::author::Author::default();
        let row = author.row(Action::Push, None, Meta::new());
        save(spool.path(), &row).unwrap();
        let (unreadable, damaged) = (spool.path().join("0.json"), spool.path().join("1.json"));
        atomic::create_private_dirs(&unreadable).unwrap();
        atomic::write_new(&damaged, b"{", 0o600).unwrap();
        let Waiting { files: sent, rows, unread } = waiting(spool.path()).unwrap();
        assert!(rows == [row] && unread);
        assert!(sent.len() == 2 && sent.contains(&damaged) && !sent.contains(&unreadable), "{sent:?}");
    }
}
