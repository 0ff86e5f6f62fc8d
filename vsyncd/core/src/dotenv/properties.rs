//! What holds for any env file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::placeholder::Places;
use super::{DotenvError, Parsed, Policy, Unreadable, Value};

fn read(bytes: &[u8]) -> Result<Parsed, DotenvError> {
    Parsed::read(bytes, "/v/dev", "/h", &Policy::default())
}

/// Text in which the parts that mean something are frequent.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[A-C]{1,2}(_PATH|_FILE)?",
        2 => Just("=".to_owned()),
        2 => "\r?\n",
        1 => prop::sample::select(vec![
            "export ", "#", "\"", "'", "~/", "${HOME}", "${VAULT_ROOT}", "${", "$HOME", " ", "\r", "\u{FEFF}",
            "\u{85}", "\u{3000}", "GITHUB_TOKEN", "../", "/", "ä", "-----BEGIN ",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![4 => text().prop_map(String::into_bytes), 1 => any_bytes]
}

/// Lines that set keys which begin with this letter, each once.
fn block(letter: char) -> impl Strategy<Value = String> {
    let line = prop_oneof!["=[a-z=\"' ]{0,9}", "_FILE=[a-z/.]{0,9}", "", "[a-z]{3}", "#[a-z=]{0,4}"];
    prop::collection::vec(line, 0..8).prop_map(move |lines| {
        let line = |(index, rest): (usize, String)| match rest.contains('=') && !rest.starts_with('#') {
            true => format!("{letter}{index}{rest}\n"),
            false => format!("{rest}\n"),
        };
        lines.into_iter().enumerate().map(line).collect()
    })
}

proptest! {
    #![proptest_config(crate::format::properties::config())]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in bytes()) {
        let Ok(parsed) = read(&bytes) else { return Ok(()) };
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        for entry in &parsed.entries {
            let line = std::str::from_utf8(lines[entry.line - 1]).expect("accepted as text");
            prop_assert!(line.contains(&entry.key) && entry.key.starts_with(&entry.name), "{entry:?}");
            if let Value::File(path) = &entry.value {
                prop_assert!(path.starts_with('/') && entry.key != entry.name);
            }
        }
        prop_assert!(parsed.entries.is_sorted_by(|one, next| one.line < next.line));
        prop_assert!(parsed.warnings.is_sorted_by_key(|warning| warning.line));
        prop_assert!(parsed.warnings.iter().all(|warning| (1..=lines.len()).contains(&warning.line)));
        let names: BTreeSet<_> = parsed.entries.iter().map(|entry| &entry.name).collect();
        prop_assert_eq!(names.len(), parsed.entries.len());
    }

    #[test]
    fn all_references_are_resolved_or_all_that_fail_are_named(text in text(), fail in any::<u8>()) {
        let Ok(parsed) = read(text.as_bytes()) else { return Ok(()) };
        let mut turn = 0;
        let mut failed = Vec::new();
        let outcome = parsed.resolve(|path| {
            turn += 1;
            if fail >> (turn % 8) & 1 == 0 {
                return Ok(path.as_bytes().to_vec());
            }
            failed.push(path.to_owned());
            Err(Unreadable::NotFound)
        });
        match outcome {
            Ok(found) => {
                prop_assert!(failed.is_empty());
                let names = |name: &String| name.clone();
                let got: Vec<_> = found.iter().map(|one| names(&one.name)).collect();
                prop_assert_eq!(got, parsed.entries.iter().map(|entry| names(&entry.name)).collect::<Vec<_>>());
            }
            Err(DotenvError::Unresolved(all)) => {
                prop_assert_eq!(all.into_iter().map(|one| one.path).collect::<Vec<_>>(), failed);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn what_is_put_in_is_not_expanded_again(value in "(~/)?([a$}]|\\$\\{|HOME\\}|VAULT_ROOT\\}|~/){0,12}") {
        let marked = Places { vault_root: "\u{1}", home: "\u{2}" }.expand(&value);
        let (vault_root, home) = ("/v/${HOME}$", "~/${VAULT_ROOT}{HOME}");
        let wanted: String = marked.expose().chars().map(|c| match c {
            '\u{1}' => vault_root.to_owned(),
            '\u{2}' => home.to_owned(),
            other => other.to_string(),
        }).collect();
        let places = Places { vault_root, home };
        let expanded = places.expand(&value);
        prop_assert_eq!(expanded.expose(), &wanted);
    }

    #[test]
    fn files_put_together_read_as_one(first in block('A'), second in block('B')) {
        let (one, two) = (read(first.as_bytes()).expect("reads"), read(second.as_bytes()).expect("reads"));
        let both = read(format!("{first}{second}").as_bytes()).expect("reads");
        let below = first.matches('\n').count();
        let lines = |parsed: &Parsed, offset: usize| -> Vec<_> {
            let entries = parsed.entries.iter().map(|entry| (entry.name.clone(), entry.line + offset));
            let warnings = parsed.warnings.iter().map(|warning| (warning.text.clone(), warning.line + offset));
            entries.chain(warnings).collect()
        };
        let mut wanted = [lines(&one, 0), lines(&two, below)].concat();
        let mut got = lines(&both, 0);
        wanted.sort();
        got.sort();
        prop_assert_eq!(got, wanted);
    }

    #[test]
    fn values_survive_being_written_in_quotes(text in text()) {
        let stays = |bytes: &[u8]| Parsed::read(bytes, "${VAULT_ROOT}", "${HOME}", &Policy::default());
        let Ok(parsed) = stays(text.as_bytes()) else { return Ok(()) };
        let mut again = String::new();
        for (key, value) in &parsed.values {
            writeln!(again, "export {key}=\"{}\"", value.expose()).expect("writes into memory");
        }
        prop_assert_eq!(stays(again.as_bytes()).expect("read before").values, parsed.values);
    }

    #[test]
    fn the_line_that_is_not_text_is_named(above in 0..9_usize, before in "[A-Z=# ]{0,5}") {
        let mut file = "A=1\n".repeat(above).into_bytes();
        file.extend(before.bytes());
        file.extend(b"\xFF\nB=\xFF");
        prop_assert_eq!(read(&file).err(), Some(DotenvError::NotText { line: above + 1 }));
    }

    #[test]
    fn no_inline_value_shows(text in text()) {
        // Every run of letters behind the first '=' of a line becomes the canary.
        let line = |line: &str| match line.split_once('=') {
            Some((key, value)) => format!("{key}={}", value.replace(['A', 'B', 'C', 'ä'], "hunter2")),
            None => line.to_owned(),
        };
        let file: String = text.split('\n').map(line).collect::<Vec<_>>().join("\n");
        let Ok(mut parsed) = read(file.as_bytes()) else { return Ok(()) };
        parsed.entries.retain(|entry| matches!(entry.value, Value::Inline(_)));
        let found = parsed.resolve(|_| Err(Unreadable::NotFound));
        let shown = format!("{parsed:?} {found:?}");
        prop_assert!(!shown.contains("hunter2"), "{shown}");
    }
}
