//! The words of a netrc file, with their bytes.

use std::ops::Range;

use zeroize::Zeroizing;

use super::quote;
use crate::rules::handler::lines::{leads, line_start, without_ending};
use crate::rules::handler::source::Fault;

/// A keyword with its value.
pub(super) struct Field<'a> {
    /// `login` for `user`, `password` for `passwd`.
    pub(super) name: &'a str,
    pub(super) keyword: Range<usize>,
    pub(super) value: Range<usize>,
}

/// A machine, or the default.
pub(super) struct Entry<'a> {
    /// Where its keyword begins.
    pub(super) start: usize,
    /// None for the default.
    pub(super) machine: Option<Range<usize>>,
    pub(super) fields: Vec<Field<'a>>,
    /// The end of its last word.
    pub(super) end: usize,
}

/// A macro, from its keyword to the end of its last line.
pub(super) struct Macro {
    pub(super) range: Range<usize>,
    /// The end of the empty line that ends it; none where the file ends first.
    pub(super) closed: Option<usize>,
}

/// A parsed file.
pub(super) struct File<'a> {
    pub(super) text: &'a str,
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) macros: Vec<Macro>,
    /// From the `#` to the line's end.
    pub(super) comments: Vec<Range<usize>>,
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

impl<'a> File<'a> {
    /// Reads the whole text.
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        if let Some(at) = text.find('\0') {
            return Err(Fault { at, what: "a NUL character" });
        }
        let mut file = Self { text, entries: Vec::new(), macros: Vec::new(), comments: Vec::new() };
        let mut words = Words { text, at: 0 };
        let mut open = false;
        while let Some(keyword) = words.keyword(&mut file.comments)? {
            open = file.item(&mut words, keyword, open)?;
        }
        Ok(file)
    }

    /// Takes in what a keyword begins; whether fields may follow.
    fn item(&mut self, words: &mut Words<'a>, keyword: Range<usize>, open: bool) -> Result<bool, Fault> {
        let start = keyword.start;
        match &self.text[keyword.clone()] {
            "machine" => {
                let name = words.value(start)?;
                let end = name.end;
                self.entries.push(Entry { start, machine: Some(name), fields: Vec::new(), end });
                Ok(true)
            }
            "default" => {
                self.entries.push(Entry { start, machine: None, fields: Vec::new(), end: keyword.end });
                Ok(true)
            }
            "macdef" => {
                words.value(start)?;
                let (end, closed) = words.body();
                self.macros.push(Macro { range: start..end, closed });
                Ok(false)
            }
            word @ ("login" | "user" | "password" | "passwd" | "account" | "port" | "protocol") => {
                let name = match word {
                    "user" => "login",
                    "passwd" => "password",
                    other => other,
                };
                let value = words.value(start)?;
                let entry = self.entries.last_mut().filter(|_| open);
                let entry = entry.ok_or(Fault { at: start, what: "a field that belongs to no machine" })?;
                entry.end = value.end;
                entry.fields.push(Field { name, keyword, value });
                Ok(true)
            }
            _ => Err(Fault { at: start, what: "an unknown word where a keyword belongs" }),
        }
    }

    /// What a word says; one that readers disagree on as it is spelled.
    pub(super) fn word(&self, range: &Range<usize>) -> Zeroizing<String> {
        let raw = &self.text[range.clone()];
        quote::read(raw).unwrap_or_else(|| Zeroizing::new(raw.to_owned()))
    }

    /// Whose entry it is.
    pub(super) fn login(&self, entry: &Entry<'_>) -> Option<Zeroizing<String>> {
        let login = entry.fields.iter().rev().find(|field| field.name == "login");
        login.map(|field| self.word(&field.value))
    }

    /// Where the line of this byte begins.
    pub(super) fn line_start(&self, at: usize) -> usize {
        line_start(self.text, at)
    }

    /// Where the line of this byte ends: before its line end, and after it.
    pub(super) fn line_end(&self, at: usize) -> (usize, usize) {
        let rest = &self.text[at..];
        let next = rest.find('\n').map_or(self.text.len(), |end| at + end + 1);
        let line = &self.text[at..next];
        (at + without_ending(line).len(), next)
    }

    /// Whether only blanks stand between the line's begin and this byte.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        leads(self.text, at)
    }

    /// Whether only blanks or a comment follow on the line.
    pub(super) fn ends_line(&self, at: usize) -> bool {
        let rest = self.text[at..self.line_end(at).0].trim_start_matches(BLANKS);
        rest.is_empty() || rest.starts_with('#')
    }

    /// The begin of the line above, if there is one.
    pub(super) fn line_above(&self, line: usize) -> Option<usize> {
        (line > 0).then(|| self.line_start(line - 1))
    }

    /// The content of the line that begins here.
    pub(super) fn line(&self, start: usize) -> &'a str {
        self.text[start..self.line_end(start).0].trim_matches(BLANKS)
    }

    /// Whether the empty line that closes a macro ends here.
    pub(super) fn closes_macro(&self, at: usize) -> bool {
        self.macros.binary_search_by_key(&at, |one| one.closed.unwrap_or(usize::MAX)).is_ok()
    }

    /// The begin of an entry's lines, with the comment lines right above it.
    pub(super) fn head(&self, entry: &Entry<'_>) -> usize {
        let mut head = self.line_start(entry.start);
        while let Some(above) = self.line_above(head) {
            let comment =
                above + (self.text[above..].len() - self.text[above..].trim_start_matches(BLANKS).len());
            // Within a macro it is no comment.
            let known = self.comments.binary_search_by_key(&comment, |range| range.start).is_ok();
            if !known || !self.line(above).starts_with('#') {
                break;
            }
            head = above;
        }
        head
    }
}

struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Words<'_> {
    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(BLANKS).len();
    }

    /// The next word outside comments.
    fn keyword(&mut self, comments: &mut Vec<Range<usize>>) -> Result<Option<Range<usize>>, Fault> {
        loop {
            self.skip_blanks();
            let rest = &self.text[self.at..];
            if !rest.starts_with('#') {
                return self.word();
            }
            let length = rest.find('\n').unwrap_or(rest.len());
            let end = self.at + rest[..length].trim_end_matches('\r').len();
            comments.push(self.at..end);
            self.at += length;
        }
    }

    /// The word after a keyword, whatever it begins with.
    fn value(&mut self, keyword: usize) -> Result<Range<usize>, Fault> {
        self.skip_blanks();
        self.word()?.ok_or(Fault { at: keyword, what: "a keyword without a value" })
    }

    fn word(&mut self) -> Result<Option<Range<usize>>, Fault> {
        let (start, rest) = (self.at, &self.text[self.at..]);
        if rest.is_empty() {
            return Ok(None);
        }
        let length = if rest.starts_with('"') {
            closing(rest).ok_or(Fault { at: start, what: "a quoted word is not closed" })?
        } else {
            rest.find(BLANKS).unwrap_or(rest.len())
        };
        self.at += length;
        Ok(Some(start..self.at))
    }

    /// Passes a macro's lines: its end, and the end of the empty line that closes it.
    fn body(&mut self) -> (usize, Option<usize>) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
        for line in self.text[self.at..].split_inclusive('\n') {
            let end = self.at;
            self.at += line.len();
            if ["\n", "\r\n"].contains(&line) {
                return (end, Some(self.at));
            }
        }
        (self.at, None)
    }
}

/// The length of a quoted word; it ends on its line.
fn closing(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, next) in rest.char_indices().skip(1) {
        match next {
            '\n' => return None,
            '"' if !escaped => return Some(at + 1),
            _ => escaped = next == '\\' && !escaped,
        }
    }
    None
}
