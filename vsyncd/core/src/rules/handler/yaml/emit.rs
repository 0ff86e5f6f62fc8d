//! How values are written.

use std::fmt::Write as _;

use super::class::{self, Class};
use super::parser::printable;
use super::value::{Quoting, Scalar, Value};

/// The habits of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) eol: &'static str,
    /// How many columns a mapping inside another one is indented.
    pub(super) unit: usize,
    /// Whether a sequence stands in the column of its key.
    pub(super) flush: bool,
    /// Whether what is written ends the file, and the file has no line break at its end.
    pub(super) last: bool,
}

/// A value as text: what goes on the key's line, and the lines below it, each with the line break before it.
#[derive(Default)]
pub(super) struct Written {
    pub(super) inline: String,
    pub(super) below: String,
}

impl Layout {
    fn newline(self, column: usize) -> String {
        format!("{}{:column$}", self.eol, "")
    }

    /// A value of a block mapping whose keys stand in `column`. `wish` is for a scalar; `inner` is the
    /// column for the items of a sequence or the lines of a block scalar.
    pub(super) fn block(
        self,
        value: &Value,
        column: usize,
        wish: Option<Quoting>,
        inner: Option<usize>,
    ) -> Written {
        match value {
            Value::Scalar(scalar) => {
                let inner = inner.unwrap_or(column + self.unit);
                self.block_scalar(scalar, inner, wish.unwrap_or(scalar.quoting))
            }
            Value::Sequence(list) if !list.is_empty() => {
                let column = inner.unwrap_or(column + if self.flush { 0 } else { self.unit });
                let below = format!("{}{}", self.newline(column), self.items(list, column));
                Written { below, ..Written::default() }
            }
            Value::Mapping(entries) if !entries.is_empty() => {
                let column = column + self.unit;
                let below = format!("{}{}", self.newline(column), self.entries(entries, column));
                Written { below, ..Written::default() }
            }
            _ => Written { inline: flow(value), ..Written::default() },
        }
    }

    /// The entries of a block mapping; the first one without its indentation.
    pub(super) fn entries(self, entries: &[(Scalar, Value)], column: usize) -> String {
        let lines = entries.iter().map(|(key, value)| {
            let Written { inline, below } = self.block(value, column, None, None);
            let space = if inline.is_empty() { "" } else { " " };
            format!("{}:{space}{inline}{below}", word(key, key.quoting, false))
        });
        lines.collect::<Vec<_>>().join(&self.newline(column))
    }

    fn items(self, items: &[Value], column: usize) -> String {
        let lines = items.iter().map(|item| match item {
            Value::Mapping(entries) if !entries.is_empty() => {
                format!("- {}", self.entries(entries, column + 2))
            }
            Value::Sequence(items) if !items.is_empty() => format!("- {}", self.items(items, column + 2)),
            Value::Scalar(scalar) => {
                let Written { inline, below } = self.block_scalar(scalar, column + self.unit, scalar.quoting);
                format!("- {inline}{below}")
            }
            _ => format!("- {}", flow(item)),
        });
        lines.collect::<Vec<_>>().join(&self.newline(column))
    }

    fn block_scalar(self, scalar: &Scalar, inner: usize, wish: Quoting) -> Written {
        let Class::Text(text) = &scalar.class else {
            return Written { inline: word(scalar, wish, false), ..Written::default() };
        };
        let newline = self.newline(inner);
        let body = text.strip_suffix('\n').unwrap_or(text);
        let chomp = if body.len() == text.len() { "-" } else { "" };
        let folded = wish == Quoting::Folded && foldable(body);
        let open = self.last && chomp.is_empty();
        if open {
            // The line break that the block stands for would not be there.
            return Written { inline: word(scalar, wish, false), ..Written::default() };
        }
        if folded || (matches!(wish, Quoting::Literal | Quoting::Folded) && literal(body)) {
            let lines = body.split('\n').enumerate().fold(String::new(), |mut lines, (at, line)| {
                // Where lines are folded, an empty one between two says that they are two.
                lines.push_str(if folded && at > 0 && !line.is_empty() { self.eol } else { "" });
                lines.push_str(if line.is_empty() { self.eol } else { &newline });
                lines.push_str(line);
                lines
            });
            return Written { inline: format!("{}{chomp}", if folded { '>' } else { '|' }), below: lines };
        }
        Written { inline: word(scalar, wish, false), ..Written::default() }
    }
}

/// Whether these lines can stand in a `|` block without an indentation indicator.
fn literal(body: &str) -> bool {
    let whole = !body.is_empty() && !body.starts_with([' ', '\t', '\n']) && !body.ends_with('\n');
    let clean = |c: char| c == '\n' || (printable(c) && !separator(c));
    whole
        && body.chars().all(clean)
        && body.split('\n').all(|line| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty())
}

/// Whether these lines can stand in a `>` block with an empty line between each two.
fn foldable(body: &str) -> bool {
    literal(body) && body.split('\n').all(|line| !line.starts_with([' ', '\t']))
}

/// Characters that some readers take for line breaks, or that vanish.
const fn separator(c: char) -> bool {
    matches!(c, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A value in flow style, in one line.
pub(super) fn flow(value: &Value) -> String {
    flow_as(value, None)
}

/// A value in flow style; strings as in JSON where `json` is wished.
pub(super) fn flow_as(value: &Value, wish: Option<Quoting>) -> String {
    match value {
        Value::Scalar(scalar) => word(scalar, wish.unwrap_or(scalar.quoting), true),
        Value::Sequence(items) => {
            let items: Vec<_> = items.iter().map(|item| flow_as(item, wish)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| flow_entry(key, value, wish)).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// `key: value` for a flow mapping.
pub(super) fn flow_entry(key: &Scalar, value: &Value, wish: Option<Quoting>) -> String {
    format!("{}: {}", word(key, wish.unwrap_or(key.quoting), true), flow_as(value, wish))
}

/// A scalar in one line.
pub(super) fn word(scalar: &Scalar, wish: Quoting, in_flow: bool) -> String {
    match &scalar.class {
        Class::Text(text) => match wish {
            Quoting::Plain if plain(text, in_flow) && class::is_text(text) => text.clone(),
            Quoting::Single if text.chars().all(|c| printable(c) && !separator(c) && c != '\n') => {
                format!("'{}'", text.replace('\'', "''"))
            }
            _ => double(text),
        },
        Class::Tagged(tag, text) => {
            let text = if scalar.quoting == Quoting::Plain && plain(text, in_flow) {
                text.clone()
            } else {
                double(text)
            };
            format!("{} {text}", tag_word(tag))
        }
        Class::Null if scalar.text.is_empty() => "null".to_owned(),
        _ => scalar.text.clone(),
    }
}

fn tag_word(name: &str) -> String {
    let simple = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte))
    };
    match name.strip_prefix("tag:yaml.org,2002:") {
        Some(suffix) if simple(suffix) => format!("!!{suffix}"),
        _ if name.strip_prefix('!').is_some_and(simple) => name.to_owned(),
        _ => format!("!<{name}>"),
    }
}

/// Whether the text can stand without quotes, as far as its characters go.
fn plain(text: &str, in_flow: bool) -> bool {
    let mut chars = text.chars();
    let first = match chars.next() {
        None => return false,
        Some('-' | '?' | ':') => chars.next().is_some_and(char::is_alphanumeric),
        Some(c) => !",[]{}#&*!|>'\"%@` ".contains(c),
    };
    first
        && text.chars().all(|c| printable(c) && !separator(c) && c != '\t' && c != '\n')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !(in_flow && text.contains([',', '[', ']', '{', '}']))
}

fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if printable(c) && c != '\u{feff}' => out.push(c),
            c => {
                let code = u32::from(c);
                // Writing into a String cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02X}"),
                    0x100..=0xffff => write!(out, "\\u{code:04X}"),
                    _ => write!(out, "\\U{code:08X}"),
                };
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { eol: "\n", unit: 2, flush: false, last: false };

    fn text(text: &str, quoting: Quoting) -> Scalar {
        Scalar { text: text.to_owned(), class: Class::Text(text.to_owned()), quoting }
    }

    #[test]
    fn strings_that_could_be_misread_are_quoted() {
        for bare in
            ["abc", "a: b", "a #b", "no", "0123", "1e3", "-", "- a", "", " a", "a ", "a:", "#a", "@a", "<<"]
        {
            let quoted = word(&text(bare, Quoting::Plain), Quoting::Plain, false);
            assert_eq!(quoted.starts_with('"'), bare != "abc", "{quoted}");
        }
        assert_eq!(word(&text("a,b", Quoting::Plain), Quoting::Plain, false), "a,b");
        assert_eq!(word(&text("a,b", Quoting::Plain), Quoting::Plain, true), "\"a,b\"");
    }

    #[test]
    fn blocks_hold_lines_and_fall_back_to_quotes() {
        let block = |body: &str, wish| {
            let written = LAYOUT.block_scalar(&text(body, wish), 2, wish);
            format!("{}{}", written.inline, written.below)
        };
        assert_eq!(block("a\n\nb\n", Quoting::Literal), "|\n  a\n\n  b");
        assert_eq!(block("a\nb\n\nc", Quoting::Folded), ">-\n  a\n\n  b\n\n\n  c");
        assert_eq!(block("a\n b", Quoting::Folded), "|-\n  a\n   b");
        for body in [" a", "a\n\n", "\n", "a\r\nb", "a\n  \nb", "a\u{85}", ""] {
            assert!(block(body, Quoting::Literal).starts_with('"'), "{body:?}");
        }
    }
}
