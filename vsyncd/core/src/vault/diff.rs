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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::properties::{config, snapshot};
    use crate::vault::tree::{ContentHash, TreeFile};

    /// A tree from names; a name that ends in `/` is an empty folder, a digit at the end of a
    /// name is its content.
    fn tree(names: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for name in names {
            if let Some(dir) = name.strip_suffix('/') {
                tree.empty_dirs.insert(RelPath::new(dir).unwrap());
            } else {
                let (name, content) = name.split_at(name.len() - 1);
                let file = TreeFile { size: 1, mode: 0o600, hash: ContentHash::of(content.as_bytes()) };
                tree.files.insert(RelPath::new(name).unwrap(), file);
            }
        }
        tree
    }

    fn shown(old: &[&str], new: &[&str]) -> [String; 3] {
        let diff = Diff::between(&tree(old), &tree(new));
        let list = |paths: &[RelPath]| paths.iter().map(RelPath::as_str).collect::<Vec<_>>().join(" ");
        [list(&diff.added), list(&diff.modified), list(&diff.deleted)]
    }

    #[test]
    fn files_come_change_and_go() {
        assert_eq!(shown(&["a1", "b1", "c1"], &["a1", "b2", "d1"]), ["d", "b", "c"]);
        assert_eq!(shown(&[], &["b1", "a/x1"]), ["a/x b", "", ""]);
    }

    #[test]
    fn a_mode_is_a_modification() {
        let old = tree(&["a1"]);
        let mut new = old.clone();
        new.files.values_mut().for_each(|file| file.mode = 0o700);
        assert_eq!(Diff::between(&old, &new).modified.len(), 1);
    }

    #[test]
    fn an_empty_folder_is_told_only_when_no_file_tells_it() {
        assert_eq!(shown(&[], &["d/"]), ["d", "", ""]);
        assert_eq!(shown(&["d/"], &[]), ["", "", "d"]);
        assert_eq!(shown(&["d/"], &["d/x1"]), ["d/x", "", ""]);
        assert_eq!(shown(&["d/x1"], &["d/"]), ["", "", "d/x"]);
        assert_eq!(shown(&["d/"], &["d/e/"]), ["d/e", "", ""]);
        // A neighbour whose name merely begins alike is no content.
        assert_eq!(shown(&["d/"], &["d.x1"]), ["d.x", "", "d"]);
    }

    #[test]
    fn a_file_may_become_a_folder() {
        assert_eq!(shown(&["d1"], &["d/x1"]), ["d/x", "", "d"]);
        assert_eq!(shown(&["d/"], &["d1"]), ["d", "", "d"]);
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn trees_differ_exactly_when_they_are_not_equal(
            old in snapshot("[ab]{1,2}"),
            new in snapshot("[ab]{1,2}"),
        ) {
            let (old, new) = (old.tree(), new.tree());
            prop_assert_eq!(Diff::between(&old, &new).is_empty(), old == new);
            prop_assert!(Diff::between(&old, &old).is_empty());
            let (there, back) = (Diff::between(&old, &new), Diff::between(&new, &old));
            prop_assert_eq!(there.len(), back.len());
            prop_assert_eq!((there.added, there.modified), (back.deleted, back.modified));
        }
    }
}
