//! Every file under `tests/vectors/` as a test of its own name, and the older client's objects.
//!
//! The vectors were made by another implementation. With `VSYNC_VECTORS` set, the files of that
//! folder are run instead; it is laid out the same way.
#![expect(clippy::disallowed_methods, reason = "a test reads its cases from files")]
#![expect(clippy::disallowed_macros, reason = "a test runner reports what it found")]

mod check;
mod classic;
mod keys;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = std::env::var_os("VSYNC_VECTORS").map_or_else(|| tests().join("vectors"), PathBuf::from);
    let mut files = Vec::new();
    find(&folder, &mut files);
    files.sort();
    eprintln!("{} vectors found in {}", files.len(), folder.display());
    let mut trials: Vec<Trial> = files.iter().map(|file| trial(file)).collect();
    if files.is_empty() {
        let message = format!("no vectors in {}", folder.display());
        trials.push(Trial::test("vectors::found", move || Err(Failed::from(message))));
    }
    trials.extend(classic::trials(&tests().join("classic")));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The repository's `tests` folder.
fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// The test of one file. A file that cannot be read as a vector is a test that fails.
fn trial(file: &Path) -> Trial {
    let case = std::fs::read(file).map_err(|error| error.to_string());
    let case = case.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    let case: Value = match case {
        Ok(case) => case,
        Err(error) => {
            let name = format!("unreadable::{}", file.display());
            return Trial::test(name, move || Err(Failed::from(error)));
        }
    };
    let name = format!("{}::{}", check::text(&case, "format"), check::text(&case, "name"));
    Trial::test(name, move || check::vector(&case).map_err(Failed::from))
}
