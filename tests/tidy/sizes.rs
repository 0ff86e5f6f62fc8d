//! How large things get.

use crate::{code, tree};

/// No Rust file is larger, in bytes.
const BYTES: usize = 40_000;
/// A file that is longer needs a reason below.
const LINES: usize = 350;
/// No function is longer.
const FUNCTION_LINES: usize = 80;

/// Files that are longer than [`LINES`], with the reason. One that has shrunk has to go from here.
/// Formats and handlers may be longer without being listed.
const LONG: [(&str, &str); 0] = [];

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
        if lines <= LINES && listed {
            found.push(format!("{file} has only {lines} lines: take it off the list"));
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
