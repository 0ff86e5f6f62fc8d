//! Objects as files in a folder: the embedded default, and a store on a shared disk.
//!
//! One object is one file with its metadata in front, replaced by one rename, so that a reader or
//! a crash sees it old or new. Writers of all processes take turns through one file lock; readers
//! take none. The layout is described in `docs/folder-store.md`.

mod failure;
mod key;
mod lock;
mod object;
mod root;
mod write;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Mutex, Semaphore};

use self::failure::failed;
use self::key::{Part, Place, folders_of};
use self::lock::StoreLock;
use self::object::ObjectError;
use self::root::Root;
use super::{Condition, Guards, Metadata, Object, ObjectHead, Store, StoreError};
use crate::tasks;

/// How long a writer waits for its turn. A turn is two renames and two syncs long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a step may take before the disk counts as hanging.
const HANGS: Duration = Duration::from_secs(60);
/// What is said of a disk that hangs.
const SILENT: &str = "does not answer";
/// How many steps may be on the disk at a time.
const PLACES: usize = 16;

/// A store in a folder. Clones share their turn.
#[derive(Debug, Clone)]
pub struct FolderStore {
    path: PathBuf,
    patience: Duration,
    /// Writers of this process queue here, in order, before they try the file lock.
    turn: Arc<Mutex<()>>,
    places: Arc<Semaphore>,
}

impl FolderStore {
    /// Opens the store in an absolute folder. Blocks on the disk for a moment.
    ///
    /// # Errors
    /// `NoBucket` when there is no folder or no marker in it (never created here: the folder of a
    /// disk that is not mounted looks just so); `Failed` when the layout is from a newer version
    /// or the file system has no working locks.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        absolute(path)?;
        Self::checked(Root::open(path)?)
    }

    /// The store in an absolute folder, not looked at yet: a disk that is not mounted now may be
    /// later. Every use looks for the marker.
    ///
    /// # Errors
    /// `Failed` when the path is not absolute.
    pub fn unseen(path: &Path) -> Result<Self, StoreError> {
        absolute(path)?;
        Ok(Self::of(path.to_owned()))
    }

    /// Makes the folder a store and opens it; a store stays as it is. Blocks on the disk.
    ///
    /// A new folder gets mode 0700; one that exists keeps its mode, and when its group may write,
    /// the group's bits are passed on to everything in it.
    ///
    /// # Errors
    /// As for [`FolderStore::open`]; and `Failed` when the folder holds something else.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        absolute(path)?;
        Self::checked(Root::create(path)?)
    }

    fn checked(root: Root) -> Result<Self, StoreError> {
        root.check_marker()?;
        StoreLock::prove(&root)?;
        write::clean(&root);
        Ok(Self::of(root.path().to_owned()))
    }

    fn of(path: PathBuf) -> Self {
        let places = Arc::new(Semaphore::new(PLACES));
        Self { path, patience: PATIENCE, turn: Arc::default(), places }
    }

    /// Runs a step that blocks on an object's file.
    async fn at<T: Send + 'static>(
        &self,
        key: &str,
        step: impl FnOnce(&Root, &Place) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Place::of(key)?;
        let path = self.path.clone();
        self.bounded(move || step(&Root::open(&path)?, &place)).await
    }

    /// Runs a step on a blocking thread, for as long as a disk that answers may take. Steps on a
    /// disk that hangs hold their places, so that they do not take every thread there is.
    async fn bounded<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let places = Arc::clone(&self.places);
        let work = async move {
            let place = places.acquire_owned().await;
            let done = tasks::blocking(move || {
                let _place = place;
                step()
            });
            done.await.map_err(|panicked| StoreError::Failed(panicked.to_string()))?
        };
        let hangs = || StoreError::Unreachable(format!("{} {SILENT}", self.path.display()));
        tokio::time::timeout(HANGS, work).await.unwrap_or_else(|_| Err(hangs()))
    }
}

fn absolute(path: &Path) -> Result<(), StoreError> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(StoreError::Failed(format!("the store's folder {} is not an absolute path", path.display())))
}

/// Opens an object's file and does something with it; `None` when there is no object.
fn with_file<T>(
    root: &Root,
    place: &Place,
    limit: u64,
    read: impl FnOnce(&File) -> Result<T, ObjectError>,
) -> Result<Option<T>, StoreError> {
    let path = root.path().join(place.folders.join("/")).join(&place.file);
    let opened = root.folder(&place.folders).and_then(|folder| match folder {
        Some(folder) => root.file(&folder, &place.file),
        None => Ok(None),
    });
    let Some(file) = opened.map_err(|error| failed("open", &path, &error))? else { return Ok(None) };
    read(&file).map(Some).map_err(|error| match error {
        ObjectError::Io(error) => failed("read", &path, &error),
        ObjectError::TooLarge(size) => StoreError::TooLarge { size, limit },
        damage => StoreError::Failed(format!("{}: {damage}", path.display())),
    })
}

fn head_at(root: &Root, place: &Place) -> Result<Option<ObjectHead>, StoreError> {
    with_file(root, place, 0, object::read_head)
}

/// Collects the objects below a folder whose keys start with `prefix`.
fn walk(
    root: &Root,
    folder: &OwnedFd,
    above: &str,
    prefix: &str,
    found: &mut Vec<(String, u64)>,
) -> std::io::Result<()> {
    for (name, is_folder) in root.entries(folder)? {
        match Part::of(&name, is_folder) {
            Some(Part::Folder(part)) => {
                let below = format!("{above}{part}/");
                if !below.starts_with(prefix) && !prefix.starts_with(&below) {
                    continue;
                }
                if let Some(folder) = root.subfolder(folder, &name)? {
                    walk(root, &folder, &below, prefix, found)?;
                }
            }
            Some(Part::Object(part)) => {
                let key = format!("{above}{part}");
                if !key.starts_with(prefix) {
                    continue;
                }
                let Some(file) = root.file(folder, &name)? else { continue };
                // A damaged object is still a key; reading it tells what is wrong.
                let size = object::read_head(&file).map(|head| head.size);
                found.push((key, size.or_else(|_| file.metadata().map(|about| about.len()))?));
            }
            None => {}
        }
    }
    Ok(())
}

#[async_trait]
impl Store for FolderStore {
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError> {
        self.at(key, head_at).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        self.at(key, move |root, place| with_file(root, place, limit, |file| object::read(file, limit))).await
    }

    async fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let place = Place::of(key)?;
        let waited = tokio::time::timeout(self.patience, Arc::clone(&self.turn).lock_owned()).await;
        let turn = waited.map_err(|_| {
            StoreError::Unreachable(format!("earlier writes to {} do not end", self.path.display()))
        })?;
        let (path, patience, metadata) = (self.path.clone(), self.patience, metadata.clone());
        let written = self.bounded(move || {
            let _turn = turn;
            write::put(&Root::open(&path)?, &place, &body, &metadata, &condition, patience)
        });
        match written.await {
            // A write that hangs may happen yet.
            Err(StoreError::Unreachable(why)) if why.ends_with(SILENT) => Err(StoreError::Unclear(why)),
            written => written,
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let (path, prefix) = (self.path.clone(), prefix.to_owned());
        let names = folders_of(&prefix)?;
        self.bounded(move || {
            let root = Root::open(&path)?;
            let above = prefix.rsplit_once('/').map(|(above, _)| format!("{above}/")).unwrap_or_default();
            let mut found = Vec::new();
            let walked = root.folder(&names).and_then(|folder| match folder {
                Some(folder) => walk(&root, &folder, &above, &prefix, &mut found),
                None => Ok(()),
            });
            walked.map_err(|error| failed("list", &path, &error))?;
            found.sort();
            Ok(found)
        })
        .await
    }

    fn guards(&self) -> Option<Guards> {
        Some(Guards::ALL)
    }

    async fn probe(&self, _key: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn describe(&self) -> String {
        format!("file://{}", self.path.display())
    }
}

#[cfg(test)]
mod tests;
