//! JSON and JSONC.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value};
use vsync_core::rules::handler::{Format, Options, merge, remove};
use vsync_core::rules::key_path::KeyPath;

use crate::cases;
use crate::doc::{Doc, MARK};

/// As they are written, and what they say.
const KEYS: [(&str, &str); 6] = [
    ("\"a\"", "a"),
    ("\"b c\"", "b c"),
    ("\"\"", ""),
    ("\"\\u00e9\"", "é"),
    ("\"/*\"", "/*"),
    ("\"k\\\"\"", "k\""),
];

const VALUES: [&str; 12] = [
    "null",
    "true",
    "-0",
    "1.0",
    "12345678901234567890123",
    "\"\"",
    "\"a\"",
    "\"\\u0061\\/\"",
    "\"// no\"",
    "\"{,}[]\"",
    "[true, /* in */ \"n\"]",
    "[ ]",
];

struct Style {
    eol: &'static str,
    unit: &'static str,
    comments: bool,
    one_line: bool,
    keep_first: bool,
}

fn document(seed: u64) -> Doc {
    let mut doc = Doc::new(seed);
    let style = Style {
        eol: doc.one(&["\n", "\r\n"]),
        unit: doc.one(&["  ", "\t", "    ", " "]),
        comments: doc.pick(2) == 0,
        one_line: doc.pick(4) == 0,
        keep_first: doc.pick(2) == 0,
    };
    let start = doc.one(&["", "", "", "\u{feff}"]);
    doc.rest(start);
    if style.comments && doc.pick(2) == 0 {
        doc.rest("// about \"this\": {");
        doc.rest(style.eol);
    }
    object(&mut doc, &style, &KeyPath::root(), 0);
    let end = doc.one(&["", style.eol, "  "]);
    doc.rest(end);
    if style.comments && doc.pick(3) == 0 {
        doc.rest("/* end */");
    }
    doc
}

fn object(doc: &mut Doc, style: &Style, path: &KeyPath, depth: usize) {
    doc.parents.push(path.clone());
    let count = 1 + doc.pick(4);
    let tall = !style.one_line && doc.pick(3) > 0;
    let line = |depth: usize| format!("{}{}", style.eol, style.unit.repeat(depth));
    let pad = doc.one(&["", " "]);
    let colon = doc.one(&[": ", ":", " : "]);
    let trailing = style.comments && doc.pick(2) == 0;
    let first = doc.pick(KEYS.len());
    doc.rest("{");
    for at in 0..count {
        let (key, word) = KEYS[(first + at) % KEYS.len()];
        let below = path.child(word);
        let leaf = depth == 2 || doc.pick(3) > 0;
        let number = leaf.then(|| doc.place(below.clone()));
        if number.is_some() && at != if style.keep_first { 0 } else { count - 1 } {
            doc.spare.extend(number);
        }
        if tall && style.comments && doc.pick(4) == 0 {
            doc.rest(&format!("{}// above, \"a\": 1", line(depth + 1)));
        }
        doc.with(number, &if tall { line(depth + 1) } else { pad.to_owned() });
        doc.with(number, key);
        doc.with(number, colon);
        match number {
            Some(number) => {
                let value = doc.one(&VALUES);
                doc.value(number, value);
            }
            None => object(doc, style, &below, depth + 1),
        }
        note(doc, style, number, " /* in, \"x\": */");
        if at + 1 < count || trailing {
            doc.between(",");
        }
        if tall {
            note(doc, style, number, " // behind, }");
        }
    }
    doc.rest(&if tall { line(depth) } else { pad.to_owned() });
    doc.rest("}");
}

fn note(doc: &mut Doc, style: &Style, number: Option<usize>, text: &str) {
    if style.comments && doc.pick(4) == 0 {
        doc.with(number, text);
    }
}

/// The length of the value that a text begins with, by the usual parser.
fn value(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

fn wanted() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[ -~éz]{0,8}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        prop::collection::vec("[a-c\n]{0,3}", 0..3).prop_map(Value::from),
    ]
}

fn put(data: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(data.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let below = data.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            put(below.as_object_mut().expect("an object"), rest, value);
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_merge_leaves_all_other_bytes(
        seed: u64,
        chosen in prop::collection::vec((any::<Index>(), wanted()), 0..4),
        added in prop::collection::vec((any::<Index>(), wanted()), 0..3),
    ) {
        let doc = document(seed);
        let mut data = Map::new();
        let chosen = if doc.places.is_empty() { Vec::new() } else { chosen };
        let chosen: BTreeMap<usize, Value> =
            chosen.into_iter().map(|(index, value)| (index.index(doc.places.len()), value)).collect();
        for (number, value) in &chosen {
            put(&mut data, &doc.places[*number].0, value.clone());
        }
        for (at, (index, value)) in added.into_iter().enumerate() {
            let parent = &doc.parents[index.index(doc.parents.len())];
            put(&mut data, &parent.child(&format!("{MARK}{at}")).0, value);
        }
        let (file, data) = (doc.text(), Value::Object(data).to_string());
        let merged = merge(Format::Json, file.as_bytes(), data.as_bytes(), Options::default()).unwrap();
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
        let removed = remove(Format::Json, file.as_bytes(), &places).unwrap();
        let result = std::str::from_utf8(&removed.bytes).unwrap();
        prop_assert!(doc.removed(&gone, result), "{}\n--\n{:?}\n--\n{}", file, places, result);
    }
}
