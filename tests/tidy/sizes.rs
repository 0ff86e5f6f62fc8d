//! How large things get.

use crate::{code, tree};

/// No Rust file is larger, in bytes.
const BYTES: usize = 40_000;
/// A file that is longer needs a reason below.
const LINES: usize = 350;
/// No function is longer.
const FUNCTION_LINES: usize = 80;

/// A listed file with fewer lines than this has to go from the list.
const NO_LONGER_LONG: usize = 300;

/// Files that are longer than [`LINES`], with the reason. Formats and handlers may be longer
/// without being listed.
const LONG: [(&str, &str); 7] = [
    ("proto/src/codec.rs", "one wire format, its limits and its tests"),
    ("vsyncctl/src/cli.rs", "the help texts of all verbs"),
    ("vsyncd/core/src/sync/tests/world.rs", "one simulated world, shared by the worker's tests"),
    ("vsyncd/src/daemon.rs", "the composition root: start, reload and stop are read together"),
    ("vsyncd/src/disk/stories.rs", "one set of stories over one fixture"),
    ("vsyncd/src/worker/supervisor.rs", "starting, stopping and reconciling workers are read together"),
    ("vsyncd/src/ipc/convert.rs", "one table from problems to words and hints"),
];

#[test]
fn files_stay_small() {
    let mut found = Vec::new();
    for file in tree::rust() {
        let text = tree::text(&file);
        let lines = text.lines().count();
        if text.len() > BYTES {
            found.push(format!("{file} has {} bytes, more than {BYTES}", text.len()));
        }
        let free = file.contains("/format/") || file.contains("/handler/");
        let listed = LONG.iter().any(|(name, _)| *name == file);
        if lines > LINES && !free && !listed {
            found.push(format!("{file} has {lines} lines, more than {LINES}"));
        }
        if lines < NO_LONGER_LONG && listed {
            found.push(format!("{file} has only {lines} lines: take it off the list in tests/tidy/sizes.rs"));
        }
    }
    found.extend(
        LONG.iter()
            .filter(|(name, _)| !tree::top().join(name).exists())
            .map(|(name, _)| format!("{name} is gone")),
    );
    crate::report(&found, "split by noun, or name a reason in tests/tidy/sizes.rs");
}

#[test]
fn functions_stay_small() {
    let mut found = Vec::new();
    let mut seen = 0;
    for file in tree::rust() {
        for (line, name, lines) in code::functions(&code::bare(&tree::text(&file))) {
            seen += 1;
            if lines > FUNCTION_LINES {
                found.push(format!("{file}:{line}: {name} has {lines} lines"));
            }
        }
    }
    assert!(seen > 500, "only {seen} functions were found");
    crate::report(&found, &format!("no function is longer than {FUNCTION_LINES} lines"));
}

/// The daemon's `main.rs` reads as a boot log, the client's as one line.
#[test]
fn mains_stay_small() {
    for (file, most) in [("vsyncd/src/main.rs", 60), ("vsyncctl/src/main.rs", 20)] {
        let lines = tree::text(file).lines().count();
        assert!(
            lines <= most,
            "{file} has {lines} lines, more than {most}: new things enter through a module"
        );
    }
}

/// A name that fits everything says nothing.
#[test]
fn modules_are_named_for_what_they_hold() {
    const EMPTY: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "constants", "manager"];
    let empty = |path: &String| path.trim_end_matches(".rs").split('/').any(|part| EMPTY.contains(&part));
    let found: Vec<String> = tree::rust().into_iter().filter(empty).collect();
    crate::report(&found, "name the module after the noun it holds");
}
