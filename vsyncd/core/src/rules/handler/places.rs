//! Key paths as a tree, so that many of them are looked up at once.

use std::collections::BTreeMap;

use crate::rules::key_path::KeyPath;

/// No document is nested deeper.
const DEPTH: usize = 512;

/// What is asked for at one place and below it.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The place itself is meant, with all below it.
    pub(super) whole: bool,
    /// By the next key.
    pub(super) below: BTreeMap<String, Places>,
}

impl Places {
    /// The root is never meant: a document always has one.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a KeyPath>) -> Self {
        let mut root = Self::default();
        for KeyPath(keys) in paths {
            if keys.is_empty() || keys.len() > DEPTH {
                continue;
            }
            let mut place = &mut root;
            for key in keys {
                place = place.below.entry(key.clone()).or_default();
            }
            place.whole = true;
        }
        root
    }
}
