//! What merging TOML promises, by example.

use crate::rules::handler::{ChangeKind, Format, MergeError, Merged, Options, merge, remove};
use crate::rules::key_path::KeyPath;

fn try_set(existing: &str, incoming: &str) -> Result<Merged, MergeError> {
    merge(Format::Toml, existing.as_bytes(), incoming.as_bytes(), Options::default())
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
    text(&remove(Format::Toml, existing.as_bytes(), &paths).unwrap())
}

/// Setting gives `after`, and taking out again what was added gives `before`.
#[track_caller]
fn there_and_back(before: &str, incoming: &str, after: &str) {
    let merged = try_set(before, incoming).unwrap();
    assert_eq!(text(&merged), after);
    let added: Vec<_> = merged.changes.into_iter().map(|change| change.path).collect();
    let back = remove(Format::Toml, &merged.bytes, &added).unwrap();
    assert_eq!(text(&back), before);
}

#[test]
fn a_key_joins_the_keys_of_its_table() {
    there_and_back(
        "[a]\nx = 1\n\n# about b\n[b]\ny = 2\n",
        "a.n = 3",
        "[a]\nx = 1\nn = 3\n\n# about b\n[b]\ny = 2\n",
    );
    there_and_back("[a]\r\nx=1\r\n", "a.n = 3", "[a]\r\nx=1\r\nn=3\r\n");
    there_and_back("[a]\n  x = 1", "a.n = 3", "[a]\n  x = 1\n  n = 3");
    there_and_back("[a] # empty\n\n[b]\n", "a.n = 3\nb.m = 4", "[a] # empty\nn = 3\n\n[b]\nm = 4\n");
    there_and_back("[a]\nlong   = 1\nx      = 2\n", "a.key = 3", "[a]\nlong   = 1\nx      = 2\nkey    = 3\n");
    there_and_back("\u{feff}x = 1\n", "y = 2", "\u{feff}x = 1\ny = 2\n");
    there_and_back(
        "[a]\nx = [\n  1,\n] # l\n# tail\n",
        "a.n = 3",
        "[a]\nx = [\n  1,\n] # l\nn = 3\n# tail\n",
    );
}

#[test]
fn keys_of_the_root_stay_before_the_first_header() {
    there_and_back("x = 1\n\n[a]\ny = 2\n", "n = 3", "x = 1\nn = 3\n\n[a]\ny = 2\n");
    there_and_back("[a]\ny = 2\n", "n = 3", "n = 3\n\n[a]\ny = 2\n");
    there_and_back("# file\n[a]\ny = 2\n", "n = 3", "# file\nn = 3\n\n[a]\ny = 2\n");
    there_and_back(
        "# file\n\n# about a\n[a]\ny = 2\n",
        "n = 3",
        "# file\n\nn = 3\n\n# about a\n[a]\ny = 2\n",
    );
    there_and_back("# file\n", "n = 3", "# file\nn = 3\n");
    there_and_back("# file \t\n", "n = 3\n[a]", "# file \t\nn = 3\n\n[a]\n");
    there_and_back("# file", "n = 3", "# file\nn = 3");
}

#[test]
fn a_file_without_a_value_becomes_a_document() {
    there_and_back("", "n = 3\n[a]\nx = 1\n[a.b]\ny = 2", "n = 3\n\n[a]\nx = 1\n\n[a.b]\ny = 2\n");
    there_and_back("\n\n", "n = 3", "n = 3\n\n\n");
    there_and_back("", "[a]\nx = 1\n", "[a]\nx = 1\n");
    there_and_back("\u{feff}", "n = 3", "\u{feff}n = 3\n");
    for nothing in ["", "# no\n", "\n"] {
        assert_eq!(set("# mine", nothing), "# mine");
    }
}

#[test]
fn tables_are_added_as_sections() {
    there_and_back("[a]\nx = 1\n", "[b.c]\ny = 2", "[a]\nx = 1\n\n[b.c]\ny = 2\n");
    there_and_back("[a]\nx = 1\n# tail", "[b]\ny = 2", "[a]\nx = 1\n# tail\n\n[b]\ny = 2");
    there_and_back("[a]\nx = 1\n[b]\ny = 1\n", "[c]\nz = 1", "[a]\nx = 1\n[b]\ny = 1\n[c]\nz = 1\n");
    there_and_back("[a]\n  x = 1\n\n[b]\n", "[c.d]\ny = 2\n", "[a]\n  x = 1\n\n[b]\n\n[c.d]\n  y = 2\n");
    there_and_back(
        "[a]\nx = 1\n\n[a.b]\ny = 1\n# more of b\n\n# about z\n[z]\n",
        "[a.\"c.d\"]\nz = 1\n[n]\n",
        "[a]\nx = 1\n\n[a.b]\ny = 1\n# more of b\n\n[a.\"c.d\"]\nz = 1\n\n# about z\n[z]\n\n[n]\n",
    );
    there_and_back(
        "[a]\r\n  [a.b]\r\n  x = 1\r\n",
        "[a.c]\ny = 1",
        "[a]\r\n  [a.b]\r\n  x = 1\r\n  [a.c]\r\n  y = 1\r\n",
    );
    there_and_back(
        "x = 1\n",
        "[[l]]\na = 1\n[[l]]\na = 2\n[l.s]\nb = 3",
        "x = 1\n\n[[l]]\na = 1\n\n[[l]]\na = 2\n\n[l.s]\nb = 3\n",
    );
}

#[test]
fn an_implied_table_gets_its_header() {
    there_and_back("[a.b]\nx = 1\n", "a.n = 2", "[a]\nn = 2\n\n[a.b]\nx = 1\n");
    there_and_back("[z]\n\n# b\n[a.b]\nx = 1\n", "a.n = 2", "[z]\n\n[a]\nn = 2\n\n# b\n[a.b]\nx = 1\n");
    there_and_back("# file\n[a.b]\nx = 1\n", "a.n = 2", "# file\n[a]\nn = 2\n[a.b]\nx = 1\n");
    there_and_back("[a.b]\n", "a.n = 2\nr = 1\n[z]\n", "r = 1\n\n[a]\nn = 2\n\n[a.b]\n\n[z]\n");
    assert_eq!(take("[a] # kept\nn = 2\n[a.b]\nx = 1\n", &[&["a", "n"]]), "[a] # kept\n[a.b]\nx = 1\n");
}

#[test]
fn inline_tables_are_edited_inside_their_braces() {
    there_and_back("t = { a = 1 } # c\n", "t.b = 2", "t = { a = 1, b = 2 } # c\n");
    there_and_back("t = {a=1}\n", "t.b = 2", "t = {a=1, b=2}\n");
    there_and_back("t = {}\n", "t.b = \"x\"", "t = { b = \"x\" }\n");
    there_and_back(
        "t = { a.x = 1, b = 2 }\n",
        "t.a.y = 2\nt.c.d = 1",
        "t = { a.x = 1, b = 2, a.y = 2, c = { d = 1 } }\n",
    );
    there_and_back(
        "t = { a = { b = { c = 1 } } }\n",
        "[t.a.b]\nd = 2",
        "t = { a = { b = { c = 1, d = 2 } } }\n",
    );
    assert_eq!(set("t = { a = 'x', b = 1 }\n", "t.a = \"l1\\nl2\""), "t = { a = \"l1\\nl2\", b = 1 }\n");
    assert_eq!(take("t = { a = 1, b = 2, c = 3 }\n", &[&["t", "a"], &["t", "c"]]), "t = { b = 2 }\n");
    assert_eq!(take("t = { a.x = 1, a.y = 2, c = 3 }\n", &[&["t", "a"]]), "t = { c = 3 }\n");
    there_and_back(
        "[r]\none = { k = 1 }\n\n[z]\n",
        "[r.two]\nk = 2\n",
        "[r]\none = { k = 1 }\ntwo = { k = 2 }\n\n[z]\n",
    );
}

#[test]
fn dotted_keys_get_dotted_neighbours() {
    there_and_back("a.b = 1\nc = 2\n", "a.n = 3", "a.b = 1\na.n = 3\nc = 2\n");
    there_and_back(
        "[t]\na.'b c'.x = 1\n",
        "[t.a.\"b c\"]\ny = 1\n[t.a.n]\nz = 2",
        "[t]\na.'b c'.x = 1\na.'b c'.y = 1\na.n.z = 2\n",
    );
    there_and_back("a.b = 1\n", "[n]\nx = 1\ny.z = 2", "a.b = 1\nn.x = 1\nn.y.z = 2\n");
    there_and_back("[f]\na.c = 1\n[f.a.t]\nx = 1\n", "f.a.n = 2", "[f]\na.c = 1\na.n = 2\n[f.a.t]\nx = 1\n");
}

#[test]
fn equal_values_keep_their_spelling() {
    let file = "i = 0x1F\nu = 1_000\nf = 1.50\ne = 6.022e+23\nn = +inf\nx = nan\ns = 'a\"b'\nm = \"\"\"\nq\\\n   w\"\"\"\nd = 1979-05-27 07:32:00z\nl = [ 1,2 ] # odd\nt = {a=1}\nb = true\n";
    let data = "i = 31\nu = 1000\nf = 1.5\ne = 602.2e21\nn = inf\nx = -nan\ns = \"a\\\"b\"\nm = \"qw\"\nd = 1979-05-27T07:32:00.000+00:00\nl = [1, 2]\nb = true\n[t]\na = 1\n";
    assert_eq!(set(file, data), file);
    assert_eq!(set("n = 1\n", "n = 1.0"), "n = 1.0\n");
    assert_eq!(set("n = 1\n", "n = \"1\""), "n = \"1\"\n");
    assert_eq!(set("d = 1979-05-27 # day\n", "d = 1979-05-28"), "d = 1979-05-28 # day\n");
    assert_eq!(set("d = 07:32:00\n", "d = 1979-05-27T07:32:00"), "d = 1979-05-27T07:32:00\n");
    assert_eq!(
        set("d = 1979-05-27T07:32:00Z\n", "d = 1979-05-27T08:32:00+01:00"),
        "d = 1979-05-27T08:32:00+01:00\n"
    );
}

#[test]
fn strings_keep_their_quotes_where_those_can_hold_the_value() {
    assert_eq!(set("s = 'old' # c\n", "s = \"n\\\\ew\""), "s = 'n\\ew' # c\n");
    assert_eq!(set("s = 'old'\n", "s = \"it's\""), "s = \"it's\"\n");
    assert_eq!(set("s = \"old\"\n", "s = 'a\\b\"c'"), "s = \"a\\\\b\\\"c\"\n");
    assert_eq!(set("s = '''old'''\n", "s = \"a\\nb'c\""), "s = '''\na\nb'c'''\n");
    assert_eq!(set("s = \"\"\"old\"\"\"\n", "s = 'x\"\"\"\"y\"'"), "s = \"\"\"x\"\"\\\"\"y\\\"\"\"\"\n");
    assert_eq!(set("s = 'old'\n", "s = \"a\\nb\""), "s = \"\"\"\na\nb\"\"\"\n");
    assert_eq!(
        set("s = \"old\"\n", "s = \"\\na\\r\\n\\u0001\\t\""),
        "s = \"\"\"\n\na\\r\n\\u0001\\t\"\"\"\n"
    );
    assert_eq!(set("s = \"old\"\r\n", "s = \"a\\nb\""), "s = \"a\\nb\"\r\n");
    assert_eq!(set("s = \"\"\"\r\nold\"\"\"\r\n", "s = \"a\\nb\""), "s = \"a\\nb\"\r\n");
    assert_eq!(
        set("x = 1\n", "'a b' = 'é'\n\"\" = ''\n\"q\\\"\" = 1"),
        "x = 1\n\"a b\" = \"é\"\n\"\" = \"\"\n\"q\\\"\" = 1\n"
    );
}

#[test]
fn arrays_are_replaced_as_a_whole() {
    assert_eq!(set("l = [\n    1, # one\n    2\n] # c\n", "l = [3, 4]"), "l = [\n    3,\n    4\n] # c\n");
    assert_eq!(set("l = [\n  1,\n]\n", "l = ['a']"), "l = [\n  \"a\",\n]\n");
    assert_eq!(set("l = [ 1 ]\n", "l = [2, {a = 1}]"), "l = [ 2, { a = 1 } ]\n");
    assert_eq!(set("l = [1]\n", "[[l]]\na = 1\n"), "l = [{ a = 1 }]\n");
    assert_eq!(set("x = 1\n", "l = [{a = 1}]"), "x = 1\nl = [{ a = 1 }]\n");
}

#[test]
fn arrays_of_tables_are_written_anew_in_their_place() {
    let file = "x = 1\n\n[[l]]\na = 1 # one\n[l.s]\nb = 1\n\n[[l]]\na = 2\n\n[z]\n";
    assert_eq!(set(file, "[[l]]\na = 1\ns.b = 1\n[[l]]\na = 2\n"), file);
    assert_eq!(set(file, "[[l]]\na = 3\n"), "x = 1\n\n[[l]]\na = 3\n\n[z]\n");
    assert_eq!(set(file, "l = [{a = 3}]\n"), "x = 1\n\n[[l]]\na = 3\n\n[z]\n");
    assert_eq!(set(file, "l = [1]\n"), "x = 1\nl = [1]\n\n[z]\n");
    assert_eq!(set(file, "l = 'none'\n"), "x = 1\nl = \"none\"\n\n[z]\n");
    let split = "[[l]]\na = 1\n\n[z]\n\n[[l]]\na = 2\n";
    assert!(matches!(try_set(split, "[[l]]\na = 3\n"), Err(MergeError::Unsupported { .. })));
    assert_eq!(set(split, "[z]\nk = 1\n"), "[[l]]\na = 1\n\n[z]\nk = 1\n\n[[l]]\na = 2\n");
    assert_eq!(take(split, &[&["l"]]), "[z]\n");
}

#[test]
fn tables_and_values_take_each_others_place() {
    assert_eq!(set("a = 1 # was\n", "[a]\nb = 2\n[a.c]\nd = 3"), "a = { b = 2, c = { d = 3 } } # was\n");
    assert_eq!(set("x = 1\n\n[a]\nb = 1\n\n[a.c]\nd = 1\n\n[z]\n", "a = 'v'"), "x = 1\na = \"v\"\n\n[z]\n");
    assert_eq!(set("a.b = 1\na.c = 2\nz = 1\n", "a = 1"), "z = 1\na = 1\n");
    assert_eq!(set("t = { a.b = 1, c = 2 }\n", "t.a = 1"), "t = { c = 2, a = 1 }\n");
    assert_eq!(set("t = { a = { b = 1 }, c = 2 }\n", "t.a = 1\nt.c.d = 3"), "t = { a = 1, c = { d = 3 } }\n");
    let merged = try_set("[a.b]\nx = 1\n", "a = {b = 1, c = 2}").unwrap();
    assert_eq!(text(&merged), "[a]\nb = 1\nc = 2\n");
    let changes: Vec<_> =
        merged.changes.iter().map(|change| (change.path.to_string(), change.kind)).collect();
    assert_eq!(changes, [("a.b".to_owned(), ChangeKind::Replaced), ("a.c".to_owned(), ChangeKind::Added)]);
}

#[test]
fn what_goes_takes_its_lines_along() {
    let file = "# file\na = 1 # a\n\n# b\nb = 2\n\n[t] # t\nx = 1\n# between\ny = 2\n\n[t.s]\nz = 1\n";
    assert_eq!(
        take(file, &[&["a"]]),
        "# file\n\n# b\nb = 2\n\n[t] # t\nx = 1\n# between\ny = 2\n\n[t.s]\nz = 1\n"
    );
    assert_eq!(take(file, &[&["t"]]), "# file\na = 1 # a\n\n# b\nb = 2\n");
    assert_eq!(
        take(file, &[&["t", "s"]]),
        "# file\na = 1 # a\n\n# b\nb = 2\n\n[t] # t\nx = 1\n# between\ny = 2\n"
    );
    assert_eq!(take(file, &[&["t", "x"], &["no"], &["a", "b"], &[]]), file.replace("x = 1\n", ""));
    assert_eq!(take("a = 1\nb = 2", &[&["b"]]), "a = 1");
    assert_eq!(take("a = 1\r\n\r\n[b]\r\nc = 2", &[&["b"]]), "a = 1");
}

#[test]
fn changes_name_the_topmost_place_and_managed_all_leaves() {
    let merged =
        try_set("[z]\nk = 1\n[a]\nk = 1\n", "[n.x]\ny = 1\n[a]\nk = 2\ne = {}\n[z]\nk = 1\nl = []\n")
            .unwrap();
    let paths: Vec<_> = merged.changes.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["z.l", "a.k", "a.e", "n"]);
    let more = try_set("[d]\n[d.e]\n", "[d.n]\n[d]\nk = 1\n[d.e]\nk = 1\n").unwrap();
    let paths: Vec<_> = more.changes.iter().map(|change| change.path.to_string()).collect();
    assert_eq!(paths, ["d.k", "d.e.k", "d.n"]);
    let managed: Vec<_> = merged.managed.iter().map(KeyPath::to_string).collect();
    assert_eq!(managed, ["n.x.y", "a.k", "a.e", "z.k", "z.l"]);
}

#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    let cases = [
        ("a = 1\ntoken = \"user-was", "line 2, column 9: a string without an end"),
        ("a = 1 b = 2\n", "line 1, column 9: it does not parse"),
        ("a\n", "line 1, column 2: an equals sign is expected"),
        ("a = \n", "line 1, column 5: a value is expected"),
        ("[a\n", "line 1, column 3: a closing bracket is expected"),
        ("a = 9223372036854775808\n", "line 1, column 5: it does not parse"),
        ("a = 1\na = 2\n", "line 2, column 1: a key or a table stands twice"),
        ("[a]\n[a]\n", "line 2, column 2: a key or a table stands twice"),
        ("a = [1\n", "line 2, column 1: a comma or a closing bracket is expected"),
    ];
    for (file, place) in cases {
        let error = try_set(file, "k = 1").unwrap_err();
        assert_eq!(error.to_string(), format!("the file is not valid toml at {place}"), "{file}");
        assert!(matches!(try_set("", file), Err(MergeError::BadIncoming { .. })));
    }
    let error = merge(Format::Toml, b"a = '\xff'", b"", Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "the file is not valid toml at line 1, column 6: not UTF-8");
}

#[test]
fn depth_is_bounded() {
    let deep = |open: &str| format!("a = {}", open.repeat(100_000));
    for file in [
        deep("["),
        deep("{a="),
        format!("{}x = 1", "a.".repeat(100_000)),
        format!("[{}x]", "a.".repeat(100_000)),
    ] {
        let error = try_set(&file, "k = 1").unwrap_err();
        assert!(error.to_string().ends_with("too deeply nested"), "{error}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time taken is what is tested")]
fn a_large_file_takes_one_pass() {
    let tables: Vec<_> =
        (0..14_000).map(|at| format!("[t{at}] # {at}\nkey = \"{at:040}\"\nother.one = 1\n")).collect();
    let file = tables.join("\n");
    assert!(file.len() > 1_000_000);
    let start = std::time::Instant::now();
    assert!(set(&file, "[t13999]\nkey = 'x'").ends_with("[t13999] # 13999\nkey = \"x\"\nother.one = 1\n"));
    let merged = try_set(&file, &file.replace("other", "more")).unwrap();
    remove(Format::Toml, &merged.bytes, &merged.managed).unwrap();
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}
