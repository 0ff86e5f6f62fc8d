//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests lie in the repository").to_owned()
}

/// A file's text by its path from the top.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file by its path from the top, sorted; what builds leave behind is not among them.
pub(crate) fn files() -> Vec<String> {
    let mut found = Vec::new();
    collect(&top(), "", &mut found);
    found.sort();
    assert!(found.len() > 100, "only {} files were found", found.len());
    found
}

/// Every Rust file.
pub(crate) fn rust() -> Vec<String> {
    files().into_iter().filter(|path| path.ends_with(".rs")).collect()
}

/// The names in a folder.
pub(crate) fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(top().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.flatten().map(name).collect();
    names.sort();
    names
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("the kind of an entry");
        if kind.is_file() && name != ".git" {
            found.push(path);
        } else if kind.is_dir() && !skipped(&entry.path(), &name) {
            collect(&entry.path(), &format!("{path}/"), found);
        }
    }
}

/// Git's own folder and what cargo builds, under whatever name: cargo marks its folders.
fn skipped(folder: &Path, name: &str) -> bool {
    name == ".git" || name == "artifacts" || folder.join("CACHEDIR.TAG").exists()
}
