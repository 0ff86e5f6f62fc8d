//! Which module may use which: an arrow only points down.

use std::collections::BTreeSet;

use crate::{code, complete, tree};

/// The daemon's modules. A module uses lower ranks and itself; those of one rank do not know
/// each other.
const SHELL: [(&str, u8); 20] = [
    ("clock", 0),
    ("detach", 0),
    ("disk::atomic", 0),
    ("fail_point", 0),
    ("harden", 0),
    ("signals", 0),
    ("tasks", 0),
    ("config", 1),
    ("disk", 1),
    ("keychain", 1),
    ("logging", 1),
    ("store", 1),
    ("targets", 1),
    ("watch", 1),
    ("repo", 2),
    ("worker", 3),
    ("ipc", 4),
    ("daemon", 5),
    ("arguments", 6),
    ("main", 7),
];

/// Core's modules, in the same way. A bundle is made of a folder's value, so formats stand above
/// the vault.
const CORE: [(&str, u8); 10] = [
    ("id", 0),
    ("relpath", 0),
    ("secret", 0),
    ("version", 0),
    ("dotenv", 1),
    ("vault", 1),
    ("format", 2),
    ("rules", 2),
    ("fanout", 2),
    ("sync", 3),
];

/// Arrows that point up, each with its reason. One that is no longer there has to go from here.
const UP: [(&str, &str, &str); 1] =
    [("ipc", "daemon", "handlers ask the daemon itself to stop, reload and show its settings")];

/// Modules of one rank that know each other for a reason.
const ASIDE: [(&str, &str, &str); 1] =
    [("disk::atomic", "fail_point", "each step of a write is a moment at which a test may kill")];

/// Who reads and writes socket messages. Everybody else speaks core's language.
const SPEAKS_PROTO: [&str; 2] = ["ipc", "daemon"];

#[test]
fn arrows_in_the_daemon_point_down() {
    check("vsyncd/src/", "vsyncd", &SHELL);
}

#[test]
fn arrows_in_core_point_down() {
    check("vsyncd/core/src/", "vsync_core", &CORE);
}

#[test]
fn only_the_socket_side_sees_its_messages() {
    let mut found = Vec::new();
    for (file, text) in production("vsyncd/src/") {
        let module = module_of(&file, "vsyncd/src/", &SHELL);
        if text.contains("vsync_proto") && !SPEAKS_PROTO.contains(&module.as_str()) {
            found.push(format!("{file} uses vsync_proto"));
        }
    }
    crate::report(&found, "answer in core's types and translate in ipc/convert.rs");
}

/// A state is translated in one place. The daemon's own line of the status is no pair's state.
#[test]
fn states_are_translated_in_one_place() {
    let sees_both = |text: &str| text.contains("vsync_proto::status") && text.contains("vsync_core::sync");
    let seen: Vec<String> = production("vsyncd/src/")
        .into_iter()
        .filter(|(_, text)| sees_both(text))
        .map(|(file, _)| file)
        .collect();
    let expected = ["vsyncd/src/daemon.rs", "vsyncd/src/ipc/convert.rs"];
    assert_eq!(seen, expected, "left: files that know both a worker's report and the status message");
}

fn check(folder: &str, own_name: &str, ranks: &[(&str, u8)]) {
    let mut found = Vec::new();
    let mut excepted = BTreeSet::new();
    let files = production(folder);
    assert!(files.len() > 10, "only {} files in {folder}", files.len());
    for (file, text) in files {
        let from = module_of(&file, folder, ranks);
        if from == "lib" {
            continue;
        }
        let Some(rank) = rank_of(&from, ranks) else {
            found.push(format!("{file}: the module '{from}' has no rank in tests/tidy/ranks.rs"));
            continue;
        };
        for to in uses(&text, own_name, ranks) {
            let same = to == from || (from == "disk" && to == "disk::atomic");
            let fine = same || rank_of(&to, ranks).is_none_or(|other| other < rank);
            let known = UP.iter().chain(&ASIDE).any(|(a, b, _)| *a == from && *b == to);
            if known {
                excepted.insert((from.clone(), to.clone()));
            } else if !fine {
                found.push(format!("{file}: {from} uses {to}"));
            }
        }
    }
    if own_name == "vsyncd" {
        let stale =
            UP.iter().chain(&ASIDE).filter(|(a, b, _)| !excepted.contains(&(a.to_string(), b.to_string())));
        found.extend(stale.map(|(a, b, _)| format!("{a} no longer uses {b}: take the exception away")));
    }
    crate::report(&found, "an arrow may only point to a lower rank (ARCHITECTURE.md, Ranks)");
}

/// The files of a crate that are not tests, as bare code.
fn production(folder: &str) -> Vec<(String, String)> {
    let nested = if folder == "vsyncd/src/" { "vsyncd/core/" } else { "-" };
    complete::modules()
        .into_iter()
        .filter(|(file, test)| !test && file.starts_with(folder) && !file.starts_with(nested))
        .map(|(file, _)| (file.clone(), code::without_tests(&code::bare(&tree::text(&file)))))
        .collect()
}

fn rank_of(module: &str, ranks: &[(&str, u8)]) -> Option<u8> {
    ranks.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

/// The module a file belongs to: the longest name in the table, else its first folder.
fn module_of(file: &str, folder: &str, ranks: &[(&str, u8)]) -> String {
    let path = file.strip_prefix(folder).unwrap_or(file).trim_end_matches(".rs").replace('/', "::");
    named(&path, ranks)
}

fn named(path: &str, ranks: &[(&str, u8)]) -> String {
    let within = |name: &&(&str, u8)| path == name.0 || path.starts_with(&format!("{}::", name.0));
    let best = ranks.iter().filter(within).max_by_key(|(name, _)| name.len());
    best.map_or_else(|| path.split("::").next().unwrap_or(path).to_owned(), |(name, _)| (*name).to_owned())
}

/// The modules that a text names after `crate::` or the crate's own name.
fn uses(text: &str, own_name: &str, ranks: &[(&str, u8)]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for prefix in ["crate::".to_owned(), format!("{own_name}::")] {
        for (at, _) in text.match_indices(&prefix) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &text[at + prefix.len()..];
            for path in paths(rest) {
                found.insert(named(&path, ranks));
            }
        }
    }
    found
}

/// The paths that begin here: one, or those of a group in braces, each with its first two names.
fn paths(rest: &str) -> Vec<String> {
    let names = |text: &str| {
        let text: String =
            text.trim().chars().take_while(|c| c.is_alphanumeric() || "_:{".contains(*c)).collect();
        text
    };
    let Some(group) = rest.strip_prefix('{') else {
        return expand(&names(rest), rest);
    };
    let end = code::body_end(rest).map_or(group.len(), |end| end - 2);
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in group[..end].chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().flat_map(|part| expand(&names(part), part.trim())).filter(|path| !path.is_empty()).collect()
}

/// `disk::{atomic, scan}` names two paths; anything else is one.
fn expand(path: &str, rest: &str) -> Vec<String> {
    let Some((module, _)) = path.split_once("::{") else {
        return vec![path.trim_end_matches(':').to_owned()];
    };
    let inner = rest.split_once("::{").map_or("", |(_, inner)| inner);
    let inner = inner.split('}').next().unwrap_or(inner);
    inner.split(',').map(|name| format!("{module}::{}", name.trim())).collect()
}

#[test]
fn grouped_and_nested_imports_are_seen() {
    let text =
        "use crate::{clock, disk::{atomic, scan}};\nuse crate::store::Store;\nfn a() { crate::repo::open() }";
    let found: Vec<String> = uses(text, "vsyncd", &SHELL).into_iter().collect();
    assert_eq!(found, ["clock", "disk", "disk::atomic", "repo", "store"]);
}
