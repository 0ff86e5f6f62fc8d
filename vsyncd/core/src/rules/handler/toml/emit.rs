//! Incoming values written the way the file is written.

use zeroize::Zeroizing;

use super::scan::Key;
use super::value::{Table, Value};

/// What the file says about how to write.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) eol: &'static str,
}

/// Where a value goes.
#[derive(Clone, Copy)]
pub(super) enum Room<'a> {
    /// A value of its own; in the place of these bytes, if there were any, in a line indented so far.
    /// `trailing`: an array that stood there ended in a comma.
    Free { old: Option<&'a str>, indent: &'a str, trailing: bool },
    /// Inside an array or an inline table; in the place of these bytes.
    Inside(Option<&'a str>),
}

impl<'a> Room<'a> {
    const NEW: Self = Self::Free { old: None, indent: "", trailing: false };

    fn old(self) -> Option<&'a str> {
        match self {
            Self::Free { old, .. } | Self::Inside(old) => old,
        }
    }
}

/// A key, in quotes where it needs them.
pub(super) fn key(name: &str) -> String {
    let bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { name.to_owned() } else { basic(name).to_string() }
}

/// Keys with dots between them.
pub(super) fn keys<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(key).collect::<Vec<_>>().join(".")
}

/// The equals sign of a pair with the blanks at its sides, at most one at each.
pub(super) fn equals(text: &str, keys: &[Key], value: usize) -> &'static str {
    let between = keys.last().and_then(|key| text.get(key.at.end..value)).unwrap_or(" = ");
    match (between.starts_with('='), between.ends_with('=')) {
        (true, true) => "=",
        (true, false) => "= ",
        (false, true) => " =",
        (false, false) => " = ",
    }
}

impl Style {
    /// A value.
    pub(super) fn value(self, value: &Value, room: Room<'_>) -> Zeroizing<String> {
        match value {
            Value::String(text) => self.string(text, room),
            Value::Plain(plain) => plain.spelled.clone(),
            Value::Array { items, .. } => self.array(items, room),
            Value::Table(table) => self.inline(table),
        }
    }

    /// A value that was not there.
    pub(super) fn fresh(self, value: &Value) -> Zeroizing<String> {
        self.value(value, Room::NEW)
    }

    /// `{ key = value }`
    fn inline(self, table: &Table) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::from("{"));
        for (number, (name, value)) in table.iter().enumerate() {
            out.push_str(if number == 0 { " " } else { ", " });
            out.push_str(&key(name));
            out.push_str(" = ");
            out.push_str(&self.value(value, Room::Inside(None)));
        }
        out.push_str(if table.is_empty() { "}" } else { " }" });
        out
    }

    fn array(self, items: &[Value], room: Room<'_>) -> Zeroizing<String> {
        let old = room.old().filter(|old| old.starts_with('[')).unwrap_or("[]");
        let items: Vec<_> = items.iter().map(|item| self.value(item, Room::Inside(None))).collect();
        let mut out = Zeroizing::new(String::from("["));
        match room {
            Room::Free { indent, trailing, .. } if old.contains('\n') && !items.is_empty() => {
                let line = old.split('\n').nth(1).unwrap_or_default();
                let blanks = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
                let own = if line[blanks.len()..].starts_with(']') {
                    format!("{blanks}  ")
                } else {
                    blanks.to_owned()
                };
                for (number, item) in items.iter().enumerate() {
                    out.push_str(self.eol);
                    out.push_str(&own);
                    out.push_str(item);
                    out.push_str(if trailing || number + 1 < items.len() { "," } else { "" });
                }
                out.push_str(self.eol);
                out.push_str(indent);
            }
            _ => {
                let pad = if old.starts_with("[ ") && !items.is_empty() { " " } else { "" };
                out.push_str(pad);
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number > 0 { ", " } else { "" });
                    out.push_str(item);
                }
                out.push_str(pad);
            }
        }
        out.push(']');
        out
    }

    /// A string, between the quotes that stood there if they can hold it.
    fn string(self, text: &str, room: Room<'_>) -> Zeroizing<String> {
        let old = room.old().unwrap_or("\"");
        let lines = text.contains('\n');
        // In a file of CRLF lines readers disagree on what a line break inside a string is.
        let may_break = matches!(room, Room::Free { .. }) && self.eol == "\n";
        let literal = !text.chars().any(|char| char.is_control() && char != '\t' && char != '\n');
        let first_break = if lines { "\n" } else { "" };
        if old.starts_with("'''") {
            let fits = literal && !text.contains("'''") && !text.ends_with('\'') && (may_break || !lines);
            if fits && !text.starts_with('\'') {
                return format!("'''{first_break}{text}'''").into();
            }
        } else if old.starts_with('\'') && literal && !lines && !text.contains('\'') {
            return format!("'{text}'").into();
        }
        if may_break && lines || old.starts_with("\"\"\"") && !lines {
            return block(text, first_break);
        }
        basic(text)
    }
}

/// `"""…"""`; a line break directly behind the quotes is not part of the string.
fn block(text: &str, first_break: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(format!("\"\"\"{first_break}"));
    let mut chars = text.chars().peekable();
    let mut quotes = 0;
    while let Some(char) = chars.next() {
        quotes = if char == '"' { quotes + 1 } else { 0 };
        match char {
            '\n' => out.push('\n'),
            '"' if quotes < 3 && chars.peek().is_some() => out.push('"'),
            '"' => {
                out.push_str("\\\"");
                quotes = 0;
            }
            char => escaped(char, &mut out),
        }
    }
    out.push_str("\"\"\"");
    out
}

fn basic(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 2));
    out.push('"');
    for char in text.chars() {
        escaped(char, &mut out);
    }
    out.push('"');
    out
}

fn escaped(char: char, out: &mut String) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        char if char.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(char))),
        char => out.push(char),
    }
}
