//! netrc.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use vsync_core::rules::handler::{Format, Options, merge, remove};
use vsync_core::rules::key_path::KeyPath;

use crate::cases;
use crate::doc::{Doc, MARK};

const WORDS: [&str; 7] =
    ["pw1", "\"two words\"", "a#b", "\"say \\\"hi\\\"\"", "\"\"", "machine", "\"b\\\\c\""];

struct Style {
    eol: &'static str,
    comments: bool,
    apart: bool,
}

fn document(seed: u64) -> Doc {
    let mut doc = Doc::new(seed);
    let style = Style { eol: doc.one(&["\n", "\r\n"]), comments: doc.pick(2) == 0, apart: doc.pick(2) == 0 };
    if style.comments {
        doc.rest(&format!("# mine: machine x login y{}", style.eol));
    }
    let mut in_macro = false;
    for at in 0..doc.pick(5) {
        entry(&mut doc, &style, at);
        in_macro = doc.pick(8) == 0;
        if in_macro {
            doc.rest(&format!("macdef init{0}cd /pub # no{0}machine in macro{0}{0}", style.eol));
        }
        if style.apart {
            doc.rest(style.eol);
        }
    }
    if doc.pick(4) == 0 {
        doc.rest(&format!("default login anonymous password guest{}", style.eol));
    }
    match doc.pick(4) {
        0 => doc.rest(style.eol),
        // A macro ends with an empty line.
        1 if !in_macro => doc.open_end(),
        _ => {}
    }
    doc
}

fn entry(doc: &mut Doc, style: &Style, at: usize) {
    let login = if doc.pick(4) == 0 { String::new() } else { format!("l{at}") };
    let path = KeyPath::from_iter([format!("m{at}"), login.clone()]);
    doc.parents.push(path.clone());
    if style.comments && doc.pick(3) == 0 {
        doc.rest(&format!("# password of m{at}{}", style.eol));
    }
    let tall = doc.pick(2) == 0;
    let indent = doc.one(&["  ", "\t", ""]);
    let before = if tall { format!("{}{indent}", style.eol) } else { doc.one(&[" ", "  "]).to_owned() };
    doc.rest(&format!("machine {}m{at}", if tall { "" } else { " " }));
    if tall && style.comments && doc.pick(3) == 0 {
        doc.rest(" # note");
    }
    if !login.is_empty() {
        doc.rest(&format!("{before}login {login}"));
    }
    for field in ["password", "account"] {
        if doc.pick(3) == 0 {
            continue;
        }
        let number = doc.place(path.child(field));
        doc.spare.push(number);
        doc.with(Some(number), &before);
        doc.with(Some(number), &format!("{field} "));
        let word = doc.one(&WORDS);
        doc.value(number, word);
        if tall && style.comments && doc.pick(3) == 0 {
            doc.with(Some(number), " # note, password x");
        }
    }
    doc.rest(style.eol);
}

/// The length of the word that a text begins with.
fn value(text: &str) -> Option<usize> {
    let length = if text.starts_with('"') {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        end?.0 + 1
    } else {
        text.find([' ', '\t', '\r', '\n']).unwrap_or(text.len())
    };
    Some(length).filter(|length| *length > 0)
}

/// One field of an entry, as a render has it.
fn render(entry: &[String], field: &str, word: &str) -> String {
    let login = if entry[1].is_empty() { String::new() } else { format!(" login {}", entry[1]) };
    let word = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("machine {}{login} {field} \"{word}\"\n", entry[0])
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_merge_leaves_all_other_bytes(
        seed: u64,
        chosen in prop::collection::vec((any::<Index>(), "[a-c0#\" \\\\é]{1,6}"), 0..4),
        machines in prop::collection::vec("[a-c0#\" ]{1,4}", 0..3),
        field in prop::option::of(any::<Index>()),
    ) {
        let doc = document(seed);
        let chosen = if doc.places.is_empty() { Vec::new() } else { chosen };
        let chosen: BTreeMap<usize, String> =
            chosen.into_iter().map(|(index, word)| (index.index(doc.places.len()), word)).collect();
        let mut data: String = chosen
            .iter()
            .map(|(number, word)| {
                let path = &doc.places[*number].0;
                render(&path[..2], &path[2], word)
            })
            .collect();
        for (at, word) in machines.iter().enumerate() {
            data += &render(&[format!("{MARK}{at}"), "new".to_owned()], "password", word);
        }
        let parents: Vec<&KeyPath> = doc.parents.iter().collect();
        if let Some(index) = field.filter(|_| !parents.is_empty()) {
            data += &render(&parents[index.index(parents.len())].0, "port", MARK);
        }
        let file = doc.text();
        let merged = merge(Format::Netrc, file.as_bytes(), data.as_bytes(), Options::default()).unwrap();
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
        let removed = remove(Format::Netrc, file.as_bytes(), &places).unwrap();
        let result = std::str::from_utf8(&removed.bytes).unwrap();
        prop_assert!(doc.removed(&gone, result), "{}\n--\n{:?}\n--\n{}", file, places, result);
    }

    /// Whole entries, which stand on lines of their own.
    #[test]
    fn an_entry_that_goes_takes_no_other_with_it(seed: u64, which: Index) {
        let doc = document(seed);
        if doc.parents.is_empty() {
            return Ok(());
        }
        let place = doc.parents[which.index(doc.parents.len())].clone();
        let file = doc.text();
        let removed = remove(Format::Netrc, file.as_bytes(), std::slice::from_ref(&place)).unwrap();
        let result = std::str::from_utf8(&removed.bytes).unwrap();
        let name = format!("m{}", &place.0[0][1..]);
        let begins = file.split_inclusive('\n').scan(0, |at, line| {
            let begin = *at;
            *at += line.len();
            Some((begin, line))
        });
        let begin = begins
            .clone()
            .find(|(_, line)| line.starts_with("machine ") && line.split_whitespace().nth(1) == Some(&name));
        let begin = begin.expect("its line").0;
        // What is above the entry stays, but for the blank line that set it apart; and so does what is below.
        let above = file[..begin].trim_end_matches(['\r', '\n']);
        prop_assert!(result.starts_with(above), "{}\n--\n{}\n--\n{}", file, place, result);
        let ends = begins.skip_while(|(at, _)| *at <= begin);
        let mut ends = ends.skip_while(|(_, line)| {
            let word = line.split_whitespace().next().unwrap_or_default();
            ["login", "password", "account"].contains(&word)
        });
        let below = ends.next().map_or("", |(at, _)| &file[at..]);
        prop_assert!(result.ends_with(below.trim_start_matches(['\r', '\n'])), "{}\n--\n{}", file, result);
    }
}
