//! What is in a folder, wherever it is kept: on a disk, in a bundle, in a backup.

use std::collections::BTreeMap;
use std::path::Path;

use vsync_core::vault::snapshot::Snapshot;
use vsync_tests::folder::{self, Entry};

/// Files and folders by their paths.
pub(super) type Content = BTreeMap<String, Entry>;

/// What is in a folder; `None` when it is not there.
pub(super) fn on_disk(path: &Path) -> Option<Content> {
    folder::read_if_there(path)
}

/// What an archive holds, as it would be on a disk.
pub(super) fn of(snapshot: &Snapshot) -> Content {
    let mut content = Content::new();
    let folders_above = |path: &str, content: &mut Content| {
        for (at, _) in path.match_indices('/') {
            content.insert(path[..at].to_owned(), Entry::Folder);
        }
    };
    for (path, file) in &snapshot.files {
        folders_above(path.as_str(), &mut content);
        let entry = Entry::File { mode: file.mode, content: file.content.to_vec() };
        content.insert(path.as_str().to_owned(), entry);
    }
    for path in &snapshot.empty_dirs {
        folders_above(path.as_str(), &mut content);
        content.insert(path.as_str().to_owned(), Entry::Folder);
    }
    content
}

/// Whether a folder has a file with these bytes under this path.
pub(super) fn has(content: &Content, path: &str, bytes: &[u8]) -> bool {
    matches!(content.get(path), Some(Entry::File { content, .. }) if content == bytes)
}
