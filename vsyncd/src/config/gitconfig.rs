//! Reading values out of git's configuration files, without git.
//!
//! The syntax is that of `git-config(1)`. Included files are not followed: what is asked for here
//! stands in the file itself in all but unusual set-ups, and `--repo` serves the others.

/// The values that a file gives to `<section>.<subsection>.<key>`, in order. Section and key are
/// compared without case, the subsection exactly. An empty value discards those before it, as
/// git does for lists.
pub fn values(text: &str, section: &str, subsection: Option<&str>, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in logical_lines(text.trim_start_matches('\u{feff}')) {
        let mut rest = line.trim_start();
        if let Some(header) = rest.strip_prefix('[') {
            let Some((name, sub, after)) = parse_header(header) else {
                inside = false;
                continue;
            };
            inside = name.eq_ignore_ascii_case(section) && sub.as_deref() == subsection;
            // A first assignment may follow on the header's own line.
            rest = after.trim_start();
        }
        if !inside {
            continue;
        }
        let Some((name, raw)) = rest.split_once('=') else { continue };
        if !name.trim().eq_ignore_ascii_case(key) {
            continue;
        }
        match parse_value(raw) {
            Some(value) if value.is_empty() => found.clear(),
            Some(value) => found.push(value),
            None => {}
        }
    }
    found
}

/// Lines without their end; one that ends in a backslash (outside of a comment) continues with
/// the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pending = String::new();
    for line in text.lines() {
        pending.push_str(line);
        if continues(&pending) {
            pending.pop();
        } else {
            lines.push(std::mem::take(&mut pending));
        }
    }
    lines.push(pending);
    lines
}

fn continues(line: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => return false,
            _ => {}
        }
    }
    escaped
}

/// Splits what follows `[` into section, subsection and the text after `]`. Both
/// `remote "origin"]` and the old `remote.origin]` name a subsection.
fn parse_header(header: &str) -> Option<(&str, Option<String>, &str)> {
    let name_end = header.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')))?;
    let (name, rest) = header.split_at(name_end);
    if let Some(after) = rest.strip_prefix(']') {
        return Some(match name.split_once('.') {
            Some((name, sub)) => (name, Some(sub.to_ascii_lowercase()), after),
            None => (name, None, after),
        });
    }
    let quoted = rest.trim_start().strip_prefix('"')?;
    let (mut sub, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                escaped = false;
                sub.push(c);
            }
            '\\' => escaped = true,
            '"' => return Some((name, Some(sub), quoted[at + 1..].strip_prefix(']')?)),
            _ => sub.push(c),
        }
    }
    None
}

/// The text right of `=`: quotes and escapes resolved, comment and outer white space dropped.
/// `None` when a quote stays open or an escape does not exist, where git refuses the file.
fn parse_value(raw: &str) -> Option<String> {
    let mut value = String::new();
    // White space counts once something follows it.
    let (mut quoted, mut kept) = (false, 0);
    let mut chars = raw.trim_start().chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'b' => '\u{8}',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            '#' | ';' if !quoted => break,
            c if c.is_whitespace() && !quoted => {
                value.push(c);
                continue;
            }
            c => value.push(c),
        }
        kept = value.len();
    }
    value.truncate(kept);
    (!quoted).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Vec<String> {
        values(text, "remote", Some("origin"), "url")
    }

    #[test]
    fn the_url_is_found_in_a_real_file() {
        let text = "[core]\n\tbare = false\n[remote \"upstream\"]\n\turl = https://x/up.git\n\
            [remote \"origin\"]\n\turl = git@github.com:acme/web.git\n\tfetch = +refs/heads/*:refs/x/*\n\
            [branch \"main\"]\n\turl = no\n";
        assert_eq!(url(text), ["git@github.com:acme/web.git"]);
        assert_eq!(values(text, "core", None, "bare"), ["false"]);
        assert_eq!(values(text, "user", None, "email"), [""; 0]);
    }

    #[test]
    fn the_syntax_has_corners() {
        for (text, expected) in [
            ("\u{feff}[remote \"origin\"]\r\nurl=a/b\r\n", "a/b"),
            ("[REMOTE \"origin\"] URL = a", "a"),
            ("[remote.ORIGIN]\nurl = a", "a"),
            ("[remote \"origin\"] # note\nurl = a # b", "a"),
            ("[remote \"origin\"]\nurl = \"a # b ; c\" ; d", "a # b ; c"),
            ("[remote \"origin\"]\nurl =   a  b   ", "a  b"),
            ("[remote \"origin\"]\nurl = \" a \"", " a "),
            ("[remote \"origin\"]\nurl = a\\\\b\\\"c\\td", "a\\b\"c\td"),
            ("[remote \"origin\"]\nurl = a\\\nb", "ab"),
            ("[remote \"origin\"]\n# url = no \\\nurl = a", "a"),
            ("[remote \"origin\"]\n[remote \"x\"]\nurl = no\n[remote \"origin\"]\nurl = a", "a"),
            ("[remote \"o\\rigin\"]\nurl = a", "a"),
            ("[remote \"origin\"]\nurl = no\nurl =\nurl = a", "a"),
        ] {
            assert_eq!(url(text), [expected], "{text:?}");
        }
    }

    #[test]
    fn what_git_refuses_gives_nothing() {
        for text in [
            "[remote \"Origin\"]\nurl = a",
            "[remote \"origin\"]\nurl",
            "[remote \"origin\"]\nurl = \"a",
            "[remote \"origin\"]\nurl = a\\x",
            "[remote \"origin\nurl = a",
            "[remote origin]\nurl = a",
            "url = a",
        ] {
            assert_eq!(url(text), [""; 0], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_value_written_quoted_is_read_back(value in "[^\\x00-\\x1f\\x7f]{1,40}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(url(&format!("[remote \"origin\"]\n\turl = \"{escaped}\"\n")), [value]);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]\"\\\\=#;a-c \\n]{0,60}") {
            values(&text, "a", Some("b"), "c");
        }
    }
}
