//! One watcher for every vault folder. It only says when to look: whether anything was edited is
//! decided by a scan.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// Who is told about which folder.
type Routes = BTreeMap<PathBuf, Route>;

/// Asks the system for a watcher that tells these.
type Opens = fn(&Arc<Mutex<Routes>>) -> notify::Result<RecommendedWatcher>;

/// Device and inode of the folder that a watch was made for.
type FolderMark = (u64, u64);

#[derive(Debug)]
struct Route {
    listener: Arc<Notify>,
    /// The folder that is watched from top to bottom; `None` when none is, or not all of it.
    watched: Option<FolderMark>,
}

/// Whether edits of a folder are heard of at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// They are.
    Heard,
    /// The system refuses, for this reason: edits are seen by looks alone.
    Refused(String),
    /// There is no folder now.
    Absent,
}

/// Watches folders and wakes whoever asked. Where the system has no watches left, the periodic
/// rescan of each worker remains, and each rescan asks for a watch again.
#[derive(Debug)]
pub struct Watcher {
    opens: Opens,
    system: Mutex<Option<RecommendedWatcher>>,
    routes: Arc<Mutex<Routes>>,
}

impl Watcher {
    /// Starts watching nothing.
    pub fn start() -> Self {
        let routes: Arc<Mutex<Routes>> = Arc::default();
        let system = open(&routes);
        if let Err(error) = &system {
            tracing::warn!(%error, "no file watches here; folders are rescanned instead");
        }
        Self { opens: open, system: Mutex::new(system.ok()), routes }
    }

    /// Watches a folder and everything in it from now on; wakes `listener` after each change.
    /// Blocks for as long as walking the folder takes.
    pub fn watch(&self, folder: &Path, listener: Arc<Notify>) -> Watching {
        lock(&self.routes).insert(real(folder), Route { listener, watched: None });
        self.ensure(folder)
    }

    /// Watches what is in the folder's place now, unless it is watched already: a watch stays with
    /// the folder it was made for, also when that was exchanged for another.
    pub fn ensure(&self, folder: &Path) -> Watching {
        let folder = real(folder);
        if self.watches(&folder, mark(&folder)) {
            return Watching::Heard;
        }
        // One after another. The thread that tells never takes this lock.
        let mut system = lock(&self.system);
        let Some(present) = mark(&folder) else {
            self.set(&folder, None);
            return Watching::Absent;
        };
        let system = match system.as_mut() {
            Some(system) => system,
            None => match (self.opens)(&self.routes) {
                Ok(opened) => system.insert(opened),
                Err(error) => return Watching::Refused(error.to_string()),
            },
        };
        // It may never have been watched, or be gone with its folder.
        let _ = system.unwatch(&folder);
        // Set first: what is refused while events come in takes it away again.
        self.set(&folder, Some(present));
        let attached = system.watch(&folder, RecursiveMode::Recursive);
        let refused = attached.err().map(|error| why(&error));
        if refused.is_some() || mark(&folder) != Some(present) {
            self.set(&folder, None);
        }
        refused.map_or(Watching::Heard, Watching::Refused)
    }

    /// Has the next [`ensure`](Self::ensure) watch the folder anew: a part of it could not be read.
    pub fn distrust(&self, folder: &Path) {
        self.set(&real(folder), None);
    }

    /// Forgets a folder.
    pub fn unwatch(&self, folder: &Path) {
        let folder = real(folder);
        lock(&self.routes).remove(&folder);
        if let Some(system) = lock(&self.system).as_mut() {
            let _ = system.unwatch(&folder);
        }
    }

    fn watches(&self, folder: &Path, present: Option<FolderMark>) -> bool {
        let routes = lock(&self.routes);
        present.is_some() && routes.get(folder).is_some_and(|route| route.watched == present)
    }

    fn set(&self, folder: &Path, watched: Option<FolderMark>) {
        if let Some(route) = lock(&self.routes).get_mut(folder) {
            route.watched = watched;
        }
    }

    /// One that hears of nothing but what a test tells it.
    #[cfg(test)]
    pub(crate) fn deaf() -> Self {
        let opens = |_: &Arc<Mutex<Routes>>| Err(notify::Error::generic("deaf"));
        Self { opens, system: Mutex::default(), routes: Arc::default() }
    }

    /// Tells it of a change, as the system would.
    #[cfg(test)]
    pub(crate) fn tell(&self, path: &Path) {
        tell(&mut lock(&self.routes), Ok(notify::Event::new(EventKind::Any).add_path(path.to_owned())));
    }
}

fn open(routes: &Arc<Mutex<Routes>>) -> notify::Result<RecommendedWatcher> {
    let told = Arc::clone(routes);
    // A link in a vault may lead to the root of the disk: watching all that would use up every
    // watch of this user.
    let config = Config::default().with_follow_symlinks(false);
    RecommendedWatcher::new(move |event| tell(&mut lock(&told), event), config)
}

/// Which folder lies there; `None` for nothing, a link or anything else.
fn mark(folder: &Path) -> Option<FolderMark> {
    let about = folder.symlink_metadata().ok().filter(std::fs::Metadata::is_dir)?;
    Some((about.dev(), about.ino()))
}

/// The system's reason, without the paths that the error lists.
fn why(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "no file watches are left for this user".to_owned(),
        notify::ErrorKind::Io(error) => error.to_string(),
        notify::ErrorKind::Generic(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// The name under which the system reports events: without symlinks in the folders above.
fn real(folder: &Path) -> PathBuf {
    let Some((parent, name)) = folder.parent().zip(folder.file_name()) else {
        return folder.to_path_buf();
    };
    std::fs::canonicalize(parent).map_or_else(|_| folder.to_path_buf(), |parent| parent.join(name))
}

fn tell(routes: &mut Routes, event: notify::Result<notify::Event>) {
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            tracing::debug!(%error, "file watching failed; looking at every folder");
            for path in &error.paths {
                // What was made there is not watched.
                if let Some(folder) = path.ancestors().find(|folder| routes.contains_key(*folder))
                    && let Some(route) = routes.get_mut(folder)
                {
                    route.watched = None;
                }
            }
            routes.values().for_each(|route| route.listener.notify_one());
            return;
        }
    };
    if event.need_rescan() {
        routes.values().for_each(|route| route.listener.notify_one());
        return;
    }
    // Reading is reported too, ours included; a look caused by a look would never end.
    let change = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    if !change {
        return;
    }
    let moved = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
    for path in &event.paths {
        // The next folder of that name may have the inode of the one that is gone.
        if let Some(route) = routes.get_mut(path).filter(|_| moved) {
            route.watched = None;
        }
        let found = path.ancestors().find_map(|folder| routes.get(folder));
        found.into_iter().for_each(|route| route.listener.notify_one());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the folders that people would make")]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Waits until the listener was told.
    async fn told(listener: &Notify) {
        tokio::time::timeout(Duration::from_secs(60), listener.notified()).await.expect("nobody was told");
    }

    #[tokio::test]
    async fn a_folder_that_is_made_anew_is_heard_of_again() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("vault");
        let (watcher, listener) = (Watcher::start(), Arc::new(Notify::new()));
        assert_eq!(watcher.watch(&folder, Arc::clone(&listener)), Watching::Absent);
        for _ in 0..3 {
            std::fs::create_dir(&folder).unwrap();
            assert_eq!(watcher.ensure(&folder), Watching::Heard);
            std::fs::create_dir(folder.join("sub")).unwrap();
            told(&listener).await;
            std::fs::write(folder.join("sub/file"), "x").unwrap();
            told(&listener).await;
            std::fs::remove_dir_all(&folder).unwrap();
            // The next folder often has the same inode: what counts is that the loss was heard of.
            while lock(&watcher.routes)[&real(&folder)].watched.is_some() {
                told(&listener).await;
            }
            assert_eq!(watcher.ensure(&folder), Watching::Absent);
        }
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_folder_is_not_watched() {
        let temp = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", temp.path().join("vault")).unwrap();
        let watcher = Watcher::start();
        assert_eq!(watcher.watch(&temp.path().join("vault"), Arc::default()), Watching::Absent);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_link_in_the_folder_does_not_use_up_watches() {
        const FOLDERS: usize = 400;
        let temp = tempfile::tempdir().unwrap();
        let (folder, outside) = (temp.path().join("vault"), temp.path().join("outside"));
        std::fs::create_dir(&folder).unwrap();
        for number in 0..FOLDERS {
            std::fs::create_dir_all(outside.join(number.to_string())).unwrap();
        }
        std::os::unix::fs::symlink(&outside, folder.join("link")).unwrap();
        let watcher = Watcher::start();
        assert_eq!(watcher.watch(&folder, Arc::default()), Watching::Heard);
        let watches = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten().map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            text.lines().filter(|line| line.starts_with("inotify wd")).count()
        });
        assert!(watches.max().unwrap() < FOLDERS);
    }
}
