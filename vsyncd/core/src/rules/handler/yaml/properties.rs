//! Random files against an independent parser and an independent deep merge.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use yaml_serde::Value as Yaml;

use super::*;
use crate::rules::handler::ChangeKind;

/// Few by default; `VSYNC_SOAK` asks for thousands.
#[expect(clippy::disallowed_methods, reason = "a test may read its environment")]
fn config() -> ProptestConfig {
    let cases = if std::env::var_os("VSYNC_SOAK").is_some() { 10_000 } else { 128 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const KEYS: [&str; 10] = ["a", "b", "c", "key one", "x-1", "10", "no", "é", "a: b", "#k"];

const TEXTS: [&str; 32] = [
    "plain",
    "two words",
    "no",
    "yes",
    "0123",
    "1e3",
    "~",
    "null",
    "2026-05-23",
    "12:30",
    "",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "#c",
    "- x",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "tab\there",
    "one\ntwo",
    "one\n\ntwo\n",
    "-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\n",
    "{x",
    "[y",
    "é ü",
    "\u{85}\u{2028}",
    "*star",
    "&and",
    "\u{1}\u{7f}",
    "@at",
];

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        8 => proptest::sample::select(&TEXTS[..]).prop_map(Json::from),
        2 => any::<i32>().prop_map(Json::from),
        1 => any::<bool>().prop_map(Json::from),
        1 => Just(Json::Null),
        1 => Just(json!(1.5)),
        2 => "[ -~]{0,8}".prop_map(Json::from),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            mapping_of(inner).prop_map(Json::from),
        ]
    })
}

fn mapping_of(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Map<String, Json>> {
    let entry = (proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), inner);
    proptest::collection::vec(entry, 0..5).prop_map(|entries| entries.into_iter().collect())
}

fn mapping() -> impl Strategy<Value = Map<String, Json>> {
    mapping_of(value())
}

/// Writes a file as a person might, by a stream of choices.
struct Hand<'a> {
    choices: &'a [u8],
    at: usize,
    eol: &'static str,
    unit: usize,
    comments: usize,
}

impl Hand<'_> {
    fn choose(&mut self, below: u8) -> u8 {
        self.at += 1;
        self.choices[self.at % self.choices.len()] % below
    }

    fn scalar(&mut self, value: &Json, in_flow: bool) -> String {
        let Json::String(text) = value else { return value.to_string() };
        let words = ["no", "yes", "null", "true", "on", "off", "y", "n"];
        let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ' || c == '-')
            && !words.contains(&text.to_ascii_lowercase().as_str());
        let single = text.chars().all(|c| matches!(c, ' '..='~'));
        match self.choose(3) {
            0 if plain && !(in_flow && text.contains('-')) => text.clone(),
            1 if single => format!("'{}'", text.replace('\'', "''")),
            _ => format!("\"{}\"", quoted(text)),
        }
    }

    fn flow(&mut self, value: &Json) -> String {
        let (open, close) = [("", ""), (" ", " "), ("", ", ")][usize::from(self.choose(3))];
        match value {
            Json::Array(items) if !items.is_empty() => {
                let items: Vec<_> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{open}{}{close}]", items.join(", "))
            }
            Json::Object(entries) if !entries.is_empty() => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", self.scalar(&json!(key), true), self.flow(value)))
                    .collect();
                format!("{{{open}{}{close}}}", entries.join(", "))
            }
            Json::Array(_) => "[]".to_owned(),
            Json::Object(_) => "{}".to_owned(),
            scalar => self.scalar(scalar, true),
        }
    }

    fn comment(&mut self) -> String {
        if self.choose(4) > 0 {
            return String::new();
        }
        self.comments += 1;
        format!("  # note {} here", self.comments)
    }

    fn block(&mut self, entries: &Map<String, Json>, column: usize, out: &mut String) {
        for (key, value) in entries {
            if self.choose(5) == 0 {
                self.comments += 1;
                *out += &format!("{:column$}# line {} here{}", "", self.comments, self.eol);
            }
            if self.choose(6) == 0 {
                *out += self.eol;
            }
            *out += &format!("{:column$}{}:", "", self.scalar(&json!(key), false));
            self.value(value, column, out);
        }
    }

    fn value(&mut self, value: &Json, column: usize, out: &mut String) {
        let choice = self.choose(3);
        match value {
            Json::Object(entries) if !entries.is_empty() && choice > 0 => {
                *out += &format!("{}{}", self.comment(), self.eol);
                self.block(entries, column + self.unit, out);
            }
            Json::Array(items) if !items.is_empty() && choice > 0 => {
                *out += &format!("{}{}", self.comment(), self.eol);
                let column = if choice == 1 { column } else { column + self.unit };
                for item in items {
                    *out += &format!("{:column$}-", "");
                    match item {
                        Json::Array(_) | Json::Object(_) => {
                            *out += &format!(" {}{}", self.flow(item), self.eol);
                        }
                        _ => self.value(item, column, out),
                    }
                }
            }
            Json::String(text) if text.contains('\n') && text.is_ascii() && choice > 0 => {
                let body = text.trim_end_matches('\n');
                let chomp = ["-", "", "+"][(text.len() - body.len()).min(2)];
                *out += &format!(" |{chomp}{}{}", self.comment(), self.eol);
                for line in body.split('\n') {
                    let indent = if line.is_empty() { 0 } else { column + self.unit };
                    *out += &format!("{:indent$}{line}{}", "", self.eol);
                }
            }
            Json::Null if choice == 0 => *out += &format!("{}{}", self.comment(), self.eol),
            _ => *out += &format!(" {}{}{}", self.flow(value), self.comment(), self.eol),
        }
    }
}

fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        _ => format!("\\U{:08x}", u32::from(c)),
    };
    text.chars().map(escape).collect()
}

fn written(entries: &Map<String, Json>, choices: &[u8]) -> String {
    let mut hand = Hand { choices, at: 0, eol: "\n", unit: 2, comments: 0 };
    hand.eol = if hand.choose(3) == 0 { "\r\n" } else { "\n" };
    hand.unit = [2, 4, 3][usize::from(hand.choose(3))];
    let mut out = ["", "\u{feff}", "# head\n", "---\n", "%YAML 1.2\n---\n"][usize::from(hand.choose(5))]
        .replace('\n', hand.eol);
    if hand.choose(6) == 0 {
        out += &hand.flow(&Json::Object(entries.clone()));
        out += hand.eol;
    } else {
        hand.block(entries, 0, &mut out);
    }
    let end = if entries.is_empty() { "# end\n" } else { "...\n" };
    out +=
        &["", "# end\n", end, "---\nsecond: [1, 2]\n"][usize::from(hand.choose(4))].replace('\n', hand.eol);
    if hand.choose(4) == 0 && !out.trim_end().ends_with(['\u{feff}', '+', '|']) {
        out.truncate(out.trim_end_matches(['\n', '\r']).len());
    }
    out
}

/// Without the second document.
fn single(mut text: String) -> String {
    let second = text.find("second:").map(|at| text[..at].rfind("---").unwrap_or(at));
    text.truncate(second.unwrap_or(text.len()));
    text
}

/// The first document by an independent parser.
fn read(text: &str) -> Yaml {
    use serde::Deserialize as _;
    // That parser counts a BOM as a column.
    let text = text.trim_start_matches('\u{feff}');
    let first = yaml_serde::Deserializer::from_str(text).next();
    let value =
        first.map(|document| Yaml::deserialize(document).unwrap_or_else(|error| panic!("{error}: {text:?}")));
    match value {
        None | Some(Yaml::Null) => Yaml::Mapping(yaml_serde::Mapping::new()),
        Some(value) => value,
    }
}

fn deep_merge(old: &Yaml, new: &Yaml, delete_nulls: bool) -> Option<Yaml> {
    match (old, new) {
        (Yaml::Mapping(old), Yaml::Mapping(new)) => {
            let mut merged = old.clone();
            for (key, value) in new {
                match (old.get(key), value) {
                    (_, Yaml::Null) if delete_nulls => {
                        merged.remove(key);
                    }
                    (Some(old), value) => {
                        if let Some(value) = deep_merge(old, value, delete_nulls) {
                            merged.insert(key.clone(), value);
                        }
                    }
                    (None, value) => {
                        if let Some(value) = stripped(value, delete_nulls) {
                            merged.insert(key.clone(), value);
                        }
                    }
                }
            }
            Some(Yaml::Mapping(merged))
        }
        (_, new) => stripped(new, delete_nulls),
    }
}

/// Without nulls; a mapping of nothing else is an empty one.
fn stripped(value: &Yaml, delete_nulls: bool) -> Option<Yaml> {
    match value {
        Yaml::Null if delete_nulls => None,
        Yaml::Mapping(entries) if delete_nulls && !entries.is_empty() => {
            let kept: yaml_serde::Mapping = entries
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), stripped(value, true)?)))
                .collect();
            Some(Yaml::Mapping(kept))
        }
        value => Some(value.clone()),
    }
}

fn merged(existing: &str, incoming: &str, options: Options) -> Merged {
    merge(existing.as_bytes(), incoming.as_bytes(), options)
        .unwrap_or_else(|error| panic!("{error}\n{existing:?}\n{incoming:?}"))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_result_reads_as_the_deep_merge(
        old in mapping(), new in mapping(), delete_nulls: bool,
        one in proptest::collection::vec(any::<u8>(), 16..64), two in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let (existing, incoming) = (written(&old, &one), single(written(&new, &two)));
        let options = Options { delete_nulls };
        let result = merged(&existing, &incoming, options);
        let text = std::str::from_utf8(&result.bytes).unwrap();
        let wanted = deep_merge(&read(&existing), &read(&incoming), delete_nulls).unwrap();
        prop_assert_eq!(read(text), wanted, "{:?}\n{:?}\n{:?}", existing, incoming, text);

        let again = merged(text, &incoming, options);
        prop_assert!(again.bytes == result.bytes && again.changes.is_empty(), "{:?}\n{:?}", existing, text);
        prop_assert_eq!(result.changes.is_empty(), *result.bytes == existing.as_bytes());

        prop_assert_eq!(text.contains("second: [1, 2]"), existing.contains("second: [1, 2]"));
        prop_assert_eq!(text.ends_with('\n'), existing.ends_with('\n') || existing.trim_start_matches('\u{feff}').is_empty() && text != existing);
        prop_assert_eq!(text.starts_with('\u{feff}'), existing.starts_with('\u{feff}'));
        if existing.contains("\r\n") && !existing.replace("\r\n", "").contains('\n') {
            prop_assert!(!text.replace("\r\n", "").contains('\n'), "{:?}", text);
        }
    }

    #[test]
    fn what_is_added_can_be_taken_out_again(
        old in mapping(), new in mapping(),
        one in proptest::collection::vec(any::<u8>(), 16..64), two in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let (existing, incoming) = (written(&old, &one), single(written(&new, &two)));
        let result = merged(&existing, &incoming, Options::default());
        if result.changes.iter().any(|change| change.kind != ChangeKind::Added) {
            return Ok(());
        }
        let places: Vec<_> = result.changes.iter().map(|change| change.path.clone()).collect();
        let back = remove(&result.bytes, &places).unwrap();
        let (back, set) = (String::from_utf8_lossy(&back.bytes), String::from_utf8_lossy(&result.bytes));
        let open_block = tree_is_open(&existing);
        prop_assert!(open_block || back == existing, "{:?}\n{:?}\n{:?}", existing, set, back);
    }

    #[test]
    fn lines_of_other_values_stay(
        old in mapping(), new in mapping(), one in proptest::collection::vec(any::<u8>(), 16..64),
    ) {
        let existing = written(&old, &one);
        let new: Map<_, _> = new.into_iter().filter(|(key, _)| !old.contains_key(key)).collect();
        let result = merged(&existing, &Json::Object(new).to_string(), Options::default());
        let text = String::from_utf8_lossy(&result.bytes);
        let mut lines = text.lines();
        for line in existing.lines().filter(|line| !line.contains(['{', '|', '\u{feff}'])) {
            prop_assert!(lines.any(|other| other == line), "{:?} of {:?} in {:?}", line, existing, text);
        }
    }

    #[test]
    fn nothing_panics(
        old in mapping(), one in proptest::collection::vec(any::<u8>(), 16..64),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0..3_u8, any::<u8>()), 1..6),
        incoming in mapping(),
    ) {
        let mut bytes = written(&old, &one).into_bytes();
        for (at, what, byte) in cuts {
            let at = at.index(bytes.len() + 1);
            match what {
                0 => bytes.insert(at, b" \n\t:-?#&*!|>'\"%@`{}[],ab0\r"[usize::from(byte) % 26]),
                1 => bytes.truncate(at),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        let incoming = Json::Object(incoming).to_string();
        if let Ok(result) = merge(&bytes, incoming.as_bytes(), Options::default()) {
            let again = merge(&result.bytes, incoming.as_bytes(), Options::default());
            prop_assert!(again.is_ok_and(|again| again.bytes == result.bytes));
        }
        let _ = merge(incoming.as_bytes(), &bytes, Options { delete_nulls: true });
    }
}

/// Whether the file ends inside a block scalar, whose header an addition has to close.
fn tree_is_open(text: &str) -> bool {
    let (text, end) = decode(text.as_bytes()).unwrap();
    parse(&text, end).unwrap().ends_open()
}
