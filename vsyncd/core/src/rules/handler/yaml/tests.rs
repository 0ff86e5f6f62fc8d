//! Examples, one per rule.

use super::*;
use crate::rules::handler::{self, ChangeKind, Format};

/// Merges, and holds what every merge must: the second one changes nothing.
fn merged(existing: &str, incoming: &str, delete_nulls: bool) -> Result<String, MergeError> {
    let options = Options { delete_nulls };
    let first = handler::merge(Format::Yaml, existing.as_bytes(), incoming.as_bytes(), options)?;
    let again =
        handler::merge(Format::Yaml, &first.bytes, incoming.as_bytes(), options).expect("merges again");
    assert!(again.changes.is_empty() && again.bytes == first.bytes, "twice: {existing:?} {incoming:?}");
    assert_eq!(first.changes.is_empty(), *first.bytes == existing.as_bytes());
    Ok(String::from_utf8(first.bytes.to_vec()).expect("UTF-8"))
}

#[track_caller]
fn gives(existing: &str, incoming: &str, expected: &str) {
    assert_eq!(merged(existing, incoming, false).as_deref(), Ok(expected));
}

#[track_caller]
fn deletes(existing: &str, incoming: &str, expected: &str) {
    assert_eq!(merged(existing, incoming, true).as_deref(), Ok(expected));
}

/// Sets, and takes out again what was new.
#[track_caller]
fn returns(existing: &str, incoming: &str, expected: &str) {
    gives(existing, incoming, expected);
    let set = merge(existing.as_bytes(), incoming.as_bytes(), Options::default()).expect("merges");
    let places: Vec<_> = set.changes.iter().map(|change| change.path.clone()).collect();
    assert!(set.changes.iter().all(|change| change.kind == ChangeKind::Added), "{:?}", set.changes);
    let back = remove(&set.bytes, &places).expect("is taken out");
    assert_eq!(String::from_utf8_lossy(&back.bytes), existing);
}

fn error(existing: &str, incoming: &str) -> MergeError {
    merged(existing, incoming, false).expect_err("is refused")
}

#[test]
fn a_replaced_scalar_keeps_its_line() {
    gives("a: old   # why\nb: 2\n", "a: \"new\"\n", "a: new   # why\nb: 2\n");
    gives("a: 'old'\n", "a: it's\n", "a: 'it''s'\n");
    gives("a: \"old\"\n", "a: new\n", "a: \"new\"\n");
    gives("a: 'old'\n", "a: \"x\\ty\\0\"\n", "a: \"x\\ty\\0\"\n");
    gives("a: old\n", "a: \"x: y\"\n", "a: \"x: y\"\n");
    gives("a:\n  old\n  text # c\nb: 1\n", "a: new\n", "a: new # c\nb: 1\n");
    gives("a: one\n  two\nb: 1\n", "a: new\n", "a: new\nb: 1\n");
    gives("a: \"one\n  two\" # c\nb: 1\n", "a: new\n", "a: \"new\" # c\nb: 1\n");
    gives("  a: 1\n  b: 2\n", "b: 3\nc: 4\n", "  a: 1\n  b: 3\n  c: 4\n");
}

#[test]
fn a_text_of_several_lines_can_take_the_place_of_items_in_the_column_of_their_key() {
    gives("a:\n- one\n- two\nb: 1\n", "a: |-\n  x\n  y\n", "a: |-\n  x\n  y\nb: 1\n");
    gives("m:\n  a:\n  - one\n", "m: {a: \"x\\ny\"}\n", "m:\n  a: \"x\\ny\"\n");
    gives("a:\n   - one\n", "a: |-\n  x\n  y\n", "a: |-\n   x\n   y\n");
}

#[test]
fn a_document_that_has_an_end_keeps_something_to_end() {
    deletes("# c\na: 1\nb: 2\n...\n", "a:\nb:\n", "# c\n{}\n...\n");
    deletes("---\na: 1\n...\n", "a:\n", "---\n...\n");
    deletes("# c\na: 1\n", "a:\n", "# c\n");
    gives("{}\n...\n", "a: 1\n", "{a: 1}\n...\n");
}

#[test]
fn values_that_look_like_others_keep_their_type() {
    for text in
        ["no", "0123", "1e3", "~", "null", "2026-05-23", "12:30", "0x1F", "true", "", "=", "<<", "-", "1.0"]
    {
        gives("a: old\n", &format!("a: \"{text}\"\n"), &format!("a: \"{text}\"\n"));
        gives("a: 'old'\n", &format!("a: \"{text}\"\n"), &format!("a: '{text}'\n"));
        gives("b: 1\n", &format!("a: '{text}'\n"), &format!("b: 1\na: '{text}'\n"));
    }
    gives("a: \"1\"\n", "a: 2\n", "a: 2\n");
    gives("a: yes\n", "a: no\n", "a: no\n");
    gives("a: old\n", "a:\n", "a: null\n");
    gives("a: 1\n", "a: 1e400\n", "a: 1e400\n");
    gives(
        "a: 1\n",
        "a: 123456789012345678901234567890123456789012345\n",
        "a: 123456789012345678901234567890123456789012345\n",
    );
}

#[test]
fn the_same_value_is_left_as_it_is_spelled() {
    for (existing, incoming) in [
        ("a: 0x1F\n", "a: 31\n"),
        ("a: 1.50\n", "a: 1.5\n"),
        ("a: 'x'\n", "a: \"x\"\n"),
        ("a: x\n", "a: 'x'\n"),
        ("a: |-\n  x\n", "a: x\n"),
        ("a: >-\n  x\n  y\n", "a: x y\n"),
        ("a: ~\n", "a: null\n"),
        ("a:\n", "a: null\n"),
        ("a: True\n", "a: true\n"),
        ("a: [1, 2,]\n", "a:\n- 1\n- 2\n"),
        ("a: !!str 1\n", "a: \"1\"\n"),
        ("\"a\": {b: {c: 1}}\n", "a:\n  b:\n    c: 1\n"),
        ("a: 1", "a: 1\n"),
        ("a: 1\n", ""),
        ("a: 1\n", "# nothing\n---\n"),
        ("", "{}\n"),
        ("a: {}\n", "a: {}\n"),
        ("a: {b: 1}\n", "a: {}\n"),
    ] {
        gives(existing, incoming, existing);
    }
}

#[test]
fn new_keys_go_after_the_last_one_of_their_mapping() {
    returns(
        "a:\n  x: 1 # one\n\n# about b\nb: 2\n",
        "a: {y: 2}\n",
        "a:\n  x: 1 # one\n  y: 2\n\n# about b\nb: 2\n",
    );
    returns("a:\n    x: 1\nb: 2", "c:\n  d:\n    e: 1\n", "a:\n    x: 1\nb: 2\nc:\n    d:\n        e: 1");
    returns("a:\n- x\n", "b: [1, {c: 2, d: [3]}]\n", "a:\n- x\nb:\n- 1\n- c: 2\n  d:\n  - 3\n");
    returns("a: |\n  text\n\n# end\n", "b: 1\n", "a: |\n  text\nb: 1\n\n# end\n");
    returns("a: |+\n  text\n\n\n# end\n", "b: 1\n", "a: |+\n  text\n\n\nb: 1\n# end\n");
    returns("a: 1\r\nb: 2\r\n", "c: {d: 1}\n", "a: 1\r\nb: 2\r\nc:\r\n  d: 1\r\n");
    returns("a: 1\r\nb: 2", "c: 1\n", "a: 1\r\nb: 2\r\nc: 1");
    returns(
        "a:\n  b:\n    c: 1\n",
        "a: {b: {d: 1}, e: 2}\nf: 3\n",
        "a:\n  b:\n    c: 1\n    d: 1\n  e: 2\nf: 3\n",
    );
    returns("a: 1\n", "? \n: 1\n", "a: 1\nnull: 1\n");
    returns("? a\n: 1\n", "b: 2\n", "? a\n: 1\nb: 2\n");
    returns("a: &x 1\n", "\"k: y\": 2\n", "a: &x 1\n\"k: y\": 2\n");
}

#[test]
fn empty_files_become_mappings() {
    returns("", "a: {b: 1}\n", "a:\n  b: 1\n");
    returns("\u{feff}", "a: 1\n", "\u{feff}a: 1\n");
    returns("# only\n\n", "a: 1\n", "# only\n\na: 1\n");
    returns("# only", "a: 1\n", "# only\na: 1");
    gives("...\n", "a: 1\n", "a: 1\n...\n");
    returns("---\n", "a: 1\n", "---\na: 1\n");
    returns("---\n# c\n...\n", "a: 1\n", "---\n# c\na: 1\n...\n");
    returns("%YAML 1.2\n---\n---\nb: 1\n", "a: 1\n", "%YAML 1.2\n---\na: 1\n---\nb: 1\n");
    returns("{}\n", "a: {b: 1}\n", "{a: {b: 1}}\n");
    returns("a: {} # c\n", "a: {b: 1}\n", "a: {b: 1} # c\n");
}

#[test]
fn flow_mappings_are_edited_inside_their_braces() {
    returns("a: {x: 1}\n", "a: {y: \"q,\"}\n", "a: {x: 1, y: \"q,\"}\n");
    returns("a: { x: 1 }\n", "a: {y: 2}\n", "a: { x: 1, y: 2 }\n");
    returns("a: {x: 1,}\n", "a: {y: 2}\n", "a: {x: 1, y: 2,}\n");
    returns(
        "a: {\n  x: 1, # one\n  z: 2 # two\n}\n",
        "a: {y: 2}\n",
        "a: {\n  x: 1, # one\n  z: 2, # two\n  y: 2\n}\n",
    );
    returns("a: {\n  x: 1,\n}\n", "a: {y: 2, w: 3}\n", "a: {\n  x: 1,\n  y: 2,\n  w: 3,\n}\n");
    returns("{\n  \"a\": {\"x\": 1}\n}\n", "b: yo\n", "{\n  \"a\": {\"x\": 1},\n  \"b\": \"yo\"\n}\n");
    gives("a: {x: old, y: 2} # c\n", "a: {x: 'n,w'}\n", "a: {x: \"n,w\", y: 2} # c\n");
    gives("a: {x, y: }\n", "a: {x: 1, y: 2}\n", "a: {x: 1, y: 2 }\n");
    gives("{\"a\":\"b\"}", "a: c\n", "{\"a\":\"c\"}");
    deletes("a: {x: 1, y: 2, z: 3}\n", "a: {y: null}\n", "a: {x: 1, z: 3}\n");
    deletes("a: {x: 1, y: 2, z: 3}\n", "a: {x: null, y: null, z: null}\n", "a: {}\n");
    deletes("a: {x: 1, y: 2}\n", "a: {y: null, w: 3}\n", "a: {x: 1, w: 3}\n");
}

#[test]
fn scalars_and_mappings_change_places() {
    gives(
        "auth: none          # was: basic\nproxy: # p\n  http: x\n  no: [l, .c] # n\n# limits\nlimits: {cpu: 2}\n",
        "auth:\n  kind: token\n  token: tk-1\nproxy: \"direct\"\n",
        "auth:          # was: basic\n  kind: token\n  token: tk-1\nproxy: \"direct\" # p\n# limits\nlimits: {cpu: 2}\n",
    );
    gives("a: {x: 1} # c\nb: 1\n", "a: s\n", "a: s # c\nb: 1\n");
    gives("a:\n- 1\n- 2\nb: 1\n", "a: s\n", "a: s\nb: 1\n");
    gives("a:\n- 1\n- 2 # two\nb: 1\n", "a: [3]\n", "a:\n- 3\nb: 1\n");
    gives("a:\n    - 1\nb: 1\n", "a: [3, 4]\n", "a:\n    - 3\n    - 4\nb: 1\n");
    gives("a: [1,\n  2] # c\nb: 1\n", "a: [3]\n", "a: [3] # c\nb: 1\n");
    gives("a: |\n  pem\n  pem\n\nb: 1\n", "a: {k: v}\n", "a:\n  k: v\n\nb: 1\n");
    gives("a: # c\n  - 1\n", "a: {k: v}\n", "a: # c\n  k: v\n");
    gives("a:\nb: 1\n", "a: {k: v}\n", "a:\n  k: v\nb: 1\n");
    gives("? a\n? b\n", "a: 1\n", "? a\n: 1\n? b\n");
    gives("? a\n: - 1\n  - 2\nb: 1\n", "a: s\n", "? a\n: s\nb: 1\n");
}

#[test]
fn block_scalars_stay_block_scalars() {
    gives("a: |  # key\n  old\n  old\nb: 1\n", "a: \"x\\ny\\n\"\n", "a: |  # key\n  x\n  y\nb: 1\n");
    gives("a: |\n  old\nb: 1\n", "a: x\n", "a: |-\n  x\nb: 1\n");
    gives("a: >-\n  old\n  text\nb: 1\n", "a: new text\n", "a: >-\n  new text\nb: 1\n");
    gives("a: |2\n   old\nb: 1\n", "a: \" x\"\n", "a: \" x\"\nb: 1\n");
    gives("a: |\r\n  old\r\nb: 1\r\n", "a: \"x\\ny\\n\"\n", "a: |\r\n  x\r\n  y\r\nb: 1\r\n");
    gives("b: 1\n", "a: |\n  x\n  y\n", "b: 1\na: |\n  x\n  y\n");
    gives("a: old\n", "a: |\n  x\n  y\n", "a: \"x\\ny\\n\"\n");
    gives("k: 1\na: |\n  last", "k: 2\n", "k: 2\na: |\n  last");
    gives("k: 1\na: |\n  last", "b: 2\n", "k: 1\na: |-\n  last\nb: 2");
    gives("k: 1\na: |+\n  last", "b: 2\n", "k: 1\na: |-\n  last\nb: 2");
    gives("a: |\n  last", "a: \"x\\ny\\n\"\n", "a: \"x\\ny\\n\"");
    gives("a: |\n  last", "a: \"x\\ny\"\n", "a: |-\n  x\n  y");
    gives("a: {b: x}\n", "a:\n  b: |\n    x\n    y\n", "a: {b: \"x\\ny\\n\"}\n");
}

#[test]
fn anchors_stay_and_aliases_follow() {
    gives("a: &t old\nb: *t\n", "a: new\n", "a: &t new\nb: *t\n");
    gives("a: &t old\nb: *t\n", "b: new\n", "a: &t new\nb: *t\n");
    gives("a: &t old\nb: *t\n", "a: new\nb: new\n", "a: &t new\nb: *t\n");
    gives("a: &t old\nb: *t\n", "a: new\nb: other\n", "a: &t new\nb: other\n");
    gives("a: &t old\nb: *t\n", "a: old\nb: other\n", "a: &t old\nb: other\n");
    gives("a: &t old\nb: *t\n", "a: new\nb: old\n", "a: &t new\nb: old\n");
    gives("l: [&t old]\nb: *t\n", "b: new\n", "l: [&t new]\nb: *t\n");
    gives("l:\n- &t old\nb: *t # c\n", "b: new\n", "l:\n- &t new\nb: *t # c\n");
    gives("&t k: v\nb: *t\n", "b: new\n", "&t k: v\nb: new\n");
    gives("a: &l [1]\nb: *l\n", "b: [2]\n", "a: &l [1]\nb:\n  - 2\n");
    gives("a: &l [1]\nb: *l\n", "a: [2]\nb: [1]\n", "a: &l [2]\nb:\n  - 1\n");
    gives("a: &m {x: 1}\nb: *m\n", "b: s\n", "a: &m {x: 1}\nb: s\n");
    gives("a: &m {x: 1}\nb: *m\n", "b: {x: 1}\n", "a: &m {x: 1}\nb: *m\n");
    gives("a: &t # c\n  old\nb: *t\n", "a: new\n", "a: &t new # c\nb: *t\n");
    gives("a: !!str &t old\nb: *t\n", "a: new\n", "a: !!str &t new\nb: *t\n");
    let refused = error("a: &m {x: 1}\nb: *m\n", "b: {x: 2}\n");
    assert!(matches!(refused, MergeError::Unsupported { .. }), "{refused}");
    let refused = error("a: {t: &t old}\nb: *t\n", "a: gone\n");
    assert!(matches!(refused, MergeError::Unsupported { .. }), "{refused}");
    let refused = error("a: &m {t: 1}\nb: {<<: *m}\n", "a: gone\n");
    assert!(matches!(refused, MergeError::Unsupported { .. }), "{refused}");
}

#[test]
fn inherited_keys_are_written_where_they_are_addressed() {
    let file = "d: &d\n  host: h\n  db: {u: a, p: b}\ns:\n  <<: *d\np:\n  <<: [*d]\n  pool: 2\n";
    gives(file, "p: {host: x}\n", &format!("{file}  host: x\n"));
    gives(file, "p: {host: h, db: {u: a}}\n", file);
    gives(file, "p: {db: {p: c}}\n", &format!("{file}  db:\n    u: a\n    p: c\n"));
    gives(file, "d: {host: z}\n", &file.replace("host: h", "host: z"));
    gives("a: 1\n", "b: &x {c: 1}\nd: {<<: *x, e: 2}\n", "a: 1\nb:\n  c: 1\nd:\n  e: 2\n  c: 1\n");
}

#[test]
fn tags_stay_only_where_they_say_the_same() {
    gives("a: !!str 1\n", "a: \"2\"\n", "a: !!str \"2\"\n");
    gives("a: !!str 1\n", "a: 2\n", "a: 2\n");
    gives("a: !vault |\n  x\n  y\nb: 1\n", "a: s\n", "a: |-\n  s\nb: 1\n");
    gives("a: !env &x $X # c\n", "a: s\n", "a: &x s # c\n");
    gives("a: &x !env $X # c\n", "a: s\n", "a: &x s # c\n");
    gives("b: 1\n", "a: !env X\n", "b: 1\na: !env X\n");
    gives("a: !m\n  x: 1\n", "a: {y: 2}\n", "a: !m\n  x: 1\n  y: 2\n");
}

#[test]
fn only_the_first_document_is_edited() {
    gives("a: 1\n---\na: 2\n---\n- x\n", "a: 3\nb: 4\n", "a: 3\nb: 4\n---\na: 2\n---\n- x\n");
    gives("%YAML 1.2\n---\n# f\na: 1\n...", "b: 1\n", "%YAML 1.2\n---\n# f\na: 1\nb: 1\n...");
    gives("--- # s\na: 1\n... # e\n", "b: 1\n", "--- # s\na: 1\nb: 1\n... # e\n");
}

#[test]
fn nulls_delete_where_that_is_asked_for() {
    deletes(
        "# top\na: 1 # c\n# b's\nb:\n  c: 1\n  d: 2\ne: 3\n",
        "a: null\nb: {c: ~}\nzz: null\n",
        "# top\n# b's\nb:\n  d: 2\ne: 3\n",
    );
    deletes("a:\n  b: 1 # c\nc: 1\n", "a: {b: null}\n", "a: {}\nc: 1\n");
    deletes("a: # c\n  b: 1\nc: 1", "a: {b: null, d: 2}\nc: null\n", "a: # c\n  d: 2");
    deletes("a: 1\n", "b: {c: null}\nd: {e: 1, f: null}\n", "a: 1\nb: {}\nd:\n  e: 1\n");
    deletes("a: 1", "a: null\n", "");
    deletes("a: 1\nb: 2", "b: null\n", "a: 1");
    gives("a: 1\n", "b: null\n", "a: 1\nb: null\n");
}

#[test]
fn what_cannot_be_edited_is_refused_with_its_place() {
    for bad in [
        "a: [1\n",
        "a: \"x\n",
        "a: b: c\n",
        "\ta: 1\n",
        "a: 1\n b: 2\n",
        "a: *x\n",
        "{a: 1]\n",
        "a: 1\n}\n",
        "a: @x\n",
        "a: \"\\q\"\n",
        "a: 1\nb\n",
        "%YAML 1.2\na: 1\n",
        "a: \u{1}\n",
        "a: 1\n---\nb: [\n",
        "- a\nb: 1\n",
        "x\n : y\n",
        "a: x\n  : y\n",
    ] {
        assert!(
            matches!(error(bad, "a: 1\n"), MergeError::Malformed { .. }),
            "{bad:?}: {:?}",
            error(bad, "a: 1\n")
        );
        assert!(matches!(error("a: 1\n", bad), MergeError::BadIncoming { .. }), "{bad:?}");
    }
    assert_eq!(error("- a\n", "a: 1\n"), MergeError::WrongRoot { document: "file", found: "sequence" });
    assert_eq!(error("text\n", "a: 1\n"), MergeError::WrongRoot { document: "file", found: "scalar" });
    assert_eq!(
        error("a: 1\n", "- 1\n"),
        MergeError::WrongRoot { document: "rendered data", found: "sequence" }
    );
    let path = KeyPath::from_iter(["a", "b"]);
    let at = Position { line: 3, column: 3 };
    assert_eq!(error("a:\n  b: 1\n  b: 2\n", "a: {b: 1}\n"), MergeError::DuplicateKey { path, at });
    gives("a: 1\na: 2\nb: 3\n", "b: 4\n", "a: 1\na: 2\nb: 4\n");
    let bytes = merge(b"a: \xff\n", b"a: 1\n", Options::default()).expect_err("is refused");
    let at = Position { line: 1, column: 4 };
    assert!(matches!(bytes, MergeError::Malformed { at: found, .. } if found == at), "{bytes:?}");
}

#[test]
fn bombs_are_refused() {
    for bomb in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        assert!(matches!(error(&bomb, "a: 1\n"), MergeError::Malformed { .. }));
        assert!(matches!(error("a: 1\n", &bomb), MergeError::BadIncoming { .. }));
    }
    let mut laughs = String::from("a0: &a0 [x, x]\n");
    for at in 1..40 {
        laughs += &format!("a{at}: &a{at} [*a{0}, *a{0}]\n", at - 1);
    }
    gives(&format!("{laughs}k: 1\n"), "k: 2\n", &format!("{laughs}k: 2\n"));
    assert!(matches!(error("a: 1\n", &laughs), MergeError::BadIncoming { .. }));
    let mut deep = String::from("a0: &a0 x\n");
    for at in 1..3000 {
        deep += &format!("a{at}: &a{at} [*a{}]\n", at - 1);
    }
    assert!(matches!(error("a: 1\n", &deep), MergeError::BadIncoming { .. }));
}

#[test]
fn changes_and_managed_places_are_named() {
    let merged =
        merge(b"b: 1\na: {x: 1}\n", b"a: {x: 2, n: {m: 1}, e: {}}\nb: 1\nl: [1]\n", Options::default())
            .expect("merges");
    let names: Vec<_> = merged.changes.iter().map(|change| (change.path.to_string(), change.kind)).collect();
    assert_eq!(
        names,
        [
            ("a.x".to_owned(), ChangeKind::Replaced),
            ("a.n".to_owned(), ChangeKind::Added),
            ("a.e".to_owned(), ChangeKind::Added),
            ("l".to_owned(), ChangeKind::Added)
        ]
    );
    let managed: Vec<_> = merged.managed.iter().map(ToString::to_string).collect();
    assert_eq!(managed, ["a.x", "a.n.m", "a.e", "b", "l"]);
}

#[test]
fn a_block_that_the_file_ends_in_by_now_keeps_its_line_break() {
    deletes("a: |\n  x\nb: 1", "b:\n", "a: |\n  x\n");
    deletes("a: |-\n  x\nb: 1", "b:\n", "a: |-\n  x");
    deletes("a: 1\nb: 1", "b:\n", "a: 1");
    gives("b: 1\na: |\n  x", "b: 2", "b: 2\na: |\n  x");
}

#[test]
fn a_block_of_blank_lines_ends_at_a_line_of_the_mapping_around_it() {
    gives("a: |\n     \nb: 1\n", "b: 2", "a: |\n     \nb: 2\n");
    gives("o:\n  a: |+\n       \n  b: 1\n", "o:\n  b: 2", "o:\n  a: |+\n       \n  b: 2\n");
    let error = merged("a: |\n     \n  text\nb: 1\n", "b: 2", false).unwrap_err();
    assert!(matches!(error, MergeError::Malformed { .. }), "{error}");
}
