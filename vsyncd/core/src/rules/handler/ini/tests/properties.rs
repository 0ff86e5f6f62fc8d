//! What holds for any file that these rules can read.

use proptest::prelude::*;

use super::{merge, text};
use crate::rules::handler::{self, ChangeKind, Format};
use crate::rules::key_path::KeyPath;

/// By section and key; a repeated key has several values.
type Data = Vec<((String, String), Vec<String>)>;

fn cases(few: u32) -> ProptestConfig {
    let soak = std::env::vars_os().any(|(name, _)| name == "VSYNC_SOAK");
    let cases = if soak { 20_000 } else { few };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// An independent reading, without quotes and colons, which the generated files do not have.
fn read(file: &str) -> Data {
    let (mut data, mut section, mut open, mut level) = (Data::new(), String::new(), None, 0);
    for line in file.trim_start_matches('\u{feff}').lines() {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let (Some(at), true) = (open, depth > level) {
            let (_, values): &mut (_, Vec<String>) = &mut data[at];
            let last = values.last_mut().unwrap();
            last.push('\n');
            last.push_str(line);
            continue;
        }
        level = depth;
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            open = None;
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "\0"));
        let place = (section.clone(), key.trim_end().to_owned());
        let at = data.iter().position(|(known, _)| *known == place).unwrap_or(data.len());
        if at == data.len() {
            data.push((place, Vec::new()));
        }
        data[at].1.push(value.trim_start().to_owned());
        open = (value != "\0").then_some(at);
    }
    data.sort();
    data
}

fn line() -> impl Strategy<Value = String> {
    let key = "[a-d]";
    let value =
        prop_oneof![Just(String::new()), "[a-z0-9=#;%$@ ]{0,8}".prop_map(|text| text.trim().to_owned())];
    prop_oneof![
        1 => Just(String::new()),
        1 => "[#;] ?[a-z=\\[\\] ]{0,6}",
        1 => "\\[[st]\\]",
        1 => key.prop_map(|key| key),
        1 => "    [a-z]{1,3}",
        6 => (key, "( ?=|  = ?)", value).prop_map(|(key, equals, value)| format!("{key}{equals}{value}")),
    ]
}

fn file() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(), 0..14);
    (
        lines,
        prop_oneof![Just("\n"), Just("\r\n")],
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(""), Just("\t")],
    )
        .prop_map(|(lines, end, closed, bom, indent)| {
            let mut text = String::from(if bom { "\u{feff}" } else { "" });
            let mut open = false;
            for line in &lines {
                // Below a key without a value, a deeper line would become its value with it.
                if line.starts_with(' ') && !open {
                    continue;
                }
                if !line.is_empty() && !line.starts_with(['#', ';', ' ']) {
                    open = line.contains('=');
                }
                let key = !line.is_empty() && !line.starts_with(['#', ';', ' ', '[']);
                text.push_str(if key { indent } else { "" });
                text.push_str(line);
                text.push_str(end);
            }
            if closed { text } else { text.trim_end_matches(['\r', '\n']).to_owned() }
        })
}

fn incoming() -> impl Strategy<Value = String> {
    let keys = prop::collection::btree_map(("(s|t|u|)", "[a-f]"), "[a-z0-9=#;]{1,6}", 0..5);
    keys.prop_map(|keys| {
        let mut text = String::new();
        for ((section, key), value) in keys {
            if !section.is_empty() {
                text.push_str(&format!("[{section}]\n"));
            }
            text.push_str(&format!("{key} = {value}\n"));
        }
        text
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_merge_does_what_a_model_does(file in file(), incoming in incoming()) {
        let mut expected = read(&file);
        for (place, values) in read(&incoming) {
            match expected.iter_mut().find(|(known, _)| *known == place) {
                Some((_, there)) => *there.last_mut().unwrap() = values[0].clone(),
                None => expected.push((place, values)),
            }
        }
        expected.sort();
        let merged = merge(&file, &incoming).unwrap();
        prop_assert_eq!(read(text(&merged)), expected, "{}", text(&merged));
        let again = merge(text(&merged), &incoming).unwrap();
        prop_assert!(again.changes.is_empty() && again.bytes == merged.bytes);
    }

    #[test]
    fn lines_that_are_not_managed_stay_in_order(file in file(), incoming in incoming()) {
        let merged = merge(&file, &incoming).unwrap();
        let managed: Vec<&str> = merged.managed.iter().map(|path| path.0[1].as_str()).collect();
        let of_managed = |line: &str| managed.iter().any(|key| line.trim_start().starts_with(key));
        let plain = |line: &&str| !line.is_empty() && !line.starts_with(' ') && !of_managed(line);
        let mut rest = text(&merged).trim_start_matches('\u{feff}').lines();
        for line in file.trim_start_matches('\u{feff}').lines().filter(plain) {
            prop_assert!(rest.any(|kept| kept == line), "{line:?} in {}", text(&merged));
        }
        let bare = text(&merged).replace("\r\n", "").contains('\n');
        prop_assert!(!file.contains("\r\n") || !bare, "line ends are mixed");
    }

    #[test]
    fn what_was_added_is_taken_out_again(file in file(), incoming in incoming()) {
        let merged = merge(&file, &incoming).unwrap();
        if merged.changes.iter().all(|change| change.kind == ChangeKind::Added) {
            let places: Vec<KeyPath> = merged.changes.iter().map(|change| change.path.clone()).collect();
            let removed = handler::remove(Format::Ini, &merged.bytes, &places).unwrap();
            prop_assert_eq!(text(&removed), &file, "{}", text(&merged));
        }
    }

    #[test]
    fn nothing_panics(file in "[\\[\\]=:#;!\"' a-c\t\r\n\\PC]{0,60}", incoming in "[\\[\\]=:#; a-c\n]{0,40}") {
        if let Ok(merged) = merge(&file, &incoming) {
            prop_assert!(merge(text(&merged), &incoming).unwrap().changes.is_empty());
            let places: Vec<KeyPath> = merged.managed.clone();
            let _ = handler::remove(Format::Ini, &merged.bytes, &places);
        }
    }
}
