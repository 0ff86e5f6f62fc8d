//! One watcher for every vault folder. It only says when to look: whether anything was edited is
//! decided by a scan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// Who is told about which folder.
type Routes = BTreeMap<PathBuf, Arc<Notify>>;

/// Watches folders and wakes whoever asked. Where the system has no watches left, the periodic
/// rescan of each worker remains.
#[derive(Debug)]
pub struct Watcher {
    system: Mutex<Option<RecommendedWatcher>>,
    routes: Arc<Mutex<Routes>>,
}

impl Watcher {
    /// Starts watching nothing.
    pub fn start() -> Self {
        let routes: Arc<Mutex<Routes>> = Arc::default();
        let told = Arc::clone(&routes);
        let system = notify::recommended_watcher(move |event| tell(&lock(&told), event));
        if let Err(error) = &system {
            tracing::warn!(%error, "no file watches here; folders are rescanned instead");
        }
        Self { system: Mutex::new(system.ok()), routes }
    }

    /// Watches a folder and everything in it from now on; wakes `listener` after each change.
    /// False when the system cannot watch it. Blocks for as long as walking the folder takes.
    pub fn watch(&self, folder: &Path, listener: Arc<Notify>) -> bool {
        let folder = real(folder);
        lock(&self.routes).insert(folder.clone(), listener);
        self.attach(&folder)
    }

    /// Watches what is in the folder's place now: a watch stays with the folder it was made for,
    /// also when that was exchanged for another.
    pub fn rewatch(&self, folder: &Path) -> bool {
        let folder = real(folder);
        if let Some(system) = lock(&self.system).as_mut() {
            // It may never have been watched, or be gone with its folder.
            let _ = system.unwatch(&folder);
        }
        self.attach(&folder)
    }

    /// Forgets a folder.
    pub fn unwatch(&self, folder: &Path) {
        let folder = real(folder);
        lock(&self.routes).remove(&folder);
        if let Some(system) = lock(&self.system).as_mut() {
            let _ = system.unwatch(&folder);
        }
    }

    /// One that hears of nothing but what a test tells it.
    #[cfg(test)]
    pub(crate) fn deaf() -> Self {
        Self { system: Mutex::default(), routes: Arc::default() }
    }

    /// Tells it of a change, as the system would.
    #[cfg(test)]
    pub(crate) fn tell(&self, path: &Path) {
        tell(&lock(&self.routes), Ok(notify::Event::new(EventKind::Any).add_path(path.to_owned())));
    }

    fn attach(&self, folder: &Path) -> bool {
        let mut system = lock(&self.system);
        let Some(system) = system.as_mut() else { return false };
        match system.watch(folder, RecursiveMode::Recursive) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "cannot watch; rescans remain");
                false
            }
        }
    }
}

/// The name under which the system reports events: without symlinks in the folders above.
fn real(folder: &Path) -> PathBuf {
    let Some((parent, name)) = folder.parent().zip(folder.file_name()) else {
        return folder.to_path_buf();
    };
    std::fs::canonicalize(parent).map_or_else(|_| folder.to_path_buf(), |parent| parent.join(name))
}

fn tell(routes: &Routes, event: notify::Result<notify::Event>) {
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            tracing::debug!(%error, "file watching failed; looking at every folder");
            routes.values().for_each(|listener| listener.notify_one());
            return;
        }
    };
    if event.need_rescan() {
        routes.values().for_each(|listener| listener.notify_one());
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
    for path in &event.paths {
        let found = path.ancestors().find_map(|folder| routes.get(folder));
        found.into_iter().for_each(|listener| listener.notify_one());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
