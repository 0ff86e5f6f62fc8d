//! What holds for any file.

use proptest::prelude::*;

use super::{merge, remove, text};
use crate::rules::handler::ChangeKind;
use crate::rules::key_path::KeyPath;

/// An entry: machine, login and password.
type Entry = (String, String, String);

fn cases(few: u32) -> ProptestConfig {
    let soak = std::env::vars_os().any(|(name, _)| name == "VSYNC_SOAK");
    let cases = if soak { 20_000 } else { few };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// An independent reading of files that have no macros, and whose values hold no blanks.
fn read(file: &str) -> Vec<Entry> {
    let lines = file.lines().map(|line| line.split(" # ").next().unwrap_or_default());
    let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let mut entries: Vec<Entry> = Vec::new();
    for pair in words.chunks(2) {
        let [keyword, value] = pair else { continue };
        let value = value.trim_matches('"').replace("\\\\", "\\").replace("\\\"", "\"");
        match *keyword {
            "machine" => entries.push((value, String::new(), String::new())),
            "login" => entries.last_mut().unwrap().1 = value,
            _ => entries.last_mut().unwrap().2 = value,
        }
    }
    entries
}

fn entry() -> impl Strategy<Value = (String, String, String, u8)> {
    ("[mn]", "[abc]", "[a-z0-9#\\\\]{0,3}[a-z]", 0..4u8)
}

fn file() -> impl Strategy<Value = String> {
    let entries = prop::collection::vec(entry(), 0..5);
    (entries, prop_oneof![Just("\n"), Just("\r\n")], any::<[bool; 4]>()).prop_map(
        |(entries, end, [closed, apart, lead, trail])| {
            let mut text = String::from(if lead { "# mine\n" } else { "" });
            for (machine, login, password, layout) in entries {
                text.push_str(&match layout {
                    0 => format!("machine {machine} login {login} password {password}\n"),
                    1 => format!("machine {machine}\n  password {password} # note\n\tlogin {login}\n"),
                    2 => format!(
                        "# about it\nmachine {machine} login {login}\n\tpassword \"{}\"\n",
                        password.replace('\\', "\\\\")
                    ),
                    _ => format!("machine {machine} login {login} # note\n"),
                });
                text.push_str(if apart { "\n" } else { "" });
            }
            text.push_str(if trail { "\n" } else { "" });
            let text = if closed { text } else { text.trim_end().to_owned() };
            text.replace('\n', end)
        },
    )
}

fn incoming() -> impl Strategy<Value = String> {
    let entries = prop::collection::btree_map(("[mno]", "[abcd]"), "[a-z0-9#]{1,4}", 0..4);
    entries.prop_map(|entries| {
        let entries = entries.iter();
        entries
            .map(|((machine, login), password)| {
                format!("machine {machine} login {login} password {password}\n")
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_merge_does_what_a_model_does(file in file(), incoming in incoming()) {
        let mut expected = read(&file);
        for wanted in read(&incoming) {
            let known = |entry: &&mut Entry| (&entry.0, &entry.1) == (&wanted.0, &wanted.1);
            if expected.iter_mut().filter(known).map(|entry| entry.2.clone_from(&wanted.2)).count() == 0 {
                expected.push(wanted);
            }
        }
        let merged = merge(&file, &incoming).unwrap();
        prop_assert_eq!(read(text(&merged)), expected, "{}", text(&merged));
        let again = merge(text(&merged), &incoming).unwrap();
        prop_assert!(again.changes.is_empty() && again.bytes == merged.bytes);
        let bare = text(&merged).replace("\r\n", "").contains('\n');
        prop_assert!(!file.contains("\r\n") || !bare, "line ends are mixed");
        for note in ["# mine", "# note", "# about it"] {
            prop_assert_eq!(text(&merged).matches(note).count(), file.matches(note).count());
        }
    }

    #[test]
    fn what_was_added_is_taken_out_again(file in file(), incoming in incoming()) {
        let merged = merge(&file, &incoming).unwrap();
        if merged.changes.iter().all(|change| change.kind == ChangeKind::Added) {
            let places: Vec<KeyPath> = merged.changes.iter().map(|change| change.path.clone()).collect();
            let removed = remove(text(&merged), &places);
            prop_assert_eq!(text(&removed), &file, "{}", text(&merged));
        }
    }

    #[test]
    fn nothing_panics(
        file in prop::collection::vec(prop_oneof![
            "(machine|login|password|default|macdef|account)", "[ \t\r\n]{1,2}", "[a-c#\"\\\\]{1,3}", "\\PC"
        ], 0..24),
        incoming in incoming(),
    ) {
        let file = file.concat();
        if let Ok(merged) = merge(&file, &incoming) {
            prop_assert!(merge(text(&merged), &incoming).unwrap().changes.is_empty());
            for change in &merged.changes {
                remove(text(&merged), std::slice::from_ref(&change.path));
            }
        }
        let _ = merge("machine m login a\n", &file);
    }
}
