//! Rust text without what is not code: enough of the grammar to count braces and find paths.

/// The text with comments and the content of literals blanked; lines stay where they were.
pub(crate) fn bare(text: &str) -> String {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let skip = blank_length(rest, out.chars().next_back());
        let taken = if skip == 0 { first.len_utf8() } else { skip };
        let (part, after) = rest.split_at(taken);
        if skip == 0 {
            out.push_str(part);
        } else {
            out.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    out
}

/// How many bytes from here on are a comment or a literal; 0 when it is code.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    if !in_word {
        let unprefixed = rest.strip_prefix('b').unwrap_or(rest);
        if let Some(raw) = unprefixed.strip_prefix('r') {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw[hashes..].starts_with('"') {
                let end = format!("\"{}", "#".repeat(hashes));
                let start = rest.len() - raw.len() + hashes + 1;
                return rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len());
            }
        }
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0usize);
    let bytes = rest.as_bytes();
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal, or 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(rest, '\''),
        _ => 0,
    }
}

/// The line (from 1) of each `fn` with its name and how many lines it has.
pub(crate) fn functions(bare: &str) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (at, _) in bare.match_indices("fn ") {
        let starts_word = bare[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let name: String = bare[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !starts_word || name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(&bare[at..]) {
            let lines = bare[at..at + end].matches('\n').count() + 1;
            found.push((bare[..at].matches('\n').count() + 1, name, lines));
        }
    }
    found
}

/// Where the body that begins in this text ends; `None` when there is only a signature.
pub(crate) fn body_end(text: &str) -> Option<usize> {
    let (mut braces, mut brackets) = (0i32, 0i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if braces == 0 && brackets == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text without its `#[cfg(test)] mod … { … }` blocks.
pub(crate) fn without_tests(bare: &str) -> String {
    let mut out = bare.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let end = body_end(&out[start + "#[cfg(test)]".len()..]);
        let end = end.map_or(start + "#[cfg(test)]".len(), |end| start + "#[cfg(test)]".len() + end);
        out.replace_range(start..end, "");
    }
    out
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "let a = \"fn x() {\"; // {\nlet b = '{'; /* { /* } */ */ fn f<'a>() { r#\"}\"#; }\n";
    let bare = bare(text);
    assert!(!bare.contains("fn x") && bare.contains("fn f<'a>()"), "{bare}");
    assert_eq!(functions(&bare), [(2, "f".to_owned(), 1)]);
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_last() {
    let bare = "trait T {\n fn a(&self);\n fn b(&self)\n {\n  x;\n }\n}\n";
    assert_eq!(functions(bare), [(3, "b".to_owned(), 4)]);
}

#[test]
fn test_modules_can_be_left_out() {
    let text = "use a;\n#[cfg(test)]\nmod tests { use b; }\nuse c;\n";
    let left = without_tests(text);
    assert!(left.contains("use a") && left.contains("use c") && !left.contains("use b"), "{left}");
}
