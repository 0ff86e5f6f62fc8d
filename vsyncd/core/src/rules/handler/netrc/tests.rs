//! What merging into netrc files keeps, changes and refuses.

use crate::rules::handler::{self, ChangeKind, Format, MergeError, Merged, Options, Position};
use crate::rules::key_path::KeyPath;

mod properties;

fn merge(existing: &str, incoming: &str) -> Result<Merged, MergeError> {
    handler::merge(Format::Netrc, existing.as_bytes(), incoming.as_bytes(), Options::default())
}

fn text(merged: &Merged) -> &str {
    std::str::from_utf8(&merged.bytes).unwrap()
}

fn remove(file: &str, places: &[KeyPath]) -> Merged {
    handler::remove(Format::Netrc, file.as_bytes(), places).unwrap()
}

/// Merges twice and takes out again what was added.
#[track_caller]
fn becomes(existing: &str, incoming: &str, expected: &str) -> Merged {
    let merged = merge(existing, incoming).unwrap();
    assert_eq!(text(&merged), expected);
    assert_eq!(merged.changes.is_empty(), existing == expected);
    let again = merge(expected, incoming).unwrap();
    assert_eq!((text(&again), again.changes.len()), (expected, 0));
    if merged.changes.iter().all(|change| change.kind == ChangeKind::Added) {
        let places: Vec<KeyPath> = merged.changes.iter().map(|change| change.path.clone()).collect();
        assert_eq!(text(&remove(expected, &places)), existing, "what was added was not taken out");
    }
    merged
}

fn path(keys: &[&str]) -> KeyPath {
    keys.iter().copied().collect()
}

#[test]
fn an_empty_file_becomes_the_data() {
    becomes("", "machine h login u password p\n", "machine h login u password p\n");
    becomes("# mine\n", "machine h\n  login u\n  password p", "# mine\nmachine h\n  login u\n  password p\n");
    becomes("# mine", "machine h login u password p", "# mine\nmachine h login u password p");
    becomes("machine h login u password p\n", "# nothing\n", "machine h login u password p\n");
}

#[test]
fn entries_match_on_machine_and_login() {
    let file = "machine h login a password 1\nmachine h login b password 2\nmachine g login a password 3\n";
    becomes(file, "machine h login b password x", &file.replace("password 2", "password x"));
    becomes(file, "machine h login c password x", &format!("{file}machine h login c password x\n"));
    becomes(file, "machine g password x", &file.replace("password 3", "password x"));
    becomes(file, "machine h password x", &file.replace("password 1", "password x"));
    let file = "machine h login a password 1\nmachine h password 2\n";
    becomes(file, "machine h password x", &file.replace("password 2", "password x"));
    let file = "machine h login a password 1\n";
    let both = "machine h login a password 2\nmachine h password x";
    becomes(file, both, "machine h login a password 2\nmachine h password x\n");
    assert_eq!(text(&remove(file, &[path(&["h", ""])])), file);
    let file = "machine h login a password 1\nmachine h login a password 1\n";
    becomes(file, "machine h login a password x", &file.replace("password 1", "password x"));
}

#[test]
fn new_machines_go_above_the_default() {
    let new = "machine n login u password p";
    becomes(
        "machine h login a\n\ndefault login anonymous\n",
        new,
        &format!("machine h login a\n\n{new}\n\ndefault login anonymous\n"),
    );
    becomes(
        "machine h login a\n# others\ndefault login x",
        new,
        &format!("machine h login a\n{new}\n# others\ndefault login x"),
    );
    becomes("default login x", new, &format!("{new}\ndefault login x"));
    becomes(
        "machine h login a\n",
        "machine n login u password p default login x",
        "machine h login a\nmachine n login u password p\n",
    );
}

#[test]
fn new_machines_look_like_their_neighbours() {
    let file = "machine h\n\tlogin a\n\tpassword b\n\nmachine g\n\tlogin a\n\tpassword b\n\n\n";
    becomes(
        file,
        "machine n login u password p",
        &format!("{}\n\nmachine n\n\tlogin u\n\tpassword p\n\n\n", file.trim_end()),
    );
    becomes(
        "machine h\r\n  login a",
        "machine n login u",
        "machine h\r\n  login a\r\nmachine n\r\n  login u",
    );
}

#[test]
fn macros_are_not_read() {
    let file = "machine h login a password b\nmacdef init\n machine n login u\n# not a comment\n\n";
    becomes(file, "machine n login u password p", &format!("{file}machine n login u password p\n"));
    let merged = merge("macdef init\n cd x\n", "machine n login u").unwrap();
    assert_eq!(text(&merged), "macdef init\n cd x\n\nmachine n login u\n");
    let merged = merge("macdef init\n cd x", "machine n login u").unwrap();
    assert_eq!(text(&merged), "macdef init\n cd x\n\nmachine n login u");
}

#[test]
fn fields_that_are_missing_are_added_in_the_entry() {
    becomes(
        "machine h login u # mine\n",
        "machine h login u password p",
        "machine h login u password p # mine\n",
    );
    becomes(
        "machine h\n  login u # mine\n\n",
        "machine h login u password p",
        "machine h\n  login u # mine\n  password p\n\n",
    );
    becomes(
        "machine h\n  login u",
        "machine h login u password p account q",
        "machine h\n  login u\n  password p\n  account q",
    );
    becomes("machine h", "machine h password p", "machine h password p");
}

#[test]
fn words_are_quoted_where_they_need_it() {
    becomes(
        "machine h login u password old\n",
        "machine h login u password \"a b\"",
        "machine h login u password \"a b\"\n",
    );
    becomes(
        "machine h login u password \"old\"\n",
        "machine h login u password new",
        "machine h login u password \"new\"\n",
    );
    becomes(
        "machine h login u password \"p\"\n",
        "machine h login u password p",
        "machine h login u password \"p\"\n",
    );
    becomes(
        "machine h login u password #1 # c\n",
        "machine h login u password #2",
        "machine h login u password \"#2\" # c\n",
    );
    becomes(
        "machine h login u password a#b\n",
        "machine h login u password c#d",
        "machine h login u password c#d\n",
    );
    becomes(
        "machine h login u password a\\b\n",
        "machine h login u password a\\b",
        "machine h login u password a\\b\n",
    );
    becomes(
        "machine h login u password x\n",
        "machine h login u password a\\b",
        "machine h login u password \"a\\\\b\"\n",
    );
}

#[test]
fn a_keyword_and_its_value_may_stand_on_two_lines() {
    becomes(
        "machine\n  h\nlogin\n  u\npassword\n  old\n",
        "machine h login u password new",
        "machine\n  h\nlogin\n  u\npassword\n  new\n",
    );
    becomes("machine h user u passwd old", "machine h login u password new", "machine h user u passwd new");
}

#[test]
fn what_is_added_and_managed_is_told() {
    let file = "machine h login a password 1\n";
    let incoming =
        "machine n login u password p machine h login a account x password 2 machine h login b password 3";
    let merged = merge(file, incoming).unwrap();
    let told: Vec<_> = merged.changes.iter().map(|change| (change.path.to_string(), change.kind)).collect();
    let expected = [
        ("h.a.password", ChangeKind::Replaced),
        ("h.a.account", ChangeKind::Added),
        ("n", ChangeKind::Added),
        ("h.b", ChangeKind::Added),
    ];
    assert_eq!(told, expected.map(|(path, kind)| (path.to_owned(), kind)));
    let managed =
        [["n", "u", "password"], ["h", "a", "account"], ["h", "a", "password"], ["h", "b", "password"]];
    assert_eq!(merged.managed, managed.map(KeyPath::from_iter));
}

#[test]
fn what_does_not_parse_is_refused_with_its_place() {
    let at = |line, column| Position { line, column };
    for (file, place) in [
        ("machine h login u password secret with space\n", at(1, 35)),
        ("machine h\n  password\n", at(2, 3)),
        ("login u\n", at(1, 1)),
        ("machine h password \"open\n\"\n", at(1, 20)),
        ("machine h\nmacdef m\n x\n\nlogin u\n", at(5, 1)),
    ] {
        let error = merge(file, "machine n login u").unwrap_err();
        assert!(matches!(error, MergeError::Malformed { at, .. } if at == place), "{error}");
        let error = merge("", file).unwrap_err();
        assert!(matches!(error, MergeError::BadIncoming { at, .. } if at == place), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
    let error = merge("", "machine h password \"a\\nb\"").unwrap_err();
    assert!(matches!(error, MergeError::BadIncoming { .. }), "{error}");
}

#[test]
fn removal_takes_machines_entries_and_fields() {
    let file = "machine h login a password 1\n# about b\nmachine h\n  login b\n  password 2 # old\n  account x\nmachine g login a password 3";
    assert_eq!(text(&remove(file, &[path(&["none"]), path(&["h", "c"]), KeyPath::root()])), file);
    assert_eq!(
        text(&remove(file, &[path(&["h", "b", "password"])])),
        file.replace("  password 2 # old\n", "")
    );
    assert_eq!(text(&remove(file, &[path(&["h", "a", "password"])])), file.replacen(" password 1", "", 1));
    assert_eq!(text(&remove(file, &[path(&["g"])])), file.replace("\nmachine g login a password 3", ""));
    assert_eq!(text(&remove(file, &[path(&["h"])])), "# about b\nmachine g login a password 3");
    let one_line = "machine h login a machine g login b";
    assert_eq!(text(&remove(one_line, &[path(&["h"])])), "machine g login b");
    assert_eq!(text(&remove(one_line, &[path(&["h", "a", "login"])])), "machine h machine g login b");
}
