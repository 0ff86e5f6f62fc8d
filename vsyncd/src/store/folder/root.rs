//! The store's folder: its marker, and the way to folders and files below it without ever
//! following a symbolic link.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::failure::failed;
use crate::fail_point;
use crate::store::StoreError;

/// The file that makes a folder a store. Its lock is the store's lock.
pub(super) const MARKER: &str = ".vsync-store";
/// The folder of files that are not objects yet.
pub(super) const TEMPORARY: &str = ".vsync-tmp";
/// The version of the layout as a whole.
const LAYOUT: u32 = 1;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Not blocking, so that a FIFO in the store harms nobody.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
}

/// The folder, opened for one operation.
#[derive(Debug)]
pub(super) struct Root {
    folder: OwnedFd,
    path: PathBuf,
    /// What everything below gets in addition to its owner's bits: the bits of a folder that a
    /// group may write to, nothing otherwise.
    group: Mode,
}

impl Root {
    /// Opens the folder and makes sure that it is a store at this moment: the folder of a disk
    /// that is not mounted is empty and must not pass for a bucket without objects.
    ///
    /// # Errors
    /// `NoBucket` when folder or marker are missing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let root = Self::unmarked(path)?;
        match fs::statat(&root.folder, MARKER, fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(root),
            Err(Errno::NOENT) => Err(StoreError::NoBucket(format!(
                "{} has no {MARKER}: it is not mounted, or was never made a store",
                path.display()
            ))),
            Err(error) => Err(failed("look at", &path.join(MARKER), &error.into())),
        }
    }

    fn unmarked(path: &Path) -> Result<Self, StoreError> {
        // The store's own folder may be reached through a link: that is its owner's choice.
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = fs::open(path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => {
                StoreError::NoBucket(format!("{} is not a folder here", path.display()))
            }
            error => failed("open", path, &error.into()),
        })?;
        let about = fs::fstat(&folder).map_err(|error| failed("look at", path, &error.into()))?;
        let mode = Mode::from_raw_mode(about.st_mode);
        // Writable for a group is on purpose; readable alone is what mkdir does.
        let shared = mode.contains(Mode::WGRP);
        let group = if shared { mode & (Mode::RWXG | Mode::SGID) } else { Mode::empty() };
        Ok(Self { folder, path: path.to_owned(), group })
    }

    /// Makes a folder a store; one that is a store already stays as it is.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| failed("make the folder", path, &error))?;
        let root = Self::unmarked(path)?;
        let at = path.join(MARKER);
        let marker = match root.marker(true) {
            Ok(marker) => marker,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                root.refuse_foreign()?;
                let flags = FILE | OFlags::RDWR | OFlags::CREATE;
                let mode = root.file_mode();
                let marker = fs::openat(&root.folder, MARKER, flags, mode)
                    .and_then(|marker| fs::fchmod(&marker, mode).map(|()| marker))
                    .map_err(|error| failed("make", &at, &error.into()))?;
                File::from(marker)
            }
            Err(error) => return Err(failed("open", &at, &error)),
        };
        root.write_marker(marker).map_err(|error| failed("write", &at, &error))?;
        root.check_marker()?;
        Ok(root)
    }

    /// Fills an empty marker: a new one, or one whose maker died in between. The file itself is
    /// never replaced, for others may hold its lock.
    fn write_marker(&self, mut marker: File) -> io::Result<()> {
        if marker.metadata()?.len() > 0 {
            return Ok(());
        }
        fail_point::reach("marker", "made");
        let mut text = serde_json::to_vec(&Marker { version: LAYOUT })?;
        text.push(b'\n');
        marker.write_all(&text)?;
        marker.sync_all()?;
        fs::fsync(&self.folder)?;
        fail_point::reach("marker", "lasting");
        Ok(())
    }

    /// Makes sure that this version knows the store's layout.
    pub(super) fn check_marker(&self) -> Result<(), StoreError> {
        let at = self.path.join(MARKER);
        let mut text = Vec::new();
        let read = self.marker(false).and_then(|marker| marker.take(4096).read_to_end(&mut text));
        read.map_err(|error| failed("read", &at, &error))?;
        let marker: Marker = serde_json::from_slice(&text)
            .map_err(|_| StoreError::Failed(format!("{} is damaged, or was never finished", at.display())))?;
        if marker.version == LAYOUT {
            return Ok(());
        }
        Err(StoreError::Failed(format!(
            "{} says layout {}, and this version knows only {LAYOUT}",
            at.display(),
            marker.version
        )))
    }

    /// A folder with somebody's files in it is more likely a slip than a place for a store.
    fn refuse_foreign(&self) -> Result<(), StoreError> {
        let foreign = self.entries(&self.folder).map_err(|error| failed("read", &self.path, &error))?;
        match foreign.into_iter().find(|(name, _)| !name.starts_with('.') && name != "lost+found") {
            Some((name, _)) => Err(StoreError::Failed(format!(
                "{} is no store and not empty: it holds {name:?}",
                self.path.display()
            ))),
            None => Ok(()),
        }
    }

    /// The marker, opened anew: every descriptor has its own lock.
    pub(super) fn marker(&self, write: bool) -> io::Result<File> {
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        Ok(fs::openat(&self.folder, MARKER, FILE | access, Mode::empty())?.into())
    }

    /// Where the store is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder below the root, or `None` when it does not exist.
    pub(super) fn folder(&self, names: &[String]) -> io::Result<Option<OwnedFd>> {
        let mut at = self.folder.try_clone()?;
        for name in names {
            let Some(next) = self.subfolder(&at, name)? else { return Ok(None) };
            at = next;
        }
        Ok(Some(at))
    }

    /// A folder in a folder, or `None` when it does not exist.
    pub(super) fn subfolder(&self, folder: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
        match fs::openat(folder, name, FOLDER, Mode::empty()) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The folder below the root, made durably where it does not exist.
    pub(super) fn make_folder(&self, names: &[String]) -> io::Result<OwnedFd> {
        let mut at = self.folder.try_clone()?;
        for name in names {
            let next = match fs::mkdirat(&at, name.as_str(), Mode::RWXU) {
                Ok(()) => {
                    let made = fs::openat(&at, name.as_str(), FOLDER, Mode::empty())?;
                    if !self.group.is_empty() {
                        fs::fchmod(&made, Mode::RWXU | self.group)?;
                    }
                    fs::fsync(&at)?;
                    made
                }
                Err(Errno::EXIST) => fs::openat(&at, name.as_str(), FOLDER, Mode::empty())?,
                Err(error) => return Err(error.into()),
            };
            at = next;
        }
        Ok(at)
    }

    /// A new file, private until it gets the store's group bits.
    pub(super) fn make_file(&self, folder: &OwnedFd, name: &str) -> io::Result<File> {
        let flags = FILE | OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?;
        if !self.group.is_empty() {
            fs::fchmod(&file, self.file_mode())?;
        }
        Ok(file.into())
    }

    fn file_mode(&self) -> Mode {
        Mode::RUSR | Mode::WUSR | (self.group & (Mode::RGRP | Mode::WGRP))
    }

    /// A file for reading, or `None` when it does not exist.
    pub(super) fn file(&self, folder: &OwnedFd, name: &str) -> io::Result<Option<File>> {
        match fs::openat(folder, name, FILE | OFlags::RDONLY, Mode::empty()) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Names and whether they are folders; links and names that are not UTF-8 are left out.
    pub(super) fn entries(&self, folder: &OwnedFd) -> io::Result<Vec<(String, bool)>> {
        let mut found = Vec::new();
        for entry in fs::Dir::read_from(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                fs::FileType::Unknown => {
                    let about = fs::statat(folder, name, fs::AtFlags::SYMLINK_NOFOLLOW)?;
                    fs::FileType::from_raw_mode(about.st_mode)
                }
                known => known,
            };
            if !kind.is_symlink() {
                found.push((name.to_owned(), kind.is_dir()));
            }
        }
        Ok(found)
    }
}
