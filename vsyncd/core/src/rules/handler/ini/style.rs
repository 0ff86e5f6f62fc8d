//! How a file writes its keys and sections, so that what is added looks the same.

use zeroize::Zeroizing;

use super::file::{Entry, File, Kind, is_word};
use crate::rules::handler::lines::line_ending;

/// The form of a line that is added.
pub(super) struct Style<'a> {
    indent: &'a str,
    colon: bool,
    before: bool,
    after: bool,
    end: &'static str,
}

impl<'a> Style<'a> {
    /// Of keys added to this section: as the last key there, else as the last of the file, else as the keys
    /// of the incoming data.
    pub(super) fn of(file: &File<'a>, section: Option<usize>, data: &File<'a>) -> Self {
        let own = section.map_or(&[][..], |at| &file.entries[file.sections[at].entries.clone()]);
        let valued = |entry: &&Entry| entry.delimiter.is_some();
        let nearest = own.iter().rev().find(valued).or_else(|| file.entries.iter().rev().find(valued));
        let (colon, before, after) = match nearest {
            Some(entry) => spacing(file, entry),
            None => {
                data.entries.iter().rev().find(valued).map_or((false, true, true), |it| spacing(data, it))
            }
        };
        let plain = |entry: &&Entry| !file.is_directive(entry);
        let beside = own.iter().rev().find(plain).map(|entry| file.indent_of(entry.lines.start));
        let indent = beside.or_else(|| (section != Some(0)).then(|| below_headers(file, data))?);
        let indent = no_shallower(file, section, indent.unwrap_or_default());
        Self { indent, colon, before, after, end: line_ending(file.text) }
    }

    /// The file's line end.
    pub(super) fn end(&self) -> &'static str {
        self.end
    }

    /// Delimiter and value as they follow a key.
    pub(super) fn assigned(&self, key: &str, value: &[&str], deeper: &str) -> Zeroizing<String> {
        let room = value.iter().map(|line| line.len() + deeper.len() + self.indent.len() + 8).sum();
        let mut out = Zeroizing::new(String::with_capacity(room));
        let first = value.first().copied().unwrap_or_default();
        if self.colon && is_word(key) && !first.contains('=') {
            out.push(':');
        } else {
            out.push_str(if self.before { " =" } else { "=" });
        }
        if self.after && !first.is_empty() {
            out.push(' ');
        }
        out.push_str(first);
        out.push_str(&more(value, deeper, self.end));
        out
    }

    /// A whole line without its end.
    pub(super) fn line(&self, key: &str, value: Option<&[&str]>) -> Zeroizing<String> {
        let deeper = deeper(self.indent);
        let assigned = value.map(|value| self.assigned(key, value, &deeper));
        let room = self.indent.len() + key.len() + assigned.as_ref().map_or(0, |text| text.len());
        let mut out = Zeroizing::new(String::with_capacity(room));
        out.push_str(self.indent);
        out.push_str(key);
        out.push_str(assigned.as_ref().map_or("", |text| text.as_str()));
        out
    }
}

/// The indentation of keys below headers, in the file, else in the data.
fn below_headers<'a>(file: &File<'a>, data: &File<'a>) -> Option<&'a str> {
    let last = |file: &File<'a>| {
        let named = |entry: &&Entry| entry.section > 0 && !file.is_directive(entry);
        file.entries.iter().rev().find(named).map(|entry| file.indent_of(entry.lines.start))
    };
    last(file).or_else(|| last(data))
}

/// The indentation, or that of the header below if it is deeper: it would become part of the value.
fn no_shallower<'a>(file: &File<'a>, section: Option<usize>, indent: &'a str) -> &'a str {
    let next = section.and_then(|at| file.sections.get(at + 1)).and_then(|section| section.header);
    let header = next.map_or("", |header| file.indent_of(header));
    if header.len() > indent.len() { header } else { indent }
}

/// Whether a key is followed by `:`, and whether blanks stand before and after its delimiter.
fn spacing(file: &File<'_>, entry: &Entry) -> (bool, bool, bool) {
    let Some(at) = entry.delimiter else { return (false, true, true) };
    let colon = file.text[at..].starts_with(':');
    let before = at > entry.key.end;
    let empty = entry.value.is_empty();
    let after = if empty { before || colon } else { entry.value.start > at + 1 };
    // After a colon without blanks around, `=` without blanks is what comes closest.
    (colon, before || colon && after, after)
}

/// The indentation of lines that continue a value.
pub(super) fn deeper(indent: &str) -> String {
    format!("{indent}{}", if indent.contains('\t') { "\t" } else { "    " })
}

/// The lines of a value after its first.
pub(super) fn more(value: &[&str], deeper: &str, end: &str) -> Zeroizing<String> {
    let rest = value.get(1..).unwrap_or_default();
    let room = rest.iter().map(|line| line.len() + deeper.len() + end.len()).sum();
    let mut out = Zeroizing::new(String::with_capacity(room));
    for line in rest {
        out.push_str(end);
        if !line.is_empty() {
            out.push_str(deeper);
            out.push_str(line);
        }
    }
    out
}

/// Whether the file has blank lines between its sections; with nothing to go by, it will.
pub(super) fn spaced(file: &File<'_>) -> bool {
    let headers: Vec<usize> = file.sections.iter().filter_map(|section| section.header).collect();
    let (mut tight, mut loose) = (0, 0);
    for header in headers {
        let above = file.lines[..header].iter().rev().find(|line| line.kind != Kind::Comment);
        match above.map(|line| line.kind) {
            None => {}
            Some(Kind::Blank) => loose += 1,
            Some(_) => tight += 1,
        }
    }
    loose > 0 || tight == 0
}
