//! One write: a temporary file, complete and on disk, becomes the object by one rename.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use rustix::fs::{self, AtFlags};

use super::failure::failed;
use super::key::Place;
use super::lock::StoreLock;
use super::root::{Root, TEMPORARY};
use super::{head_at, object};
use crate::fail_point;
use crate::store::{Condition, Metadata, StoreError};

/// A temporary file older than this, that no process holds, belongs to a writer that died.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes an object if the condition holds; returns its entity tag.
pub(super) fn put(
    root: &Root,
    place: &Place,
    body: &Bytes,
    metadata: &Metadata,
    condition: &Condition,
    patience: Duration,
) -> Result<String, StoreError> {
    // A write that has lost already costs no file.
    check(root, place, condition)?;
    let path = root.path().join(place.folders.join("/")).join(&place.file);
    let (draft, etag) = Draft::write(root, body, metadata)
        .map_err(|error| failed("write", &root.path().join(TEMPORARY), &error))?;
    fail_point::file(&path, "drafted");
    let folder =
        root.make_folder(&place.folders).map_err(|error| failed("make the folder of", &path, &error))?;
    let lock = StoreLock::take(root, patience)?;
    check(root, place, condition)?;
    draft.publish(&folder, &place.file, &path).map_err(|(renamed, error)| {
        match failed("write", &path, &error) {
            // The disk has no room for the name: there was no rename.
            full @ StoreError::Disk(_) if !renamed => full,
            // The object may be the new one whatever the disk answers.
            _ => StoreError::Unclear(format!("{}: {error}", path.display())),
        }
    })?;
    fail_point::file(&path, "lasting");
    drop(lock);
    Ok(etag)
}

fn check(root: &Root, place: &Place, condition: &Condition) -> Result<(), StoreError> {
    let present = head_at(root, place)?;
    condition.check(present.as_ref().map(|head| head.etag.as_str()))
}

/// A complete file that is no object yet; removed unless it becomes one. Its writer holds its
/// lock, so that nobody else takes it for abandoned.
struct Draft {
    folder: OwnedFd,
    name: String,
    _file: File,
    published: bool,
}

impl Draft {
    fn write(root: &Root, body: &Bytes, metadata: &Metadata) -> io::Result<(Self, String)> {
        let folder = root.make_folder(&[TEMPORARY.to_owned()])?;
        let name = format!("{:016x}", getrandom::u64().map_err(io::Error::other)?);
        let mut file = root.make_file(&folder, &name)?;
        // Without the lock its age still protects it.
        let _ = file.try_lock();
        let draft = Self { folder, name, _file: file.try_clone()?, published: false };
        let etag = object::write(&mut file, body, metadata)?;
        file.sync_all()?;
        Ok((draft, etag))
    }

    /// Fails with whether the rename was done.
    fn publish(mut self, folder: &OwnedFd, name: &str, path: &Path) -> Result<(), (bool, io::Error)> {
        let renamed = fs::renameat(&self.folder, self.name.as_str(), folder, name);
        renamed.map_err(|error| (false, error.into()))?;
        self.published = true;
        fail_point::file(path, "renamed");
        fs::fsync(folder).map_err(|error| (true, error.into()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::unlinkat(&self.folder, self.name.as_str(), AtFlags::empty());
        }
    }
}

/// Removes what writers left behind when they died. Best effort: it is only litter.
pub(super) fn clean(root: &Root) {
    let Ok(Some(folder)) = root.folder(&[TEMPORARY.to_owned()]) else { return };
    for (name, is_folder) in root.entries(&folder).unwrap_or_default() {
        let Ok(Some(file)) = root.file(&folder, &name) else { continue };
        if !is_folder && is_old(&file) && file.try_lock().is_ok() {
            let _ = fs::unlinkat(&folder, name.as_str(), AtFlags::empty());
        }
    }
}

/// By the disk's times, which are not the daemon's clock.
fn is_old(file: &File) -> bool {
    let modified = file.metadata().and_then(|about| about.modified());
    modified.ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age > ABANDONED)
}
