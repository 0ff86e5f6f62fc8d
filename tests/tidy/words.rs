//! Words that have no place in the tree.

use crate::{code, tree};

#[test]
fn lints_are_expected_never_allowed() {
    let found = lines_with(&["#[allow(", "#![allow("]);
    crate::report(&found, "write #[expect(lint, reason = \"…\")], which notices when it is no longer needed");
}

#[test]
fn nothing_is_left_to_do() {
    let found = lines_with(&["dbg!(", "todo!(", "unimplemented!("]);
    crate::report(&found, "finish it, or take it out");
}

#[test]
fn comments_hold_no_notes_to_self() {
    let notes = ["TODO", "FIXME", "XXX", "HACK"].map(|word| format!("// {word}"));
    let mut found = Vec::new();
    for file in tree::rust() {
        for (number, line) in tree::text(&file).lines().enumerate() {
            if notes.iter().any(|note| line.contains(note)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    crate::report(&found, "open an issue instead");
}

/// The people of the examples; any other home folder is somebody's own.
const EXAMPLE_HOMES: [&str; 4] = ["a", "ada", "bob", "u"];

#[test]
fn no_file_names_a_machine_it_was_written_on() {
    let mut found = Vec::new();
    for (file, text) in texts() {
        for marker in ["/home/", "/Users/"] {
            for (at, _) in text.match_indices(marker) {
                let rest = &text[at + marker.len()..];
                let name: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || "_-".contains(*c)).collect();
                let begins_path = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
                if begins_path && !name.is_empty() && !EXAMPLE_HOMES.contains(&name.as_str()) {
                    found.push(format!("{file}: {marker}{name}"));
                }
            }
        }
        let root = format!("/{}/", "root");
        if text.match_indices(&root).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric())) {
            found.push(format!("{file}: {root}"));
        }
    }
    crate::report(&found, "write the path as a user of the product would");
}

/// A file describes the product as it is, not how it came to be.
#[test]
fn no_file_tells_how_it_was_written() {
    let told = [
        "this ses|sion",
        "previous ses|sion",
        "sub-ag|ent",
        "ag|ent's",
        "language mo|del",
        "as an assis|tant",
    ];
    let told = told.map(|words| words.replace('|', ""));
    let mut found = Vec::new();
    for (file, text) in texts() {
        let text = text.to_lowercase();
        found.extend(
            told.iter().filter(|words| text.contains(*words)).map(|words| format!("{file}: {words}")),
        );
    }
    crate::report(&found, "say what the thing does");
}

/// Files that hold text.
fn texts() -> Vec<(String, String)> {
    let read = |file: String| {
        let bytes = std::fs::read(tree::top().join(&file)).ok()?;
        Some((file, String::from_utf8(bytes).ok()?))
    };
    tree::files().into_iter().filter_map(read).collect()
}

/// Lines of code, not of comments or literals, that hold one of these.
fn lines_with(wanted: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree::rust() {
        for (number, line) in code::bare(&tree::text(&file)).lines().enumerate() {
            if wanted.iter().any(|word| line.contains(word)) {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}
