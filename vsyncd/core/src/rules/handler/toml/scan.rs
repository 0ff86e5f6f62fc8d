//! Where everything stands in a TOML text. Whether it is valid TOML is for [`super::value`] to say: this
//! scanner only has to find the bytes of one that is.

use std::ops::Range;

use crate::rules::handler::comma_list::{CommaList, Comments, Item, comment};
use crate::rules::handler::source::Fault;

/// Values nested deeper are refused, counted in keys and brackets.
const DEPTH: usize = 128;

/// A header or a pair.
#[derive(Debug)]
pub(super) struct Statement {
    /// From its first byte behind the indentation to the end of the brackets or of the value.
    pub(super) at: Range<usize>,
    pub(super) keys: Vec<Key>,
    pub(super) kind: Kind,
}

/// One part of a dotted key.
#[derive(Debug)]
pub(super) struct Key {
    /// Unquoted.
    pub(super) name: String,
    pub(super) at: Range<usize>,
}

/// What a statement is.
#[derive(Debug)]
pub(super) enum Kind {
    /// `[table]`
    Header,
    /// `[[table]]`
    ArrayHeader,
    /// `key = value`
    Pair(Node),
}

/// A value and its bytes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    /// What is inside if it is an inline table.
    pub(super) inline: Option<Inline>,
    /// Whether it is an array that ends in a comma.
    pub(super) trailing: bool,
}

/// The members of an inline table; `list` has one item for each.
#[derive(Debug)]
pub(super) struct Inline {
    pub(super) list: CommaList,
    pub(super) members: Vec<(Vec<Key>, Node)>,
}

type Scanned<T> = Result<T, Fault>;

/// The statements in the file's order.
pub(super) fn scan(text: &str) -> Scanned<Vec<Statement>> {
    let mut scanner = Scanner { text, at: 0, above: 0 };
    let mut statements = Vec::new();
    loop {
        scanner.skip(true);
        if scanner.at == text.len() {
            return Ok(statements);
        }
        statements.push(scanner.statement()?);
        scanner.skip(false);
        if !matches!(scanner.peek(), None | Some(b'\n')) && !text[scanner.at..].starts_with("\r\n") {
            return Err(scanner.fault("the end of the line is expected"));
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The depth of the section.
    above: usize,
}

impl Scanner<'_> {
    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, what: &str) -> bool {
        let there = self.text[self.at..].starts_with(what);
        self.at += if there { what.len() } else { 0 };
        there
    }

    /// Past blanks and comments, and past line breaks if `lines` says so.
    fn skip(&mut self, lines: bool) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\n') if lines => self.at += 1,
                Some(b'\r') if lines && self.text[self.at..].starts_with("\r\n") => self.at += 2,
                Some(b'#') => self.at += comment(&self.text[self.at..], Comments::Hash).unwrap_or(1),
                _ => return,
            }
        }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn statement(&mut self) -> Scanned<Statement> {
        let start = self.at;
        if !self.take("[") {
            let keys = self.keys()?;
            self.equals()?;
            let value = self.value(self.above + keys.len())?;
            return Ok(Statement { at: start..self.at, keys, kind: Kind::Pair(value) });
        }
        let array = self.take("[");
        self.blanks();
        let keys = self.keys()?;
        let (close, kind) = if array { ("]]", Kind::ArrayHeader) } else { ("]", Kind::Header) };
        if !self.take(close) {
            return Err(self.fault("a closing bracket is expected"));
        }
        self.above = keys.len();
        Ok(Statement { at: start..self.at, keys, kind })
    }

    fn equals(&mut self) -> Scanned<()> {
        if !self.take("=") {
            return Err(self.fault("an equals sign is expected"));
        }
        self.blanks();
        Ok(())
    }

    /// Keys with dots between them, and the blanks behind the last.
    fn keys(&mut self) -> Scanned<Vec<Key>> {
        let mut keys = Vec::new();
        loop {
            if keys.len() >= DEPTH {
                return Err(self.fault("too deeply nested"));
            }
            let start = self.at;
            let name = match self.peek() {
                Some(b'"' | b'\'') => {
                    self.line_string()?;
                    unquote(&self.text[start..self.at]).ok_or(Fault { at: start, what: "not a key" })?
                }
                _ => {
                    while self
                        .peek()
                        .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                    {
                        self.at += 1;
                    }
                    self.text[start..self.at].to_owned()
                }
            };
            if self.at == start {
                return Err(self.fault("a key is expected"));
            }
            keys.push(Key { name, at: start..self.at });
            self.blanks();
            if !self.take(".") {
                return Ok(keys);
            }
            self.blanks();
        }
    }

    fn value(&mut self, depth: usize) -> Scanned<Node> {
        if depth > DEPTH {
            return Err(self.fault("too deeply nested"));
        }
        let start = self.at;
        let (mut inline, mut trailing) = (None, false);
        let rest = &self.text[start..];
        match self.peek() {
            Some(b'[') => trailing = self.array(depth)?,
            Some(b'{') => inline = Some(self.inline(depth)?),
            Some(b'"' | b'\'') if rest.starts_with("\"\"\"") || rest.starts_with("'''") => {
                self.block_string()?;
            }
            Some(b'"' | b'\'') => self.line_string()?,
            _ => {
                let end = rest.find([',', ']', '}', '#', '\n', '\r']).unwrap_or(rest.len());
                let length = rest[..end].trim_end_matches([' ', '\t']).len();
                if length == 0 {
                    return Err(self.fault("a value is expected"));
                }
                self.at += length;
            }
        }
        Ok(Node { at: start..self.at, inline, trailing })
    }

    /// Says whether the array ends in a comma.
    fn array(&mut self, depth: usize) -> Scanned<bool> {
        self.at += 1;
        let mut comma = false;
        loop {
            self.skip(true);
            if self.take("]") {
                return Ok(comma);
            }
            self.value(depth + 1)?;
            self.skip(true);
            comma = self.take(",");
            if !comma && self.peek() != Some(b']') {
                return Err(self.fault("a comma or a closing bracket is expected"));
            }
        }
    }

    fn inline(&mut self, depth: usize) -> Scanned<Inline> {
        self.at += 1;
        let inner = self.at;
        let (mut items, mut members) = (Vec::new(), Vec::new());
        loop {
            self.skip(true);
            if self.peek() == Some(b'}') {
                let list = CommaList { inner: inner..self.at, items };
                self.at += 1;
                return Ok(Inline { list, members });
            }
            let start = self.at;
            let keys = self.keys()?;
            self.equals()?;
            let value = self.value(depth + keys.len())?;
            let at = start..self.at;
            members.push((keys, value));
            self.skip(true);
            let comma = self.at;
            let comma = self.take(",").then_some(comma);
            items.push(Item { at, comma });
            if comma.is_none() && self.peek() != Some(b'}') {
                return Err(self.fault("a comma or a closing brace is expected"));
            }
        }
    }

    fn line_string(&mut self) -> Scanned<()> {
        let start = self.at;
        let quote = self.peek();
        self.at += 1;
        loop {
            match self.peek() {
                None | Some(b'\n') => return Err(Fault { at: start, what: "a string without an end" }),
                Some(b'\\') if quote == Some(b'"') => self.escape()?,
                byte => {
                    self.at += 1;
                    if byte == quote {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Past a backslash and the character behind it.
    fn escape(&mut self) -> Scanned<()> {
        let next = self.text[self.at + 1..].chars().next();
        self.at += 1 + next.ok_or(self.fault("a string without an end"))?.len_utf8();
        Ok(())
    }

    fn block_string(&mut self) -> Scanned<()> {
        let start = self.at;
        let quotes = &self.text[start..start + 3];
        self.at += 3;
        while self.at < self.text.len() {
            if self.take(quotes) {
                // Up to two more quotes belong to the string.
                let _ = self.take(&quotes[..1]) && self.take(&quotes[..1]);
                return Ok(());
            }
            match self.peek() {
                Some(b'\\') if quotes.starts_with('"') => self.escape()?,
                _ => self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        Err(Fault { at: start, what: "a string without an end" })
    }
}

/// What a quoted key says.
fn unquote(quoted: &str) -> Option<String> {
    let mut rest = &quoted[1..quoted.len() - 1];
    if quoted.starts_with('\'') {
        return Some(rest.to_owned());
    }
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + escape.len_utf8()..];
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        out.push(match escape {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            '"' | '\\' => escape,
            'x' | 'u' | 'U' => char::from_u32(u32::from_str_radix(rest.get(..digits)?, 16).ok()?)?,
            _ => return None,
        });
        rest = &rest[digits..];
    }
    out.push_str(rest);
    Some(out)
}
