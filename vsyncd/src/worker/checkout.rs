//! One folder that is kept in step.

use std::path::{Path, PathBuf};

use vsync_core::id::Pair;

/// A registered checkout: which vault, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The vault.
    pub pair: Pair,
    /// Top of the repository.
    pub root: PathBuf,
    /// The vault folder, below the root.
    pub folder: PathBuf,
    /// The repository's `origin`, as recorded when it was registered.
    pub origin: Option<String>,
}

impl Checkout {
    /// True when a client standing in `cwd` means this checkout.
    pub fn holds(&self, cwd: &Path) -> bool {
        cwd.starts_with(&self.root)
    }
}

impl From<crate::disk::state::Checkout> for Checkout {
    fn from(entry: crate::disk::state::Checkout) -> Self {
        let folder = entry.root.join(&entry.vault_folder);
        Self { pair: Pair::new(entry.repo, entry.env), root: entry.root, folder, origin: entry.origin }
    }
}
