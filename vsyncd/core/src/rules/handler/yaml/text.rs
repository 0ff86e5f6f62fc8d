//! What a scalar says: escapes, folded lines and block bodies undone.

use std::borrow::Cow;

use super::tree::{Block, Chomp, Style, break_len, is_blank, is_break};

/// The text of the scalar that is written as `raw`, which begins at the byte `start` of its file.
/// Escapes must be valid.
pub(super) fn decode(raw: &str, start: usize, style: Style) -> Cow<'_, str> {
    match style {
        Style::Plain if raw.bytes().any(is_break) => Cow::Owned(flow(raw, style)),
        Style::Plain => Cow::Borrowed(raw),
        Style::Single | Style::Double => {
            let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
            let plain = |byte: u8| !is_break(byte) && byte != b'\\' && byte != b'\'';
            if inner.bytes().all(plain) { Cow::Borrowed(inner) } else { Cow::Owned(flow(inner, style)) }
        }
        Style::Block(layout) => Cow::Owned(block(raw, start, layout)),
    }
}

/// A plain or quoted scalar, without its quotes.
fn flow(raw: &str, style: Style) -> String {
    let bytes = raw.as_bytes();
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &raw[at..];
        match bytes[at] {
            b'\\' if style == Style::Double => at += escape(rest, &mut out),
            b'\'' if style == Style::Single => {
                out.push('\'');
                at += 2;
            }
            byte if is_blank(byte) || is_break(byte) => at += white(rest, &mut out),
            _ => {
                let c = rest.chars().next().unwrap_or_default();
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

/// Takes blanks and breaks at the start of `rest`; gives how many bytes that are.
fn white(rest: &str, out: &mut String) -> usize {
    let len = rest.bytes().position(|byte| !is_blank(byte) && !is_break(byte)).unwrap_or(rest.len());
    match breaks(&rest[..len]) {
        0 => out.push_str(&rest[..len]),
        1 => out.push(' '),
        more => out.extend(std::iter::repeat_n('\n', more - 1)),
    }
    len
}

fn breaks(white: &str) -> usize {
    let bytes = white.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        let len = break_len(&bytes[at..]);
        count += usize::from(len > 0);
        at += len.max(1);
    }
    count
}

/// Takes an escape at the start of `rest`; gives how many bytes that are.
fn escape(rest: &str, out: &mut String) -> usize {
    let Some(letter) = rest[1..].chars().next() else { return 1 };
    if is_break(rest.as_bytes()[1]) {
        let end = rest[1..].bytes().position(|byte| !is_blank(byte) && !is_break(byte));
        let white = &rest[1..end.map_or(rest.len(), |end| end + 1)];
        out.extend(std::iter::repeat_n('\n', breaks(white).saturating_sub(1)));
        return 1 + white.len();
    }
    let digits = escape_digits(letter);
    if digits > 0 {
        let code = rest.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        out.extend(code.and_then(char::from_u32));
        return 2 + digits;
    }
    out.extend(escaped(letter));
    1 + letter.len_utf8()
}

/// How many hexadecimal digits follow this letter of an escape.
pub(super) const fn escape_digits(letter: char) -> usize {
    match letter {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    }
}

/// What a one-letter escape stands for.
pub(super) const fn escaped(letter: char) -> Option<char> {
    Some(match letter {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        ' ' | '"' | '/' | '\\' => letter,
        _ => return None,
    })
}

/// A block scalar with its header.
fn block(raw: &str, start: usize, layout: Block) -> String {
    let body = raw.get(layout.body - start..).unwrap_or_default();
    if body.is_empty() && (layout.chomp != Chomp::Keep || !layout.closed) {
        return String::new();
    }
    let lines = lines(body).map(|line| {
        let spaces = line.bytes().take(layout.indent).take_while(|byte| *byte == b' ').count();
        &line[spaces..]
    });
    let mut out = String::with_capacity(body.len() + 1);
    if layout.folded {
        fold(lines, &mut out);
    } else {
        for (at, line) in lines.enumerate() {
            out.extend((at > 0).then_some('\n'));
            out.push_str(line);
        }
    }
    if layout.chomp != Chomp::Strip && layout.closed {
        out.push('\n');
    }
    out
}

/// The lines of a body whose last line break is left out.
fn lines(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(is_break);
        rest = end.map(|end| &text[end + break_len(&text.as_bytes()[end..])..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

fn fold<'a>(lines: impl Iterator<Item = &'a str>, out: &mut String) {
    let (mut empty, mut begun, mut deep) = (0, false, false);
    for line in lines {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        let deeper = line.starts_with([' ', '\t']);
        match (begun, deep || deeper, empty) {
            (true, false, 0) => out.push(' '),
            (true, true, _) => out.extend(std::iter::repeat_n('\n', empty + 1)),
            _ => out.extend(std::iter::repeat_n('\n', empty)),
        }
        out.push_str(line);
        (empty, begun, deep) = (0, true, deeper);
    }
    out.extend(std::iter::repeat_n('\n', empty));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_lines_are_folded() {
        assert_eq!(decode("'it''s\n  one\n\n  two '", 0, Style::Single), "it's one\ntwo ");
        assert_eq!(decode("\"a\\\n   b \\tc\\x41\\u00e9  \n d\"", 0, Style::Double), "ab \tcAé d");
        assert_eq!(decode("a b\r\n   c", 0, Style::Plain), "a b c");
    }

    #[test]
    fn block_bodies_are_chomped_and_folded() {
        let layout = |folded, chomp| {
            Style::Block(Block { folded, chomp, header_end: 1, body: 2, indent: 2, closed: true })
        };
        assert_eq!(decode("|\n  a\n   b\n\n  c", 0, layout(false, Chomp::Clip)), "a\n b\n\nc\n");
        assert_eq!(decode(">\n  a\n  b\n\n  c\n   d\n  e", 0, layout(true, Chomp::Strip)), "a b\nc\n d\ne");
        assert_eq!(decode("|\n  a\n\n", 0, layout(false, Chomp::Keep)), "a\n\n\n");
        assert_eq!(decode("|\n", 0, layout(false, Chomp::Clip)), "");
    }
}
