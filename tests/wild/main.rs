//! Files in the shapes that tools write, each with a merge: a folder per file under `<format>/<name>/` with
//! `before`, `incoming` and `after` (any extension; without `before` the file does not exist yet), and
//! options in `options.json`. The result is `after` to the byte, and readers other than ours find in it what
//! came in. So it is with the pictures of the documentation.
#![expect(clippy::disallowed_methods, reason = "a test reads its cases from files")]
#![expect(clippy::disallowed_macros, reason = "a test runner reports what it found")]

mod holds;
mod pictures;
#[expect(dead_code, reason = "shared with the cases, which ask more of it")]
#[path = "../merge/read/mod.rs"]
mod read;
#[expect(dead_code, reason = "shared with the cases, which ask more of it")]
#[path = "../merge/value.rs"]
mod value;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use vsync_core::rules::handler::{self, Format, Options};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/wild");
    let mut trials = Vec::new();
    for format in Format::ALL {
        let folders = folders(&top.join(format.as_str()));
        eprintln!("{} files of {format} found", folders.len());
        trials.extend(folders.into_iter().map(|folder| {
            let name = folder.file_name().unwrap_or_default().display().to_string();
            Trial::test(format!("{format}::{name}"), move || wild(format, &folder).map_err(Failed::from))
        }));
    }
    trials.push(Trial::test("docs::pictures", || pictures::are_true().map_err(Failed::from)));
    if trials.len() < 2 {
        trials.push(Trial::test("wild::found", || Err(Failed::from("there are no files"))));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn folders(top: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(top).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The file of a folder whose name begins so.
fn file(folder: &Path, stem: &str) -> Result<Option<Vec<u8>>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    for entry in entries.flatten() {
        if entry.path().file_stem().is_some_and(|name| name == stem) {
            return std::fs::read(entry.path()).map(Some).map_err(|error| error.to_string());
        }
    }
    Ok(None)
}

fn wild(format: Format, folder: &Path) -> Result<(), String> {
    let before = file(folder, "before")?.unwrap_or_default();
    let incoming = file(folder, "incoming")?.ok_or("nothing incoming")?;
    let after = file(folder, "after")?.ok_or("nothing to compare with")?;
    let options = match file(folder, "options")? {
        None => Options::default(),
        Some(json) => {
            let json = read::json::read(read::text(&json)?, false)?;
            Options { delete_nulls: json.field("delete_nulls").is_some_and(value::Value::is_true) }
        }
    };
    let merge = |existing: &[u8]| {
        handler::merge(format, existing, &incoming, options).map_err(|error| error.to_string())
    };
    let merged = merge(&before)?;
    if merged.bytes.as_slice() != after {
        return Err(format!("became\n{}", String::from_utf8_lossy(&merged.bytes)));
    }
    if merged.changes.is_empty() != (before == after) {
        return Err(format!("told {:?}", merged.changes));
    }
    let again = merge(&after)?;
    if again.bytes.as_slice() != after || !again.changes.is_empty() {
        return Err(format!("merging again changes {:?}", again.changes));
    }
    holds::incoming(format, &after, &incoming, options)
}
