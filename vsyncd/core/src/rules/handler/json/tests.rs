//! What merging JSON promises, by example.

use crate::rules::handler::{ChangeKind, Format, MergeError, Merged, Options, merge, remove};
use crate::rules::key_path::KeyPath;

fn try_set(existing: &str, incoming: &str) -> Result<Merged, MergeError> {
    merge(Format::Json, existing.as_bytes(), incoming.as_bytes(), Options::default())
}

fn text(merged: &Merged) -> String {
    String::from_utf8(merged.bytes.to_vec()).unwrap()
}

#[track_caller]
fn set(existing: &str, incoming: &str) -> String {
    let merged = try_set(existing, incoming).unwrap();
    let again = try_set(&text(&merged), incoming).unwrap();
    assert!(again.changes.is_empty() && again.bytes == merged.bytes, "not stable: {}", text(&merged));
    text(&merged)
}

#[track_caller]
fn take(existing: &str, paths: &[&[&str]]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| path.iter().copied().collect()).collect();
    text(&remove(Format::Json, existing.as_bytes(), &paths).unwrap())
}

/// Setting gives `after`, and taking out again what was added gives `before`.
#[track_caller]
fn there_and_back(before: &str, incoming: &str, after: &str) {
    let merged = try_set(before, incoming).unwrap();
    assert_eq!(text(&merged), after);
    let added: Vec<_> = merged.changes.into_iter().map(|change| change.path).collect();
    let back = remove(Format::Json, &merged.bytes, &added).unwrap();
    assert_eq!(text(&back), before);
}

#[test]
fn a_key_joins_its_neighbours_in_their_style() {
    there_and_back("{\n\t\"a\": 1\n}", r#"{"b":true}"#, "{\n\t\"a\": 1,\n\t\"b\": true\n}");
    there_and_back("{\r\n  \"a\": 1\r\n}\r\n", r#"{"b":1}"#, "{\r\n  \"a\": 1,\r\n  \"b\": 1\r\n}\r\n");
    there_and_back(r#"{"a":1}"#, r#"{"b": 2, "c": {"d": [1, 2]}}"#, r#"{"a":1,"b":2,"c":{"d":[1,2]}}"#);
    there_and_back(r#"{ "a": 1 }"#, r#"{"b":2}"#, r#"{ "a": 1, "b": 2 }"#);
    there_and_back(r#"{"a": 1, "c": 3}"#, r#"{"b":{"x":1}}"#, r#"{"a": 1, "c": 3, "b": {"x": 1}}"#);
    there_and_back("{\n  \"a\" : 1\n}\n", r#"{"b":2}"#, "{\n  \"a\" : 1,\n  \"b\" : 2\n}\n");
    there_and_back("{\"a\":1,\n \"c\":2}", r#"{"b":2}"#, "{\"a\":1,\n \"c\":2,\n \"b\":2}");
    there_and_back("\u{feff}{\"a\":1}", r#"{"b":2}"#, "\u{feff}{\"a\":1,\"b\":2}");
}

#[test]
fn new_objects_take_the_indentation_of_the_file() {
    there_and_back(
        "{\n    \"a\": {\n        \"x\": 1\n    }\n}\n",
        r#"{"a":{"n":{"deep":{"k":"v"}}}, "z": {}}"#,
        "{\n    \"a\": {\n        \"x\": 1,\n        \"n\": {\n            \"deep\": {\n                \"k\": \"v\"\n            }\n        }\n    },\n    \"z\": {}\n}\n",
    );
    there_and_back(
        "{\n\t\"auths\": {}\n}\n",
        r#"{"auths":{"h":{"auth":"x"}}}"#,
        "{\n\t\"auths\": {\n\t\t\"h\": {\n\t\t\t\"auth\": \"x\"\n\t\t}\n\t}\n}\n",
    );
}

#[test]
fn empty_objects_are_filled_as_they_are_written() {
    there_and_back("{}", r#"{"a":1}"#, "{\n  \"a\": 1\n}");
    there_and_back("{}\r\n", r#"{"a":1}"#, "{\r\n  \"a\": 1\r\n}\r\n");
    there_and_back("{ }\n", r#"{"a":1}"#, "{ \"a\": 1 }\n");
    there_and_back(r#"{"x":{}}"#, r#"{"x":{"a":1}}"#, r#"{"x":{"a":1}}"#);
    assert_eq!(set("{\n}\n", r#"{"a":1}"#), "{\n  \"a\": 1\n}\n");
    there_and_back("{\n  // none yet\n}\n", r#"{"a":1}"#, "{\n  // none yet\n  \"a\": 1\n}\n");
    there_and_back("{ /* none */ }\n", r#"{"a":1}"#, "{ /* none */ \"a\": 1 }\n");
    there_and_back("{ // none\n}\n", r#"{"a":1}"#, "{ // none\n  \"a\": 1\n}\n");
}

#[test]
fn a_file_without_a_value_becomes_a_document() {
    for nothing in ["", "\n", " \n\n"] {
        assert_eq!(set(nothing, r#"{"a":{"b":1}}"#), "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n");
    }
    assert_eq!(set("\r\n", r#"{"a":1}"#), "{\r\n  \"a\": 1\r\n}\r\n");
    assert_eq!(set("\u{feff}", r#"{"a":1}"#), "\u{feff}{\n  \"a\": 1\n}\n");
    assert_eq!(set("// mine", r#"{"a":1}"#), "// mine\n{\n  \"a\": 1\n}\n");
    for nothing in ["", "// no\n", "{}", " "] {
        assert_eq!(set("// mine", nothing), "// mine");
    }
}

#[test]
fn comments_and_trailing_commas_stay_where_they_are() {
    there_and_back("{\n  \"a\": 1, // one\n}\n", r#"{"b":2}"#, "{\n  \"a\": 1, // one\n  \"b\": 2,\n}\n");
    there_and_back("{\n  \"a\": 1 // one\n}\n", r#"{"b":2}"#, "{\n  \"a\": 1, // one\n  \"b\": 2\n}\n");
    there_and_back(
        "{\n  \"a\": 1 /* one */ // 1\n  // tail\n}\n",
        r#"{"b":2}"#,
        "{\n  \"a\": 1, /* one */ // 1\n  \"b\": 2\n  // tail\n}\n",
    );
    there_and_back("{\"a\": 1,}", r#"{"b":2, "c":3}"#, "{\"a\": 1, \"b\": 2, \"c\": 3,}");
    there_and_back("{ \"a\": 1 // c\n}", r#"{"b":2}"#, "{ \"a\": 1, // c\n  \"b\": 2\n}");
    assert_eq!(set("{\"a\": /* x */ 1 /* y */}", r#"{"a":2}"#), "{\"a\": /* x */ 2 /* y */}");
}

#[test]
fn a_member_goes_with_its_comma_and_the_comment_on_its_line() {
    let file =
        "{\n  // one\n  \"a\": 1, // a\n  /* two */\n  \"b\": 2, /* b */\n  \"c\": 3 // c\n  // end\n}\n";
    assert_eq!(
        take(file, &[&["a"]]),
        "{\n  // one\n  /* two */\n  \"b\": 2, /* b */\n  \"c\": 3 // c\n  // end\n}\n"
    );
    assert_eq!(
        take(file, &[&["b"]]),
        "{\n  // one\n  \"a\": 1, // a\n  /* two */\n  \"c\": 3 // c\n  // end\n}\n"
    );
    assert_eq!(
        take(file, &[&["c"]]),
        "{\n  // one\n  \"a\": 1, // a\n  /* two */\n  \"b\": 2 /* b */\n  // end\n}\n"
    );
    assert_eq!(take(file, &[&["b"], &["c"]]), "{\n  // one\n  \"a\": 1 // a\n  /* two */\n  // end\n}\n");
    assert_eq!(take(file, &[&["a"], &["b"], &["c"]]), "{\n  // one\n  /* two */\n  // end\n}\n");
    assert_eq!(take(r#"{"a":1,"b":2,"c":3}"#, &[&["b"]]), r#"{"a":1,"c":3}"#);
    assert_eq!(take(r#"{"a":1, "b":2, "c":3}"#, &[&["b"], &["c"]]), r#"{"a":1}"#);
    assert_eq!(take(r#"{ "a": 1, "b": 2 }"#, &[&["a"]]), r#"{ "b": 2 }"#);
    assert_eq!(
        take(r#"{"a":{"b":1},"c":[{"a":1}]}"#, &[&["a", "b"], &["c", "a"], &["no"]]),
        r#"{"a":{},"c":[{"a":1}]}"#
    );
    assert_eq!(take("{ // c\n  \"a\": 1, \"b\": 2 }", &[&["a"]]), "{ // c\n  \"b\": 2 }");
    assert_eq!(take("{ // c\n  \"a\": 1 }", &[&["a"]]), "{ // c\n }");
    assert_eq!(take("{\"a\": 1, // a\n \"b\": 2}", &[&["b"]]), "{\"a\": 1 // a\n}");
}

#[test]
fn equal_values_keep_their_spelling() {
    let file = "{\"s\": \"J\\u00f6 \\/ \\ud83d\\ude00\", \"n\": 1.0, \"e\": 1e400, \"big\": 12345678901234567890123,\n \"l\": [1,\n2 , {\"x\" : 1e2, \"y\":null}]}";
    let data = "{\"l\": [1.0, 2, {\"y\": null, \"x\": 100}], \"s\": \"Jö / 😀\", \"\\u006e\": 1, \"e\": 1E+400, \"big\": 12345678901234567890123}";
    assert_eq!(set(file, data), file);
    assert_eq!(set(r#"{"n": 0}"#, r#"{"n": -0}"#), r#"{"n": -0}"#);
    assert_eq!(
        set(r#"{"n": 12345678901234567890123}"#, r#"{"n": 12345678901234567890124}"#),
        r#"{"n": 12345678901234567890124}"#
    );
    assert_eq!(set(r#"{"\u0061": 1}"#, r#"{"a": 2}"#), r#"{"\u0061": 2}"#);
    assert_eq!(set(r#"{"n": 1}"#, r#"{"n": "1"}"#), r#"{"n": "1"}"#);
    assert_eq!(set(r#"{"n": null}"#, r#"{"n": false}"#), r#"{"n": false}"#);
}

#[test]
fn half_a_surrogate_pair_is_carried_along() {
    assert_eq!(
        set(r#"{"x": "\ud800", "k": 1}"#, r#"{"k": "\udc00x"}"#),
        r#"{"x": "\ud800", "k": "\udc00x"}"#
    );
    assert_eq!(set(r#"{"x": "\uD800"}"#, r#"{"x": "\ud800"}"#), r#"{"x": "\uD800"}"#);
    assert_eq!(set(r#"{"x": "\ud800"}"#, r#"{"x": "\ufffd"}"#), r#"{"x": "\ufffd"}"#);
    assert!(matches!(try_set(r#"{"\ud800": 1}"#, r#"{"k": 1}"#), Err(MergeError::Malformed { .. })));
}

#[test]
fn arrays_are_replaced_as_a_whole() {
    let tall = "{\n  \"l\": [\n    1,\n    2\n  ]\n}\n";
    assert_eq!(set(tall, r#"{"l":[3]}"#), "{\n  \"l\": [\n    3\n  ]\n}\n");
    assert_eq!(set(tall, r#"{"l":[]}"#), "{\n  \"l\": []\n}\n");
    assert_eq!(
        set("{\n  \"l\": []\n}\n", r#"{"l":[{"a":1}, null]}"#),
        "{\n  \"l\": [\n    {\n      \"a\": 1\n    },\n    null\n  ]\n}\n"
    );
    assert_eq!(
        set("{\n  \"l\": [\n    { \"a\": 1 },\n    { \"a\": 2 }\n  ]\n}\n", r#"{"l":[{"a":3,"b":[4]}]}"#),
        "{\n  \"l\": [\n    { \"a\": 3, \"b\": [4] }\n  ]\n}\n"
    );
    assert_eq!(
        set("{\n  \"l\": [{\"a\":1}]\n}\n", r#"{"l": [{"a": 2, "b": 3}]}"#),
        "{\n  \"l\": [{\"a\":2,\"b\":3}]\n}\n"
    );
    assert_eq!(set(r#"{"l":[1]}"#, "{\"l\":[\n1,\n{\"a\": 2}]}"), r#"{"l":[1,{"a":2}]}"#);
}

#[test]
fn objects_and_scalars_take_each_others_place() {
    assert_eq!(
        set("{\n  \"a\": 1, // was\n  \"z\": 0\n}\n", r#"{"a":{"b":1}}"#),
        "{\n  \"a\": {\n    \"b\": 1\n  }, // was\n  \"z\": 0\n}\n"
    );
    assert_eq!(
        set("{\n  \"a\": { // in\n    \"b\": 1\n  }, // out\n  \"z\": 0\n}\n", r#"{"a":"x"}"#),
        "{\n  \"a\": \"x\", // out\n  \"z\": 0\n}\n"
    );
    assert_eq!(set(r#"{"a":1}"#, r#"{"a":{}}"#), r#"{"a":{}}"#);
    assert_eq!(set(r#"{"a":{"b":1}}"#, r#"{"a":{}}"#), r#"{"a":{"b":1}}"#);
}

#[test]
fn a_null_is_a_value_or_takes_a_key_out() {
    assert_eq!(set("{\"a\": 1}", r#"{"a": null, "b": null}"#), "{\"a\": null, \"b\": null}");
    let file = "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 1,\n    \"d\": 2\n  },\n  \"e\": 3\n}\n";
    let data = r#"{"e": null, "b": {"d": null, "n": 1}, "no": null, "new": {"x": null, "l": [null]}}"#;
    let merged =
        merge(Format::Json, file.as_bytes(), data.as_bytes(), Options { delete_nulls: true }).unwrap();
    assert_eq!(
        text(&merged),
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 1,\n    \"n\": 1\n  },\n  \"new\": {\n    \"l\": [null]\n  }\n}\n"
    );
    let kinds: Vec<_> = merged.changes.iter().map(|change| (change.path.to_string(), change.kind)).collect();
    let expected = [
        ("b.d", ChangeKind::Removed),
        ("b.n", ChangeKind::Added),
        ("e", ChangeKind::Removed),
        ("new", ChangeKind::Added),
    ];
    assert_eq!(kinds, expected.map(|(path, kind)| (path.to_owned(), kind)));
    let again = merge(Format::Json, &merged.bytes, data.as_bytes(), Options { delete_nulls: true }).unwrap();
    assert!(again.changes.is_empty() && again.bytes == merged.bytes);
}

#[test]
fn changes_name_the_topmost_place_and_managed_all_leaves() {
    let merged =
        try_set(r#"{"z": 1, "a": {"k": 1}}"#, r#"{"n": {"x": {"y": 1}}, "a": {"k": 2, "e": {}}, "z": 1}"#)
            .unwrap();
    let paths: Vec<_> = merged.changes.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["a.k", "a.e", "n"]);
    let managed: Vec<_> = merged.managed.iter().map(KeyPath::to_string).collect();
    assert_eq!(managed, ["n.x.y", "a.k", "a.e", "z"]);
}

#[test]
fn keys_that_stand_twice_are_refused_only_where_they_matter() {
    let file = "{\"a\": {\"k\": 1, \"k\": 2},\n \"b\": 1}";
    assert_eq!(set(file, r#"{"b": 2}"#), file.replace("\"b\": 1", "\"b\": 2"));
    let error = try_set(file, r#"{"a": {"k": 3}}"#).unwrap_err();
    assert_eq!(error.to_string(), "the key a.k stands twice in the file, again at line 1, column 16");
    let error = try_set(r#"{"a": 1, "\u0061": 2}"#, r#"{"a": 1}"#).unwrap_err();
    assert!(matches!(error, MergeError::DuplicateKey { .. }));
    let path = KeyPath::from_iter(["a", "k"]);
    assert!(matches!(remove(Format::Json, file.as_bytes(), &[path]), Err(MergeError::DuplicateKey { .. })));
    assert_eq!(set(file, r#"{"a": 0}"#), "{\"a\": 0,\n \"b\": 1}");
    assert!(matches!(try_set("{}", r#"{"a":1,"a":1}"#), Err(MergeError::BadIncoming { .. })));
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let cases = [
        ("{\n  \"a\": 1,\n  \"token\": \"user-was", "line 3, column 12: a string without an end"),
        ("{\"a\" 1}", "line 1, column 6: a colon is expected"),
        ("{\"a\": 01}", "line 1, column 9: not a number"),
        ("{a: 1}", "line 1, column 2: a key in double quotes is expected"),
        ("{'a': 1}", "line 1, column 2: a key in double quotes is expected"),
        ("{\"a\": NaN}", "line 1, column 7: a value is expected"),
        ("{\"a\": 1,,}", "line 1, column 9: a key in double quotes is expected"),
        ("{\"a\": [,]}", "line 1, column 8: a value is expected"),
        ("{\"a\": 1} {}", "line 1, column 10: something follows the end of the document"),
        ("{\"a\": 1", "line 1, column 8: the document ends too early"),
        ("{\"a\": \"\t\"}", "line 1, column 8: a control character in a string"),
        ("{\"a\": \"\\x\"}", "line 1, column 8: an unknown escape in a string"),
        ("{} /* open", "line 1, column 4: a comment without an end"),
        ("{\u{a0}}", "line 1, column 2: a key in double quotes is expected"),
        ("{\"a\": truely}", "line 1, column 11: a value is expected"),
    ];
    for (file, place) in cases {
        let error = try_set(file, r#"{"k": 1}"#).unwrap_err();
        assert_eq!(error.to_string(), format!("the file is not valid json at {place}"), "{file}");
        let error = try_set("{}", file).unwrap_err();
        assert_eq!(error.to_string(), format!("the rendered data is not valid json at {place}"), "{file}");
    }
    let error = merge(Format::Json, b"\xef\xbb\xbf{\"a\": \"\xff\"}", b"{}", Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "the file is not valid json at line 1, column 8: not UTF-8");
    assert!(matches!(
        try_set("[1]", "{}"),
        Err(MergeError::WrongRoot { document: "file", found: "sequence" })
    ));
    assert!(matches!(
        try_set("{}", "null"),
        Err(MergeError::WrongRoot { document: "rendered data", found: "scalar" })
    ));
}

#[test]
fn depth_is_bounded() {
    for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{\"a\":{}", "[".repeat(200))] {
        let error = try_set(&deep, r#"{"k": 1}"#).unwrap_err();
        assert!(error.to_string().ends_with("too deeply nested"), "{error}");
    }
    let most = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
    assert!(set(&most, r#"{"k": 1}"#).ends_with(r#","k":1}"#));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time taken is what is tested")]
fn a_large_file_takes_one_pass() {
    let members: Vec<_> = (0..40_000).map(|at| format!("  \"key{at}\": \"{at:020}\"")).collect();
    let file = format!("{{\n{}\n}}\n", members.join(",\n"));
    let data = file.replace(": \"0", ": \"1");
    assert!(file.len() > 1_000_000);
    let start = std::time::Instant::now();
    assert_eq!(set(&file, r#"{"key39999": "x"}"#).len(), file.len() - 19);
    let merged = try_set(&file, &data).unwrap();
    let paths: Vec<_> = merged.managed.clone();
    remove(Format::Json, &merged.bytes, &paths).unwrap();
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}
