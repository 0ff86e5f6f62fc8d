//! What changed between two trees.

use super::tree::Tree;
use crate::relpath::RelPath;

/// The names that differ between an old and a new tree, each list sorted. An empty folder that
/// came or went is listed with the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// In the new tree only.
    pub added: Vec<RelPath>,
    /// In both, with another content or mode.
    pub modified: Vec<RelPath>,
    /// In the old tree only.
    pub deleted: Vec<RelPath>,
}

impl Diff {
    /// Compares two trees.
    pub fn between(old: &Tree, new: &Tree) -> Self {
        let mut diff = Self::default();
        for (path, file) in &new.files {
            match old.files.get(path) {
                None => diff.added.push(path.clone()),
                Some(before) if before != file => diff.modified.push(path.clone()),
                Some(_) => {}
            }
        }
        diff.deleted.extend(old.files.keys().filter(|path| !new.files.contains_key(*path)).cloned());
        // A folder that merely got its first file, or lost its last, is told by the file.
        let gone = old.empty_dirs.difference(&new.empty_dirs).filter(|dir| !holds_something(new, dir));
        diff.deleted.extend(gone.cloned());
        let come = new.empty_dirs.difference(&old.empty_dirs).filter(|dir| !holds_something(old, dir));
        diff.added.extend(come.cloned());
        diff.added.sort();
        diff.deleted.sort();
        diff
    }

    /// True when the trees show no listed difference.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.deleted.is_empty()
    }

    /// How many names differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.modified.len() + self.deleted.len()
    }
}

fn holds_something(tree: &Tree, dir: &RelPath) -> bool {
    let inside =
        |path: &RelPath| path.as_str().strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'));
    tree.files.keys().any(inside) || tree.empty_dirs.iter().any(inside)
}
