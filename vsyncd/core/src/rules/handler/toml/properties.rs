//! What merging TOML promises, for any file.

use proptest::prelude::*;

use super::value::Table;
use crate::rules::handler::source::{Role, Source};
use crate::rules::handler::{ChangeKind, Format, Options, merge, remove};
use crate::rules::key_path::KeyPath;

#[derive(Debug, Clone, PartialEq)]
enum Toml {
    Scalar(&'static str),
    Array(Vec<Toml>),
    Table(Members),
}

type Members = Vec<(&'static str, Toml)>;

const SCALARS: [&str; 17] = [
    "1",
    "0x1F",
    "31",
    "1.5",
    "-0.0",
    "nan",
    "inf",
    "true",
    "1979-05-27",
    "1979-05-27T07:32:00Z",
    "07:32:00",
    "\"\"",
    "'a'",
    "\"a\"",
    "\"# \\\" ]}\"",
    "'''a''b'''",
    "\"\"\"x\\\"\"\"\"",
];
const KEYS: [&str; 7] = ["a", "b", "\"c.d\"", "\"\"", "'é'", "0", "long-key"];

fn toml() -> impl Strategy<Value = Toml> {
    let leaf = prop::sample::select(&SCALARS[..]).prop_map(Toml::Scalar);
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Toml::Array),
            prop::collection::vec(members(inner.clone()).prop_map(Toml::Table), 1..3).prop_map(Toml::Array),
            members(inner.clone()).prop_map(Toml::Table),
            members(inner).prop_map(Toml::Table),
        ]
    })
}

fn members(value: impl Strategy<Value = Toml>) -> impl Strategy<Value = Members> {
    prop::collection::vec((prop::sample::select(&KEYS[..]), value), 0..6).prop_map(|mut members| {
        let mut seen = std::collections::HashSet::new();
        members.retain(|(key, _)| seen.insert(*key));
        members
    })
}

/// Writes a document as somebody might have: the choices come from a sequence of numbers.
struct Hand {
    seed: u64,
    eol: &'static str,
    indent: &'static str,
    equals: &'static str,
    comments: bool,
    blank: bool,
    out: String,
}

impl Hand {
    fn new(seed: u64) -> Self {
        let (comments, blank, out) = (false, false, String::new());
        let mut hand = Self { seed, eol: "\n", indent: "", equals: " = ", comments, blank, out };
        hand.eol = ["\n", "\r\n"][hand.pick(2)];
        hand.indent = ["", "", "  ", "\t"][hand.pick(4)];
        hand.equals = [" = ", "=", " =", "   = "][hand.pick(4)];
        hand.comments = hand.pick(2) == 0;
        hand.blank = hand.pick(3) > 0;
        hand
    }

    fn pick(&mut self, below: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % below
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        if self.comments && self.pick(4) == 0 {
            self.out.push_str(" # \"note\" = [");
        }
        self.out.push_str(self.eol);
    }

    fn file(mut self, members: &Members) -> String {
        if self.pick(8) == 0 {
            self.out.push('\u{feff}');
        }
        if self.comments && self.pick(2) == 0 {
            self.line("# file");
            if self.pick(2) == 0 {
                self.out.push_str(self.eol);
            }
        }
        self.body(members, "");
        if self.comments && self.pick(3) == 0 {
            self.line("# end");
        }
        if self.pick(4) == 0 {
            self.out.push_str(self.eol);
        } else if self.pick(4) == 0 && self.out.ends_with('\n') {
            self.out.truncate(self.out.trim_end_matches(['\r', '\n']).len());
        }
        self.out
    }

    /// The pairs of a section and the sections below it.
    fn body(&mut self, members: &Members, path: &str) {
        let mut sections = Vec::new();
        for (key, value) in members {
            let choice = self.pick(6);
            match value {
                Toml::Table(below) if choice > 2 => sections.push((*key, vec![below], false)),
                Toml::Table(below) if choice == 2 => self.dotted(key, below),
                Toml::Array(items) if choice > 2 && !items.is_empty() => {
                    let tables: Vec<_> = items
                        .iter()
                        .filter_map(|item| if let Toml::Table(table) = item { Some(table) } else { None })
                        .collect();
                    if tables.len() == items.len() {
                        sections.push((*key, tables, true));
                    } else {
                        self.pair(key, value);
                    }
                }
                _ => self.pair(key, value),
            }
        }
        if self.pick(2) == 0 {
            sections.reverse();
        }
        for (key, tables, array) in sections {
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            for table in tables {
                let implied = !array && self.pick(2) == 0;
                let only_tables =
                    !table.is_empty() && table.iter().all(|(_, value)| matches!(value, Toml::Table(_)));
                if !(implied && only_tables) {
                    self.header(&path, array);
                    self.body(table, &path);
                } else {
                    for (key, value) in table {
                        if let Toml::Table(below) = value {
                            let path = format!("{path}.{key}");
                            self.header(&path, false);
                            self.body(below, &path);
                        }
                    }
                }
            }
        }
    }

    fn header(&mut self, path: &str, array: bool) {
        if self.blank && !self.out.is_empty() {
            self.out.push_str(self.eol);
        }
        if self.comments && self.pick(3) == 0 {
            self.line("# about");
        }
        let line = if array { format!("[[{path}]]") } else { format!("[ {path} ]") };
        self.line(&line);
    }

    fn pair(&mut self, key: &str, value: &Toml) {
        let mut text = format!("{}{key}{}", self.indent, self.equals);
        self.value(value, true, &mut text);
        self.line(&text);
    }

    fn dotted(&mut self, prefix: &str, members: &Members) {
        if members.is_empty() {
            return self.pair(prefix, &Toml::Table(Vec::new()));
        }
        for (key, value) in members {
            let key = format!("{prefix}.{key}");
            match value {
                Toml::Table(below) if self.pick(2) == 0 => self.dotted(&key, below),
                _ => self.pair(&key, value),
            }
        }
    }

    fn value(&mut self, value: &Toml, lines: bool, out: &mut String) {
        match value {
            Toml::Scalar(text) => out.push_str(text),
            Toml::Array(items) => {
                let tall = lines && self.pick(4) == 0;
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if tall { self.eol } else { "" });
                    self.value(item, false, out);
                    out.push_str(if at + 1 < items.len() || tall { ", " } else { "" });
                }
                out.push(']');
            }
            Toml::Table(members) => {
                out.push_str(if members.is_empty() { "{" } else { "{ " });
                for (at, (key, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    out.push_str(key);
                    match value {
                        Toml::Table(below) if below.len() == 1 && self.pick(2) == 0 => {
                            out.push('.');
                            out.push_str(below[0].0);
                            out.push_str(" = ");
                            self.value(&below[0].1, false, out);
                        }
                        _ => {
                            out.push_str(" = ");
                            self.value(value, false, out);
                        }
                    }
                }
                out.push_str(if members.is_empty() { "}" } else { " }" });
            }
        }
    }
}

fn deep_merge(old: &mut Members, new: &Members) {
    for (key, value) in new {
        match (old.iter_mut().find(|(name, _)| name == key), value) {
            (Some((_, Toml::Table(old))), Toml::Table(new)) => deep_merge(old, new),
            (Some((_, place)), value) => *place = value.clone(),
            (None, value) => old.push((key, value.clone())),
        }
    }
}

/// A document with a line for each member of the root.
fn bare(members: &Members) -> String {
    let mut hand = Hand::new(0);
    (hand.eol, hand.comments) = ("\n", false);
    for (key, value) in members {
        hand.pair(key, value);
    }
    hand.out
}

fn difference(one: &str, other: &str) -> Option<KeyPath> {
    let read = |text: &str| Table::read(&Source::read(text.as_bytes(), "toml", Role::File).unwrap()).unwrap();
    read(one).difference(&read(other), &KeyPath::root(), false)
}

/// A header without pairs goes when the pairs that it was given go: nothing tells that it stood there before.
fn has_empty_header(file: &str) -> bool {
    let lines: Vec<_> =
        file.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    lines.windows(2).any(|pair| pair.iter().all(|line| line.trim_start_matches('\u{feff}').starts_with('[')))
}

fn without_headers(file: &str) -> Vec<&str> {
    file.lines().filter(|line| !line.trim().is_empty() && !line.contains('[')).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test may be asked for more cases")]
fn cases() -> ProptestConfig {
    let soak = std::env::var_os("VSYNC_SOAK").is_some();
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if soak { 20_000 } else { 128 })
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn merging_is_a_deep_merge_and_is_done_once(
        old in members(toml()), new in members(toml()), seed: u64, hand: u64,
    ) {
        let file = Hand::new(seed).file(&old);
        let data = Hand::new(hand).file(&new);
        let merged = match merge(Format::Toml, file.as_bytes(), data.as_bytes(), Options::default()) {
            Ok(merged) => merged,
            Err(error) => {
                prop_assert!(false, "{error}\n{file}\n--\n{data}");
                return Ok(());
            }
        };
        let result = std::str::from_utf8(&merged.bytes).unwrap();
        let mut wanted = old.clone();
        deep_merge(&mut wanted, &new);
        prop_assert_eq!(difference(&bare(&wanted), result), None, "{}\n--\n{}\n--\n{}", file, data, result);
        let again = merge(Format::Toml, &merged.bytes, data.as_bytes(), Options::default()).unwrap();
        prop_assert!(again.changes.is_empty() && again.bytes == merged.bytes);
        if merged.changes.is_empty() {
            prop_assert_eq!(result, &file);
        }
        if merged.changes.iter().all(|change| change.kind == ChangeKind::Added) {
            let notes = |text: &str| text.matches(" # \"note\"").count();
            prop_assert_eq!(notes(result), notes(&file));
            let crlf = file.contains("\r\n");
            prop_assert!(!crlf || !result.replace("\r\n", "").contains('\n'), "{}", result);
        }
    }

    #[test]
    fn the_same_data_changes_no_byte(old in members(toml()), seed: u64, hand: u64) {
        let file = Hand::new(seed).file(&old);
        let data = Hand::new(hand).file(&old);
        let merged = merge(Format::Toml, file.as_bytes(), data.as_bytes(), Options::default()).unwrap();
        prop_assert_eq!(std::str::from_utf8(&merged.bytes).unwrap(), file);
    }

    #[test]
    fn what_was_added_comes_out_again(old in members(toml()), new in members(toml()), seed: u64) {
        let file = Hand::new(seed).file(&old);
        let data = bare(&new);
        let Ok(merged) = merge(Format::Toml, file.as_bytes(), data.as_bytes(), Options::default()) else {
            return Ok(());
        };
        let all_new = merged.changes.iter().all(|change| change.kind == ChangeKind::Added);
        let places: Vec<_> = merged.changes.iter().map(|change| change.path.clone()).collect();
        let back = remove(Format::Toml, &merged.bytes, &places).unwrap();
        if all_new {
            let merged = std::str::from_utf8(&merged.bytes).unwrap();
            let back = std::str::from_utf8(&back.bytes).unwrap();
            if has_empty_header(&file) {
                prop_assert_eq!(without_headers(back), without_headers(&file), "{}\n--\n{}", data, merged);
            } else {
                prop_assert_eq!(back, &file, "{}\n--\n{}", data, merged);
            }
        }
    }

    #[test]
    fn no_bytes_panic(file in "[{}\\[\\],'\"\\\\a1e.\\-=# \n\r\t\u{e9}]{0,40}", data in "[{}\\[\\]a.=1\n]{0,12}") {
        let _ = merge(Format::Toml, file.as_bytes(), data.as_bytes(), Options::default());
        let _ = merge(Format::Toml, file.as_bytes(), b"a.b = 1\n[[l]]\nx = 1\n", Options::default());
        let _ = remove(Format::Toml, file.as_bytes(), &[["a"].into_iter().collect(), ["a", "a"].into_iter().collect()]);
    }
}
