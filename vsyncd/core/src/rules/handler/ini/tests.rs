//! What merging into ini files keeps, changes and refuses.

use crate::rules::handler::{self, ChangeKind, Format, MergeError, Merged, Options, Position};
use crate::rules::key_path::KeyPath;

mod properties;

fn merge(existing: &str, incoming: &str) -> Result<Merged, MergeError> {
    handler::merge(Format::Ini, existing.as_bytes(), incoming.as_bytes(), Options::default())
}

fn text(merged: &Merged) -> &str {
    std::str::from_utf8(&merged.bytes).unwrap()
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
        let removed = handler::remove(Format::Ini, &merged.bytes, &places).unwrap();
        assert_eq!(text(&removed), existing, "what was added was not taken out");
    }
    merged
}

fn path(keys: &[&str]) -> KeyPath {
    keys.iter().copied().collect()
}

#[test]
fn an_empty_file_becomes_the_data() {
    becomes("", "[a]\nk=v\n", "[a]\nk=v\n");
    becomes("", "[a]\n\tk = v\n# note\n[b]", "[a]\n\tk = v\n\n[b]\n");
    becomes("", "k: v", "k: v\n");
    becomes("", "[s]\nalone", "[s]\nalone\n");
    becomes("\u{feff}", "k = v", "\u{feff}k = v\n");
    becomes("# only this\n", "k=v", "# only this\nk=v\n");
    becomes("; only this", "[s]\nk=v", "; only this\n\n[s]\nk=v");
    becomes("\n\n", "[s]\nk=v", "[s]\nk=v\n\n\n");
}

#[test]
fn nothing_incoming_is_nothing_to_do() {
    for incoming in ["", "# note\n", "\n\n", "\u{feff}"] {
        becomes("[a]\nx = 1\n", incoming, "[a]\nx = 1\n");
    }
}

#[test]
fn keys_go_below_the_last_one_of_the_last_part_of_their_section() {
    becomes(
        "[a]\nx=1\n[b]\ny=1\n[a]\nz=1\n\n# end\n",
        "[a]\nk=v",
        "[a]\nx=1\n[b]\ny=1\n[a]\nz=1\nk=v\n\n# end\n",
    );
    becomes("[a]\nx=1\n  more\n\n[b]\n", "[a]\nk=v", "[a]\nx=1\n  more\nk=v\n\n[b]\n");
    becomes("[a]\nx=1", "[a]\nk=v\nl=w", "[a]\nx=1\nk=v\nl=w");
    becomes("[a]\n", "[a]\nk = v", "[a]\nk = v\n");
    becomes(
        "[a]\n# about a\n\n# about b\n[b]\nx=1\n",
        "[a]\nk=v",
        "[a]\n# about a\nk=v\n\n# about b\n[b]\nx=1\n",
    );
    becomes("[a]\n# about b\n[b]\nx=1\n", "[a]\nk=v", "[a]\nk=v\n# about b\n[b]\nx=1\n");
    becomes(
        "[mysqld]\nx=1\n!includedir /etc/m/\n",
        "[mysqld]\nk=v",
        "[mysqld]\nx=1\nk=v\n!includedir /etc/m/\n",
    );
}

#[test]
fn a_header_that_is_indented_stays_a_header() {
    becomes("  [a]\nx=1\n", "k=v", "  k=v\n\n  [a]\nx=1\n");
    becomes("[a]\n\n\t[b]\n\tx=1\n", "[a]\nk=v", "[a]\n\tk=v\n\n\t[b]\n\tx=1\n");
}

#[test]
fn keys_without_a_section_stay_above_all_headers() {
    becomes("# head\n\n# about a\n[a]\nx=1\n", "k=v", "# head\n\nk=v\n\n# about a\n[a]\nx=1\n");
    becomes("x=1\n\n[a]\ny=1\n", "k=v", "x=1\nk=v\n\n[a]\ny=1\n");
    becomes("[a]\n\ty=1\n", "k=v\nl=w", "k=v\nl=w\n\n[a]\n\ty=1\n");
}

#[test]
fn sections_are_added_as_the_file_sets_them_apart() {
    becomes("[a]\nx=1\n\n[b]\ny=1\n\n\n", "[c]\nk=v", "[a]\nx=1\n\n[b]\ny=1\n\n[c]\nk=v\n\n\n");
    becomes("[a]\nx=1\n[b]\ny=1\n", "[c]\nk=v\n[d]", "[a]\nx=1\n[b]\ny=1\n[c]\nk=v\n[d]\n");
    becomes("[a]\r\nx: 1\r\n", "[c]\nk=v", "[a]\r\nx: 1\r\n\r\n[c]\r\nk: v\r\n");
    becomes("[user]\n\tname = a", "[c]\nk=v", "[user]\n\tname = a\n\n[c]\n\tk = v");
}

#[test]
fn the_last_of_repeated_keys_is_managed() {
    becomes("[s]\nE=A=1\nE=B=1\nF=x\n", "[s]\nE=B=2", "[s]\nE=A=1\nE=B=2\nF=x\n");
    becomes("[s]\nE=A=1\n[t]\n[s]\nE=B=1\n", "[s]\nE=B=2", "[s]\nE=A=1\n[t]\n[s]\nE=B=2\n");
    becomes("[s]\nE=Z=0\nE=A=1\nE=B=1\n", "[s]\nE=A=1\nE=B=2", "[s]\nE=Z=0\nE=A=1\nE=B=2\n");
    becomes("", "[s]\nE=A=1\nE=B=2", "[s]\nE=A=1\nE=B=2\n");
    becomes("[s]\nE=B=1\n", "[s]\nE=A=1\nE=B=2", "[s]\nE=A=1\nE=B=2\n");
    let removed = handler::remove(Format::Ini, b"[s]\nE=1\nE=2\n", &[path(&["s", "E"])]).unwrap();
    assert_eq!(text(&removed), "[s]\nE=1\n");
}

#[test]
fn the_first_equals_sign_delimits_and_colons_where_they_do() {
    becomes("//h/:_authToken=old\n", "//h/:_authToken=new", "//h/:_authToken=new\n");
    becomes("url: http://h?a=b\n", "url = http://h?a=c", "url: http://h?a=c\n");
    becomes("key:old\n", "key=a=b", "key = a=b\n");
    becomes("key: old\n", "key=new\nk2=x=y\nk:3=z", "key: new\nk2 = x=y\nk:3 = z\n");
    becomes("a=1\n", "b = c=d=e#f;g", "a=1\nb=c=d=e#f;g\n");
}

#[test]
fn values_end_where_no_deeper_line_follows() {
    becomes("[g]\nu =\n  a\n\n  # note\n  b\nv = 1\n", "[g]\nu = x", "[g]\nu = x\n  # note\nv = 1\n");
    becomes("[g]\nu = a\n   b", "[g]\nu = x", "[g]\nu = x");
    becomes("[g]\nu = a\nv = 1\n", "[g]\nu =\n  x\n  y", "[g]\nu =\n    x\n    y\nv = 1\n");
    becomes("[g]\n\tu = a\n\t\tb\n\tv = 1\n", "[g]\nu = x\n  y", "[g]\n\tu = x\n\t\ty\n\tv = 1\n");
    becomes("[g]\nu =\n  x\n  y\n", "[g]\nu =\n\tx\n\ty", "[g]\nu =\n  x\n  y\n");
    becomes("[g]\r\nu = a\r\n", "[g]\nu = x\n  y", "[g]\r\nu = x\r\n    y\r\n");
}

#[test]
fn values_may_be_empty_or_missing() {
    becomes("[m]\nskip\nk =\nl=\n", "[m]\nk = v\nl = w", "[m]\nskip\nk = v\nl=w\n");
    becomes("[m]\nskip\n", "[m]\nskip", "[m]\nskip\n");
    becomes("[m]\nskip\nk = 1\n", "[m]\nskip = 2", "[m]\nskip = 2\nk = 1\n");
    becomes("[m]\nk = 1\n", "[m]\nk = ", "[m]\nk = \n");
    becomes("[m]\nk = 1\nx=2\n", "[m]\nk", "[m]\nk\nx=2\n");
}

#[test]
fn quotes_around_a_value_stay() {
    becomes("[m]\npassword = \"old#1\"\n", "[m]\npassword = new#2", "[m]\npassword = \"new#2\"\n");
    becomes("[m]\npassword = \"same\"\n", "[m]\npassword = same", "[m]\npassword = \"same\"\n");
    becomes("[m]\npassword = old\n", "[m]\npassword = \"a b\"", "[m]\npassword = \"a b\"\n");
}

#[test]
fn spacing_of_the_managed_line_stays() {
    becomes("[m]\nk   =   old   \nl=1\n", "[m]\nk = new", "[m]\nk   =   new   \nl=1\n");
    becomes("\tk=old\t\r\n", "k = new", "\tk=new\t\r\n");
}

#[test]
fn section_names_are_exact() {
    becomes("[remote \"a]b\"] # x\nu=1\n[a]\n", "[remote \"a]b\"]\nu=2", "[remote \"a]b\"] # x\nu=2\n[a]\n");
    becomes("[A]\nK=1\n", "[a]\nk=2", "[A]\nK=1\n\n[a]\nk=2\n");
}

#[test]
fn what_is_added_and_managed_is_told() {
    let merged =
        becomes("[a]\nx=1\n", "n=0\n[a]\nx=2\ny=3\n[b]\nz=4\n", "n=0\n\n[a]\nx=2\ny=3\n\n[b]\nz=4\n");
    let told: Vec<_> = merged.changes.iter().map(|change| (change.path.to_string(), change.kind)).collect();
    let [added, replaced] = [ChangeKind::Added, ChangeKind::Replaced];
    let expected = [("\"\".n", added), ("a.x", replaced), ("a.y", added), ("b", added)];
    assert_eq!(told, expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert_eq!(merged.managed, [path(&["", "n"]), path(&["a", "x"]), path(&["a", "y"]), path(&["b", "z"])]);
}

#[test]
fn what_does_not_parse_is_refused_with_its_place() {
    let at = |line, column| Position { line, column };
    for (file, place) in
        [("[a]\nx=1\n[open\n", at(3, 1)), ("[a]\n = secret\n", at(2, 2)), ("\u{feff}x\0=1", at(1, 2))]
    {
        let error = merge(file, "k=v").unwrap_err();
        assert!(matches!(error, MergeError::Malformed { at, .. } if at == place), "{error}");
        let error = merge("k=v", file).unwrap_err();
        assert!(matches!(error, MergeError::BadIncoming { at, .. } if at == place), "{error}");
    }
    let error = handler::merge(Format::Ini, b"a=\xff", b"", Options::default()).unwrap_err();
    assert!(matches!(error, MergeError::Malformed { at: Position { line: 1, column: 3 }, .. }));
}

#[test]
fn a_name_that_would_be_taken_for_a_bom_is_refused() {
    let error = merge("", "\n\u{feff}k=v").unwrap_err();
    assert!(matches!(error, MergeError::CheckFailed { .. }), "{error}");
    let error =
        handler::remove(Format::Ini, "a=1\n\u{feff}k=v\n".as_bytes(), &[path(&["", "a"])]).unwrap_err();
    assert!(matches!(error, MergeError::CheckFailed { .. }), "{error}");
    becomes("a=1\n", "\n\u{feff}k=v", "a=1\n\u{feff}k=v\n");
}

#[test]
fn a_line_break_in_a_secret_is_refused() {
    for incoming in [
        "[s]\nkey = -----BEGIN KEY-----\nQUJD\n-----END KEY-----\n",
        "[s]\nkey = -----BEGIN KEY-----\nQQ==\n-----END KEY-----\n",
        "[s]\npassword = line1\nline2\n",
        "[s]\npassword = \"line1\nline2\"\n",
        "[s]\n-----BEGIN KEY-----\n",
    ] {
        let error = merge("[s]\nkey = old\n", incoming).unwrap_err();
        assert!(matches!(error, MergeError::BadIncoming { .. }), "{error}");
    }
    becomes("[s]\npassword = x\nline2\n", "[s]\npassword = line1\nline2\n", "[s]\npassword = line1\nline2\n");
}

#[test]
fn a_header_that_hides_in_a_value_is_not_touched() {
    let file = "[a]\nx = 1\n  [b]\n  y = 2\n";
    assert!(matches!(merge(file, "[b]\ny = 3").unwrap_err(), MergeError::Unsupported { .. }));
    assert!(matches!(merge(file, "[a]\nx = 3").unwrap_err(), MergeError::Unsupported { .. }));
}

#[test]
fn removal_takes_keys_and_sections_with_what_is_below() {
    let remove = |file: &str, places: &[&[&str]]| {
        let places: Vec<KeyPath> = places.iter().map(|keys| path(keys)).collect();
        let removed = handler::remove(Format::Ini, file.as_bytes(), &places).unwrap();
        (text(&removed).to_owned(), removed.changes.len())
    };
    let file = "# top\nn = 0\n\n[a]\nx =\n  1\n  2\n# about y\ny = 1\n\n# about b\n[b]\nz = 1";
    assert_eq!(remove(file, &[&["a", "none"], &["c"], &[], &["a", "x", "y"]]), (file.to_owned(), 0));
    assert_eq!(remove(file, &[&["a", "x"]]).0, file.replace("x =\n  1\n  2\n", ""));
    assert_eq!(remove(file, &[&["a"]]).0, "# top\nn = 0\n\n# about b\n[b]\nz = 1");
    assert_eq!(remove(file, &[&["b"]]).0, file.replace("\n[b]\nz = 1", ""));
    assert_eq!(remove(file, &[&["b", "z"]]).0, file.replace("\nz = 1", ""));
    assert_eq!(remove(file, &[&["", "n"]]).0, file.replace("n = 0\n\n", ""));
    assert_eq!(remove("[a]\nx=1\n[b]\n[a]\ny=1\n", &[&["a"]]), ("[b]\n".to_owned(), 1));
}

#[test]
fn large_files_take_no_more_than_their_length() {
    let mut file = String::new();
    for section in 0..2000 {
        file.push_str(&format!("[s{section}]\n; about it\n"));
        (0..20).for_each(|key| file.push_str(&format!("key{key} = value {key}\n")));
    }
    let merged = merge(&file, "[s1000]\nkey7 = new\nfresh = 1\n[last]\nk = v\n").unwrap();
    assert_eq!(merged.changes.len(), 3);
}
