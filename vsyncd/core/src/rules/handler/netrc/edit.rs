//! The edits that make a file hold what is wanted.

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::Index;
use super::file::{Entry, File, Macro};
use super::quote;
use super::wanted::Wanted;
use crate::rules::handler::lines::line_ending;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind};
use crate::rules::key_path::KeyPath;

/// The edits, and what they change in the file's order.
pub(super) fn plan(file: &File<'_>, data: &File<'_>, wanted: &[Wanted<'_>]) -> (Splice, Vec<Change>) {
    let index = Index::of(file);
    let mut editor = Editor { file, splice: Splice::default(), changes: Vec::new() };
    let mut fresh = Vec::new();
    for wanted in wanted {
        let there = index.find(&wanted.machine, &wanted.login, wanted.alone);
        if there.is_empty() {
            fresh.push(wanted);
        }
        let there: Vec<&Entry<'_>> = there.iter().map(|at| &file.entries[*at]).collect();
        editor.present(&there, wanted);
    }
    editor.fresh(&fresh, &index, data);
    let mut changes = editor.changes;
    changes.sort_by_key(|(at, _)| *at);
    // Entries that stand twice are one place.
    let mut told = HashSet::new();
    let changes = changes.into_iter().map(|(_, change)| change);
    (editor.splice, changes.filter(|change| told.insert(change.path.clone())).collect())
}

struct Editor<'f, 'a> {
    file: &'f File<'a>,
    splice: Splice,
    /// With the byte that each begins at.
    changes: Vec<(usize, Change)>,
}

impl Editor<'_, '_> {
    fn changed(&mut self, at: usize, path: KeyPath, kind: ChangeKind) {
        self.changes.push((at, Change { path, kind }));
    }

    /// Gives the fields to the entries, which are all the same to readers.
    fn present(&mut self, entries: &[&Entry<'_>], wanted: &Wanted<'_>) {
        for (name, value) in &wanted.fields {
            let path = wanted.entry().child(name);
            let known = |entry: &&&Entry<'_>| entry.fields.iter().any(|field| field.name == *name);
            let kind = if entries.iter().any(|entry| known(&entry)) {
                ChangeKind::Replaced
            } else {
                ChangeKind::Added
            };
            for entry in entries.iter().filter(|entry| !known(entry)) {
                self.field(entry, name, value);
                self.changed(entry.end, path.clone(), kind);
            }
            let fields = entries.iter().flat_map(|entry| &entry.fields);
            for field in fields.filter(|field| field.name == *name) {
                let raw = &self.file.text[field.value.clone()];
                if quote::read(raw).as_ref() != Some(value) {
                    self.splice.replace(field.value.clone(), quote::write(value, Some(raw)));
                    self.changed(field.keyword.start, path.clone(), kind);
                }
            }
        }
    }

    /// Adds a field to an entry: on a line of its own where the last one has its own.
    fn field(&mut self, entry: &Entry<'_>, name: &str, value: &str) {
        let file = self.file;
        let apart = entry.fields.last().is_some_and(|last| file.begins_line(last.keyword.start));
        let value = quote::write(value, None);
        if apart && file.ends_line(entry.end) {
            let indent = indent(file, entry).unwrap_or_default();
            let text = joined(&[line_ending(file.text), indent, name, " ", &value]);
            self.splice.insert(file.line_end(entry.end).0, text);
        } else {
            self.splice.insert(entry.end, joined(&[" ", name, " ", &value]));
        }
    }

    /// Adds entries above the default, else at the end.
    fn fresh(&mut self, wanted: &[&Wanted<'_>], index: &Index, data: &File<'_>) {
        if wanted.is_empty() {
            return;
        }
        let file = self.file;
        let default = file.entries.iter().find(|entry| entry.machine.is_none());
        let place = default.map_or_else(|| at_the_end(file), |entry| above(file, entry));
        let apart = spaced(file, |_| false);
        let layout = layout(file).or_else(|| layout(data)).flatten();
        let end = line_ending(file.text);
        let mut pieces: Vec<Zeroizing<String>> = Vec::new();
        if place.closes_macro {
            pieces.push(Zeroizing::default());
        }
        for (number, wanted) in wanted.iter().enumerate() {
            if apart && default.is_none() && (number > 0 || place.blank_above) {
                pieces.push(Zeroizing::default());
            }
            pieces.push(entry_text(wanted, layout, end));
            if apart && default.is_some() {
                pieces.push(Zeroizing::default());
            }
            let first = index.machine(&wanted.machine).is_empty();
            let path = if first { KeyPath::from_iter([wanted.machine.as_str()]) } else { wanted.entry() };
            self.changed(place.at, path, ChangeKind::Added);
        }
        let open = place.at > 0 && !file.text[..place.at].ends_with('\n');
        let mut parts = if open { vec![end] } else { Vec::new() };
        for piece in &pieces {
            parts.extend([piece.as_str(), end]);
        }
        if open && place.at == file.text.len() {
            parts.pop();
        }
        self.splice.insert(place.at, joined(&parts));
    }
}

/// Where entries are added.
struct Place {
    at: usize,
    /// Whether an empty line has to end a macro first.
    closes_macro: bool,
    /// Whether a blank line may set the first entry apart from what is above.
    blank_above: bool,
}

/// Above an entry and the comments that are about it.
fn above(file: &File<'_>, entry: &Entry<'_>) -> Place {
    let at = if file.begins_line(entry.start) { file.head(entry) } else { entry.start };
    Place { at, closes_macro: false, blank_above: false }
}

/// Below everything but trailing blank lines. The empty line that ends a macro is none of these.
fn at_the_end(file: &File<'_>) -> Place {
    let used = file.text.trim_end().len();
    let last = if used == 0 { 0 } else { file.line_end(used).1 };
    match file.macros.last() {
        Some(open) if open.closed.is_none() => {
            Place { at: file.text.len(), closes_macro: true, blank_above: false }
        }
        Some(Macro { closed: Some(closed), .. }) if *closed >= last => {
            Place { at: *closed, closes_macro: false, blank_above: false }
        }
        _ => Place { at: last, closes_macro: false, blank_above: used > 0 },
    }
}

/// Whether the file has blank lines between its entries, but for some of them.
pub(super) fn spaced(file: &File<'_>, but: impl Fn(usize) -> bool) -> bool {
    let (mut tight, mut loose) = (0, 0);
    let entries = file.entries.iter().enumerate().filter(|(at, _)| !but(*at)).skip(1);
    for (_, entry) in entries.filter(|(_, entry)| file.begins_line(entry.start)) {
        let head = file.head(entry);
        let of_macro = file.closes_macro(head);
        match file.line_above(head) {
            Some(above) if !of_macro && file.line(above).is_empty() => loose += 1,
            Some(_) if !of_macro => tight += 1,
            _ => {}
        }
    }
    loose > tight
}

/// The blanks before an entry's first field that has a line of its own.
fn indent<'a>(file: &File<'a>, entry: &Entry<'_>) -> Option<&'a str> {
    let own = entry.fields.iter().find(|field| file.begins_line(field.keyword.start))?;
    Some(&file.text[file.line_start(own.keyword.start)..own.keyword.start])
}

/// How the last machine is laid out: none without machines, else the indentation of its fields if they have
/// lines of their own.
fn layout<'a>(file: &File<'a>) -> Option<Option<&'a str>> {
    let last = file.entries.iter().rev().find(|entry| entry.machine.is_some());
    last.map(|entry| indent(file, entry))
}

/// A whole entry, without a final line end.
fn entry_text(wanted: &Wanted<'_>, layout: Option<&str>, end: &str) -> Zeroizing<String> {
    let machine = quote::write(&wanted.machine, None);
    let login = Some(("login", &wanted.login)).filter(|(_, login)| !login.is_empty());
    let fields = login.into_iter().chain(wanted.fields.iter().map(|(name, value)| (*name, value)));
    let fields: Vec<_> = fields.map(|(name, value)| (name, quote::write(value, None))).collect();
    let mut pieces = vec!["machine ", &machine];
    for (name, value) in &fields {
        match layout {
            Some(indent) => pieces.extend([end, indent, name, " ", value]),
            None => pieces.extend([" ", name, " ", value]),
        }
    }
    joined(&pieces)
}

fn joined(pieces: &[&str]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        out.push_str(piece);
    }
    out
}
