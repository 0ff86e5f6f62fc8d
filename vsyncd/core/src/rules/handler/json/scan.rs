//! Where everything stands in a JSON text: RFC 8259, with comments and trailing commas.

use std::ops::Range;

use crate::rules::handler::comma_list::{CommaList, Comments, Item, comment};
use crate::rules::handler::source::Fault;

/// Objects and arrays nested deeper are refused, in existing and incoming documents alike.
const DEPTH: usize = 128;

/// A value and its bytes.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) kind: Kind,
}

/// What a value is. Scalars are read from their bytes when they are needed.
#[derive(Debug)]
pub(super) enum Kind {
    Object(Object),
    Array(Vec<Node>),
    String,
    Number,
    Bool(bool),
    Null,
}

impl Kind {
    /// The word of an error.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Object(_) => "mapping",
            Self::Array(_) => "sequence",
            Self::String | Self::Number | Self::Bool(_) | Self::Null => "scalar",
        }
    }
}

/// The members of an object, in the file's order; `list` has one item for each.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) list: CommaList,
    pub(super) members: Vec<Member>,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Member {
    /// Unescaped.
    pub(super) key: String,
    pub(super) key_at: Range<usize>,
    pub(super) value: Node,
}

type Scanned<T> = Result<T, Fault>;

/// The root value; none if there are only blanks and comments.
pub(super) fn scan(text: &str) -> Scanned<Option<Node>> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip()?;
    if scanner.at == text.len() {
        return Ok(None);
    }
    let root = scanner.value(0)?;
    scanner.skip()?;
    if scanner.at < text.len() {
        return Err(scanner.fault("something follows the end of the document"));
    }
    Ok(Some(root))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn fault(&self, what: &'static str) -> Fault {
        Fault { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Past blanks and comments.
    fn skip(&mut self) -> Scanned<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'/') => {
                    let rest = &self.text[self.at..];
                    let Some(length) = comment(rest, Comments::Slashes) else {
                        return Err(self.fault("a slash that begins no comment"));
                    };
                    let text = &rest[..length];
                    if text.starts_with("/*") && (length < 4 || !text.ends_with("*/")) {
                        return Err(self.fault("a comment without an end"));
                    }
                    if text.starts_with("//") && text.contains('\r') {
                        return Err(self.fault("a carriage return inside a comment"));
                    }
                    self.at += length;
                }
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Scanned<Node> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{' | b'[') if depth >= DEPTH => return Err(self.fault("too deeply nested")),
            Some(b'{') => Kind::Object(self.object(depth)?),
            Some(b'[') => Kind::Array(self.array(depth)?),
            Some(b'"') => {
                self.string()?;
                Kind::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Kind::Number
            }
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) => return Err(self.fault("a value is expected")),
            None => return Err(self.fault("the document ends too early")),
        };
        Ok(Node { at: start..self.at, kind })
    }

    fn word(&mut self, word: &str, kind: Kind) -> Scanned<Kind> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.fault("a value is expected"));
        }
        self.at += word.len();
        match self.peek() {
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'_' => {
                Err(self.fault("a value is expected"))
            }
            _ => Ok(kind),
        }
    }

    fn object(&mut self, depth: usize) -> Scanned<Object> {
        self.at += 1;
        let inner = self.at;
        let (mut items, mut members): (Vec<Item>, Vec<Member>) = Default::default();
        loop {
            self.skip()?;
            if self.peek() == Some(b'}') {
                let list = CommaList { inner: inner..self.at, items };
                self.at += 1;
                return Ok(Object { list, members });
            }
            if items.last().is_some_and(|item| item.comma.is_none()) {
                return Err(self.expected("a comma or a closing brace is expected"));
            }
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes is expected"));
            }
            let start = self.at;
            self.string()?;
            let key_at = start..self.at;
            let key = decode(&self.text[key_at.clone()])
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or(Fault { at: start, what: "a key holds half a surrogate pair" })?;
            self.skip()?;
            if !self.take(b':') {
                return Err(self.expected("a colon is expected"));
            }
            self.skip()?;
            let value = self.value(depth + 1)?;
            let at = start..self.at;
            members.push(Member { key, key_at, value });
            items.push(Item { at, comma: self.comma()? });
        }
    }

    fn array(&mut self, depth: usize) -> Scanned<Vec<Node>> {
        self.at += 1;
        let mut values = Vec::new();
        let mut comma = true;
        loop {
            self.skip()?;
            if self.take(b']') {
                return Ok(values);
            }
            if !comma {
                return Err(self.expected("a comma or a closing bracket is expected"));
            }
            values.push(self.value(depth + 1)?);
            comma = self.comma()?.is_some();
        }
    }

    fn comma(&mut self) -> Scanned<Option<usize>> {
        self.skip()?;
        let at = self.at;
        Ok(self.take(b',').then_some(at))
    }

    fn expected(&self, what: &'static str) -> Fault {
        self.fault(if self.peek().is_none() { "the document ends too early" } else { what })
    }

    fn string(&mut self) -> Scanned<()> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(Fault { at: start, what: "a string without an end" }),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    let rest = &self.text.as_bytes()[self.at + 1..];
                    self.at += match rest {
                        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                        [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => 6,
                        _ => return Err(self.fault("an unknown escape in a string")),
                    };
                }
                Some(0..=0x1f) => return Err(self.fault("a control character in a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Scanned<()> {
        self.take(b'-');
        let whole = self.digits();
        let zero = whole > 1 && self.text.as_bytes()[self.at - whole] == b'0';
        let mut wrong = whole == 0 || zero;
        if self.take(b'.') {
            wrong |= self.digits() == 0;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            wrong |= self.digits() == 0;
        }
        wrong |= self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if wrong { Err(self.fault("not a number")) } else { Ok(()) }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }
}

/// The bytes that a string with its quotes stands for: UTF-8, in which half a surrogate pair is encoded
/// as if it were a character (WTF-8).
pub(super) fn decode(quoted: &str) -> Option<Vec<u8>> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        bytes.push(match escape {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut unit = hex(rest)?;
                rest = &rest[4..];
                if (0xd800..0xdc00).contains(&unit)
                    && let Some(low) = rest.strip_prefix("\\u").and_then(hex)
                    && (0xdc00..0xe000).contains(&low)
                {
                    unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    rest = &rest[6..];
                }
                push(&mut bytes, unit);
                continue;
            }
            other => *other,
        });
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.get(..4)?, 16).ok()
}

fn push(bytes: &mut Vec<u8>, unit: u32) {
    match char::from_u32(unit) {
        Some(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        None => bytes
            .extend([0xe0 | (unit >> 12), 0x80 | (unit >> 6 & 0x3f), 0x80 | (unit & 0x3f)].map(|b| b as u8)),
    }
}
