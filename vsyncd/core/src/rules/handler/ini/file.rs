//! The lines of an ini file, with the bytes that each part has.
//!
//! The rules are those of the usual parsers: a line whose first mark is `#` or `;` is a comment and there are
//! no others; a line that is indented deeper than the key above continues its value, over blank lines and
//! comments too; keys before the first header belong to the section without a name.

use std::ops::Range;

use crate::rules::handler::source::Fault;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Comment,
    Header,
    /// A key, with or without a value.
    Key,
    /// More of the value above.
    More,
}

/// One line.
pub(super) struct Line {
    pub(super) kind: Kind,
    /// With its end.
    pub(super) whole: Range<usize>,
    /// Without blanks around it; empty where there is nothing else.
    pub(super) content: Range<usize>,
}

/// One header with what follows it, or what stands before the first header.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    /// The header's line.
    pub(super) header: Option<usize>,
    /// Its keys, by their place in [`File::entries`].
    pub(super) entries: Range<usize>,
}

/// A key and its value.
pub(super) struct Entry {
    /// By its place in [`File::sections`].
    pub(super) section: usize,
    pub(super) key: Range<usize>,
    /// Where the `=` or `:` is; none for a key alone.
    pub(super) delimiter: Option<usize>,
    /// The part of the value on the key's line; an empty one stands at the line's end.
    pub(super) value: Range<usize>,
    /// The lines from the key's to the last of the value.
    pub(super) lines: Range<usize>,
}

/// A parsed file.
pub(super) struct File<'a> {
    pub(super) text: &'a str,
    pub(super) lines: Vec<Line>,
    /// The first is the one without a name.
    pub(super) sections: Vec<Section<'a>>,
    pub(super) entries: Vec<Entry>,
}

/// A value by its lines; none for a key alone.
pub(super) type Value<'a> = Option<Vec<&'a str>>;

const BLANKS: [char; 5] = [' ', '\t', '\r', '\u{b}', '\u{c}'];

impl<'a> File<'a> {
    /// Reads the whole text.
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        if let Some(at) = text.find('\0') {
            return Err(Fault { at, what: "a NUL character" });
        }
        let nameless = Section { name: "", header: None, entries: 0..0 };
        let mut file = Self { text, lines: Vec::new(), sections: vec![nameless], entries: Vec::new() };
        let mut at = 0;
        let mut level = Level { indent: 0, open: false };
        for whole in text.split_inclusive('\n') {
            file.line(at..at + whole.len(), &mut level)?;
            at += whole.len();
        }
        Ok(file)
    }

    fn line(&mut self, whole: Range<usize>, level: &mut Level) -> Result<(), Fault> {
        let text = self.text[whole.clone()].trim_end_matches('\n').trim_end_matches(BLANKS);
        let content = text.trim_start_matches(BLANKS);
        let indent = text.len() - content.len();
        let from = whole.start + indent;
        let number = self.lines.len();
        let kind = if content.is_empty() {
            Kind::Blank
        } else if content.starts_with(['#', ';']) {
            Kind::Comment
        } else if level.open && indent > level.indent {
            Kind::More
        } else if content.starts_with('[') {
            Kind::Header
        } else {
            Kind::Key
        };
        self.lines.push(Line { kind, whole, content: from..from + content.len() });
        match kind {
            Kind::Blank | Kind::Comment => {}
            Kind::More => {
                if let Some(entry) = self.entries.last_mut() {
                    entry.lines.end = number + 1;
                }
            }
            Kind::Header => {
                *level = Level { indent, open: false };
                let name =
                    header(content).ok_or(Fault { at: from, what: "a section header is not closed" })?;
                let entries = self.entries.len()..self.entries.len();
                self.sections.push(Section { name, header: Some(number), entries });
            }
            Kind::Key => {
                let open = self.key(from, content, number)?;
                *level = Level { indent, open };
            }
        }
        Ok(())
    }

    /// Takes a key's line in; whether a value stands there that lines below may continue.
    fn key(&mut self, from: usize, content: &'a str, number: usize) -> Result<bool, Fault> {
        let delimiter = delimiter(content);
        let key = content[..delimiter.unwrap_or(content.len())].trim_end_matches(BLANKS);
        if key.is_empty() {
            return Err(Fault { at: from, what: "a value without a key" });
        }
        let end = from + content.len();
        let value = match delimiter {
            Some(at) => end - content[at + 1..].trim_start_matches(BLANKS).len()..end,
            None => end..end,
        };
        let section = self.sections.len() - 1;
        self.entries.push(Entry {
            section,
            key: from..from + key.len(),
            delimiter: delimiter.map(|at| from + at),
            value,
            lines: number..number + 1,
        });
        self.sections[section].entries.end = self.entries.len();
        Ok(delimiter.is_some())
    }

    /// The name of an entry's section.
    pub(super) fn section_of(&self, entry: &Entry) -> &'a str {
        self.sections[entry.section].name
    }

    /// The key's name.
    pub(super) fn key_of(&self, entry: &Entry) -> &'a str {
        &self.text[entry.key.clone()]
    }

    /// The value by its lines: blank lines within it are empty ones, comments are not part of it.
    pub(super) fn value_of(&self, entry: &Entry) -> Value<'a> {
        entry.delimiter?;
        let mut lines = vec![&self.text[entry.value.clone()]];
        for line in &self.lines[entry.lines.start + 1..entry.lines.end] {
            if line.kind != Kind::Comment {
                lines.push(&self.text[line.content.clone()]);
            }
        }
        Some(lines)
    }

    /// The blanks before a line's content.
    pub(super) fn indent_of(&self, line: usize) -> &'a str {
        let line = &self.lines[line];
        &self.text[line.whole.start..line.content.start]
    }

    /// `!include` and its kin look like keys and are none.
    pub(super) fn is_directive(&self, entry: &Entry) -> bool {
        entry.delimiter.is_none() && self.key_of(entry).starts_with('!')
    }
}

/// What a deeper line would continue.
struct Level {
    indent: usize,
    open: bool,
}

/// The name in a header. It ends at a `]` that only a comment follows: names may hold brackets themselves.
fn header(content: &str) -> Option<&str> {
    let closes = |at: &usize| {
        let after = content[at + 1..].trim_start_matches(BLANKS);
        after.is_empty() || after.starts_with(['#', ';'])
    };
    let at = content.match_indices(']').map(|(at, _)| at).find(closes).or_else(|| content.rfind(']'))?;
    Some(&content[1..at])
}

/// The first `=`, else the first `:`. A `:` before the `=` counts where a plain word stands before it and a
/// blank after it (`url: a?b=c`), and is otherwise part of the key (`//host/:_authToken=x`).
fn delimiter(content: &str) -> Option<usize> {
    let equals = content.find('=');
    let colon = content[..equals.unwrap_or(content.len())].find(':');
    match (colon, equals) {
        (Some(colon), Some(equals)) => {
            let spaced = content[colon + 1..].starts_with([' ', '\t']);
            Some(if spaced && is_word(content[..colon].trim_end_matches(BLANKS)) { colon } else { equals })
        }
        (colon, equals) => equals.or(colon),
    }
}

/// Whether a key is one that a `:` can follow without doubt.
pub(super) fn is_word(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
}
