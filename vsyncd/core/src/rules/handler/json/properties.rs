//! What merging JSON promises, for any file.

use proptest::prelude::*;

use super::check::Reading;
use crate::rules::handler::{ChangeKind, Format, Options, merge, remove};

#[derive(Debug, Clone, PartialEq)]
enum Json {
    Scalar(&'static str),
    Array(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

const SCALARS: [&str; 16] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "1.0",
    "1e400",
    "12345678901234567890123",
    "\"\"",
    "\"a\"",
    "\"\\u0061\"",
    "\"// no\"",
    "\"\\ud800\"",
    "\"x\\\"y\\\\\"",
    "\"{,}[]\"",
];
/// Some of them spell the same key.
const KEYS: [&str; 8] =
    ["\"a\"", "\"b\"", "\"c.d\"", "\"\"", "\"\\u00e9\"", "\"/*\"", "\"k\\\"\"", "\"z z\""];

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop::sample::select(&SCALARS[..]).prop_map(Json::Scalar);
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            members(inner).prop_map(Json::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Vec<(&'static str, Json)>> {
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
    unit: &'static str,
    comments: bool,
    one_line: bool,
}

impl Hand {
    fn new(seed: u64) -> Self {
        let mut hand = Self { seed, eol: "\n", unit: "", comments: false, one_line: false };
        hand.eol = ["\n", "\r\n"][hand.pick(2)];
        hand.unit = ["  ", "\t", "    ", " "][hand.pick(4)];
        hand.comments = hand.pick(2) == 0;
        hand.one_line = hand.pick(4) == 0;
        hand
    }

    fn pick(&mut self, below: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % below
    }

    fn file(&mut self, members: &[(&'static str, Json)]) -> String {
        let mut out = String::from(if self.pick(8) == 0 { "\u{feff}" } else { "" });
        if self.comments && self.pick(2) == 0 {
            out.push_str("// about \"this\": {");
            out.push_str(self.eol);
        }
        self.write(&Json::Object(members.to_vec()), 0, &mut out);
        out.push_str(["", self.eol][self.pick(2)]);
        if self.comments && self.pick(3) == 0 {
            out.push_str("/* end */");
        }
        out
    }

    fn write(&mut self, json: &Json, depth: usize, out: &mut String) {
        let (open, close, items): (_, _, Vec<(Option<&str>, &Json)>) = match json {
            Json::Scalar(text) => return out.push_str(text),
            Json::Array(values) => ('[', ']', values.iter().map(|value| (None, value)).collect()),
            Json::Object(members) => {
                ('{', '}', members.iter().map(|(key, value)| (Some(*key), value)).collect())
            }
        };
        let tall = !self.one_line && self.pick(3) > 0 && !items.is_empty();
        let mixed = !self.one_line && self.pick(6) == 0;
        let trailing = self.comments && self.pick(2) == 0;
        let line = |out: &mut String, hand: &Self, depth: usize| {
            out.push_str(hand.eol);
            out.push_str(&hand.unit.repeat(depth));
        };
        let colon = [": ", ":", " : "][self.pick(3)];
        let pad = ["", " "][self.pick(2)];
        out.push(open);
        self.note(out, tall);
        let count = items.len();
        for (at, (key, value)) in items.into_iter().enumerate() {
            if tall && !(mixed && self.pick(2) == 0) {
                line(out, self, depth + 1);
            } else {
                out.push_str(pad);
            }
            if let Some(key) = key {
                out.push_str(key);
                out.push_str(colon);
            }
            self.write(value, depth + 1, out);
            self.note(out, false);
            if at + 1 < count || trailing {
                out.push(',');
            }
            self.note(out, tall);
        }
        if tall {
            line(out, self, depth);
        } else {
            out.push_str(pad);
        }
        out.push(close);
    }

    fn note(&mut self, out: &mut String, may_end_line: bool) {
        if !self.comments || self.pick(5) > 0 {
            return;
        }
        out.push_str([" /* n, */", "/**/"][self.pick(2)]);
        if may_end_line && self.pick(2) == 0 {
            out.push_str(" // \"note\",");
            out.push_str(self.eol);
        }
    }
}

fn deep_merge(old: &mut Vec<(&'static str, Json)>, new: &[(&'static str, Json)], nulls: bool) {
    for (key, value) in new {
        if nulls && *value == Json::Scalar("null") {
            old.retain(|(name, _)| name != key);
            continue;
        }
        if !old.iter().any(|(name, _)| name == key) {
            old.push((key, Json::Scalar("null")));
        }
        let (_, place) = old.iter_mut().find(|(name, _)| name == key).unwrap();
        match (place, value) {
            (Json::Object(old), Json::Object(new)) => deep_merge(old, new, nulls),
            (place, Json::Object(new)) => {
                let mut fresh = Vec::new();
                deep_merge(&mut fresh, new, nulls);
                *place = Json::Object(fresh);
            }
            (place, value) => *place = value.clone(),
        }
    }
}

fn bare(members: &[(&'static str, Json)]) -> String {
    let mut hand = Hand { seed: 0, eol: "\n", unit: "", comments: false, one_line: true };
    let mut out = String::new();
    hand.write(&Json::Object(members.to_vec()), 0, &mut out);
    out
}

/// The comments of a text, roughly: every piece that looks like one.
fn notes(text: &str) -> usize {
    text.matches("/* n, */").count() + text.matches("// about").count() + text.matches("/* end */").count()
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
        old in members(json()), new in members(json()), seed: u64, hand: u64, nulls: bool,
    ) {
        let options = Options { delete_nulls: nulls };
        let file = Hand::new(seed).file(&old);
        let data = Hand::new(hand).file(&new);
        let merged = merge(Format::Json, file.as_bytes(), data.as_bytes(), options).unwrap();
        let result = std::str::from_utf8(&merged.bytes).unwrap();
        let mut wanted = old.clone();
        deep_merge(&mut wanted, &new, nulls);
        let strip = |text: &str| Reading::of(text.trim_start_matches('\u{feff}')).unwrap();
        prop_assert!(strip(result) == strip(&bare(&wanted)), "{file}\n--\n{data}\n--\n{result}");
        let again = merge(Format::Json, &merged.bytes, data.as_bytes(), options).unwrap();
        prop_assert!(again.changes.is_empty() && again.bytes == merged.bytes);
        if merged.changes.is_empty() {
            prop_assert_eq!(result, &file);
        }
        if merged.changes.iter().all(|change| change.kind == ChangeKind::Added) {
            prop_assert_eq!(notes(result), notes(&file));
        }
    }

    #[test]
    fn the_same_data_changes_no_byte(old in members(json()), seed: u64, hand: u64) {
        let file = Hand::new(seed).file(&old);
        let data = Hand::new(hand).file(&old);
        let merged = merge(Format::Json, file.as_bytes(), data.as_bytes(), Options::default()).unwrap();
        prop_assert_eq!(std::str::from_utf8(&merged.bytes).unwrap(), file);
    }

    #[test]
    fn what_was_added_comes_out_again(old in members(json()), new in members(json()), seed: u64) {
        let file = Hand::new(seed).file(&old);
        let data = bare(&new);
        let merged = merge(Format::Json, file.as_bytes(), data.as_bytes(), Options::default()).unwrap();
        let all_new = merged.changes.iter().all(|change| change.kind == ChangeKind::Added);
        let places: Vec<_> = merged.changes.iter().map(|change| change.path.clone()).collect();
        let back = remove(Format::Json, &merged.bytes, &places).unwrap();
        if all_new {
            prop_assert_eq!(std::str::from_utf8(&back.bytes).unwrap(), file);
        }
    }

    #[test]
    fn taking_out_leaves_the_rest(old in members(json()), seed: u64, which in prop::collection::vec(0..6_usize, 1..4)) {
        let file = Hand::new(seed).file(&old);
        let gone: Vec<_> = which.iter().filter_map(|at| old.get(*at)).map(|(key, _)| *key).collect();
        let places: Vec<_> = gone
            .iter()
            .map(|key| [serde_json::from_str::<String>(key).unwrap()].into_iter().collect())
            .collect();
        let result = remove(Format::Json, file.as_bytes(), &places).unwrap();
        let rest: Vec<_> = old.iter().filter(|(key, _)| !gone.contains(key)).cloned().collect();
        let text = std::str::from_utf8(&result.bytes).unwrap().trim_start_matches('\u{feff}');
        prop_assert!(Reading::of(text).unwrap() == Reading::of(&bare(&rest)).unwrap());
    }

    #[test]
    fn no_bytes_panic(file in "[{}\\[\\],:\"\\\\a1e.\\-/* \n\r\t\u{e9}]{0,40}", data in "[{}\\[\\],:\"a1/* \n]{0,20}") {
        let _ = merge(Format::Json, file.as_bytes(), data.as_bytes(), Options::default());
        let _ = merge(Format::Json, file.as_bytes(), b"{\"a\":{\"b\":1}}", Options { delete_nulls: true });
    }
}
