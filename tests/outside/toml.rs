//! TOML.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use vsync_core::rules::handler::{Format, Options, merge, remove};
use vsync_core::rules::key_path::KeyPath;

use crate::cases;
use crate::doc::{Doc, MARK};

const VALUES: [&str; 16] = [
    "1",
    "0x1F",
    "-0.0",
    "nan",
    "true",
    "1979-05-27",
    "1979-05-27T07:32:00Z",
    "\"\"",
    "'a'",
    "\"# \\\" ]}\"",
    "'''a''b'''",
    "\"\"\"x\\\"\"\"\"",
    "[1, 2]",
    "[ \"a\" , 'b' ]",
    "{ u = 1 }",
    "[]",
];
/// What somebody else wants there; none of them is in a document.
const WANTED: [&str; 9] = [
    "\"plain\"",
    "\"it's # \\\"said\\\"\"",
    "\"back\\\\slash\"",
    "\"one\\ntwo\"",
    "\"é \\u0001\"",
    "77",
    "false",
    "[\"n\", \"m,]\"]",
    "2.5",
];

struct Style {
    eol: &'static str,
    indent: &'static str,
    equals: &'static str,
    comments: bool,
    keep_first: bool,
}

fn document(seed: u64) -> Doc {
    let mut doc = Doc::new(seed);
    let style = Style {
        eol: doc.one(&["\n", "\r\n"]),
        indent: doc.one(&["", "", "  ", "\t"]),
        equals: doc.one(&[" = ", "=", " =", "   = "]),
        comments: doc.pick(2) == 0,
        keep_first: doc.pick(2) == 0,
    };
    let start = doc.one(&["", "", "", "\u{feff}"]);
    doc.rest(start);
    doc.parents.push(KeyPath::root());
    pairs(&mut doc, &style, &KeyPath::root(), 0);
    for section in 0..doc.pick(4) {
        if doc.pick(2) == 0 {
            doc.blank(style.eol);
        }
        comment(&mut doc, &style);
        // A list of tables, which no data here names.
        if doc.pick(5) == 0 {
            for header in ["[[list]]", "[[ list ]] # again"] {
                doc.rest(&format!("{header}{0}x={section}{0}", style.eol));
            }
            continue;
        }
        let (header, words) = match doc.pick(3) {
            0 => (format!("[s{section}]"), vec![format!("s{section}")]),
            1 => (format!("[ s{section} . t ]"), vec![format!("s{section}"), "t".to_owned()]),
            _ => (format!("[\"s {section}\"] # [note]"), vec![format!("s {section}")]),
        };
        doc.rest(&format!("{header}{}", style.eol));
        let path = KeyPath::from_iter(words);
        doc.parents.push(path.clone());
        pairs(&mut doc, &style, &path, 1);
    }
    comment(&mut doc, &style);
    if doc.pick(4) == 0 {
        doc.open_end();
    }
    doc
}

fn comment(doc: &mut Doc, style: &Style) {
    if style.comments && doc.pick(3) == 0 {
        doc.rest(&format!("# about \"x\" = [{}", style.eol));
    }
    if doc.pick(6) == 0 {
        doc.blank(style.eol);
    }
}

/// Some lines, at least `least`.
fn pairs(doc: &mut Doc, style: &Style, path: &KeyPath, least: usize) {
    let count = least + doc.pick(4);
    for at in 0..count {
        comment(doc, style);
        let stays = at == if style.keep_first { 0 } else { count - 1 };
        let (key, words) = match doc.pick(5) {
            0 => (format!("\"k {at}\""), vec![format!("k {at}")]),
            1 => (format!("'k.{at}'"), vec![format!("k.{at}")]),
            2 => (format!("d{at} . e"), vec![format!("d{at}"), "e".to_owned()]),
            _ => (format!("k{at}"), vec![format!("k{at}")]),
        };
        let place = KeyPath(path.0.iter().cloned().chain(words).collect());
        if doc.pick(5) == 0 {
            doc.rest(&format!("{}{key}{}", style.indent, style.equals));
            inline(doc, style, &place);
            doc.rest(style.eol);
            continue;
        }
        let number = doc.place(place);
        if !stays {
            doc.spare.push(number);
        }
        doc.with(Some(number), &format!("{}{key}{}", style.indent, style.equals));
        let value = doc.one(&VALUES);
        doc.value(number, value);
        let behind = if style.comments && doc.pick(4) == 0 { "  # \"note\" = [" } else { "" };
        doc.with(Some(number), behind);
        doc.with(Some(number), style.eol);
    }
}

/// A table within a line.
fn inline(doc: &mut Doc, style: &Style, path: &KeyPath) {
    doc.parents.push(path.clone());
    let pad = doc.one(&["", " "]);
    let count = 1 + doc.pick(3);
    doc.rest("{");
    for at in 0..count {
        let number = doc.place(path.child(&format!("i{at}")));
        if at != if style.keep_first { 0 } else { count - 1 } {
            doc.spare.push(number);
        }
        doc.with(Some(number), pad);
        doc.with(Some(number), &format!("i{at}{}", style.equals));
        let value = doc.one(&["1", "'a'", "[1, 2]", "\"}\""]);
        doc.value(number, value);
        if at + 1 < count {
            doc.between(",");
        }
    }
    doc.rest(pad);
    doc.rest("}");
}

/// The length of the value that a text begins with.
fn value(text: &str) -> Option<usize> {
    let quoted = |quote: &str, escapes: bool| {
        let mut at = quote.len();
        while !text.get(at..)?.starts_with(quote) {
            let rest = text.get(at..)?;
            at += if escapes && rest.starts_with('\\') { 2 } else { rest.chars().next()?.len_utf8() };
        }
        Some(at + quote.len())
    };
    match text.chars().next()? {
        '"' if text.starts_with("\"\"\"") => quoted("\"\"\"", true),
        '\'' if text.starts_with("'''") => quoted("'''", false),
        '"' => quoted("\"", true),
        '\'' => quoted("'", false),
        open @ ('[' | '{') => {
            let close = if open == '[' { ']' } else { '}' };
            let mut at = 1;
            loop {
                let next = text.get(at..)?.chars().next()?;
                at += match next {
                    _ if next == close => return Some(at + 1),
                    '"' | '\'' | '[' | '{' => value(&text[at..])?,
                    _ => next.len_utf8(),
                };
            }
        }
        _ => Some(text.find([',', ']', '}', ' ', '\t', '\r', '\n', '#']).unwrap_or(text.len())),
    }
    .filter(|length| *length > 0)
}

/// A line that says where the value goes, from the root on.
fn line(path: &KeyPath, value: &str) -> String {
    let keys: Vec<String> = path.0.iter().map(|key| format!("{key:?}")).collect();
    format!("{} = {value}\n", keys.join("."))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_merge_leaves_all_other_bytes(
        seed: u64,
        chosen in prop::collection::vec((any::<Index>(), prop::sample::select(&WANTED[..])), 0..4),
        added in prop::collection::vec((any::<Index>(), prop::sample::select(&WANTED[..])), 0..3),
    ) {
        let doc = document(seed);
        let chosen = if doc.places.is_empty() { Vec::new() } else { chosen };
        let chosen: BTreeMap<usize, &str> =
            chosen.into_iter().map(|(index, value)| (index.index(doc.places.len()), value)).collect();
        let mut data: String =
            chosen.iter().map(|(number, value)| line(&doc.places[*number], value)).collect();
        for (at, (index, value)) in added.into_iter().enumerate() {
            let parent = &doc.parents[index.index(doc.parents.len())];
            data += &line(&parent.child(&format!("{MARK}{at}")), value);
        }
        let file = doc.text();
        let merged = merge(Format::Toml, file.as_bytes(), data.as_bytes(), Options::default()).unwrap();
        let result = std::str::from_utf8(&merged.bytes).unwrap();
        let managed = chosen.into_keys().collect();
        prop_assert!(doc.merged(&managed, result, value), "{}\n--\n{}\n--\n{}", file, data, result);
    }

    #[test]
    fn a_removal_leaves_all_other_bytes(seed: u64, gone in prop::collection::vec(any::<Index>(), 1..4)) {
        let doc = document(seed);
        let gone = if doc.spare.is_empty() { Vec::new() } else { gone };
        let gone: BTreeSet<usize> =
            gone.into_iter().map(|index| doc.spare[index.index(doc.spare.len())]).collect();
        let places: Vec<KeyPath> = gone.iter().map(|number| doc.places[*number].clone()).collect();
        let file = doc.text();
        let removed = remove(Format::Toml, file.as_bytes(), &places).unwrap();
        let result = std::str::from_utf8(&removed.bytes).unwrap();
        prop_assert!(doc.removed(&gone, result), "{}\n--\n{:?}\n--\n{}", file, places, result);
    }
}
