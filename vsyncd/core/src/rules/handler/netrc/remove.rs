//! What is taken out of a file.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::Index;
use super::edit::spaced;
use super::file::{Entry, File};
use crate::rules::handler::lines::whole_lines;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind};
use crate::rules::key_path::KeyPath;

/// Entries and fields that were found, by their place in the file.
pub(super) struct Taken {
    pub(super) entries: Vec<bool>,
    /// By entry and field.
    pub(super) fields: Vec<(usize, usize)>,
    changes: BTreeMap<usize, Change>,
}

/// A path of one name is a machine, one of two an entry, one of three a field.
pub(super) fn find(file: &File<'_>, places: &[KeyPath]) -> Taken {
    let index = Index::of(file);
    let mut taken =
        Taken { entries: vec![false; file.entries.len()], fields: Vec::new(), changes: BTreeMap::new() };
    let with_login: HashSet<&str> = places
        .iter()
        .filter_map(|place| match place.0.as_slice() {
            [machine, login, ..] if !login.is_empty() => Some(machine.as_str()),
            _ => None,
        })
        .collect();
    for place in places {
        let (found, field) = match place.0.as_slice() {
            [machine] => (index.machine(machine), None),
            // Only an entry that was added goes as a whole, and that one has no login either.
            [machine, login] => (index.find(machine, login, false), None),
            [machine, login, field] => {
                let alone = !with_login.contains(machine.as_str());
                (index.find(machine, login, alone), Some(field))
            }
            _ => continue,
        };
        let mut first = None;
        for &at in found {
            let entry = &file.entries[at];
            let Some(name) = field else {
                taken.entries[at] = true;
                first = first.or(Some(entry.start));
                continue;
            };
            for (number, field) in entry.fields.iter().enumerate().filter(|(_, field)| field.name == name) {
                taken.fields.push((at, number));
                first = first.or(Some(field.keyword.start));
            }
        }
        if let Some(first) = first {
            let change = Change { path: place.clone(), kind: ChangeKind::Removed };
            taken.changes.entry(first).or_insert(change);
        }
    }
    let Taken { entries, fields, .. } = &mut taken;
    fields.retain(|(at, _)| !entries[*at]);
    fields.sort_unstable();
    fields.dedup();
    taken
}

impl Taken {
    /// What goes, in the file's order.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.changes.values().cloned().collect()
    }

    /// The edits.
    pub(super) fn splice(&self, file: &File<'_>) -> Splice {
        let apart = spaced(file, |at| self.entries[at]);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (at, entry) in file.entries.iter().enumerate().filter(|(at, _)| self.entries[*at]) {
            ranges.push(self.entry(file, at, entry, apart));
        }
        for (at, number) in &self.fields {
            ranges.push(field(file, &file.entries[*at], *number));
        }
        ranges.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        let mut splice = Splice::default();
        for range in joined {
            let lines = range.start == file.line_start(range.start);
            splice.delete(if lines { whole_lines(file.text, range) } else { range });
        }
        splice
    }

    /// An entry's lines, with the blank line that sets it apart.
    fn entry(&self, file: &File<'_>, at: usize, entry: &Entry<'_>, apart: bool) -> Range<usize> {
        if !file.begins_line(entry.start) || !file.ends_line(entry.end) {
            let rest = &file.text[entry.end..file.line_end(entry.end).0];
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            return entry.start..entry.end + blanks;
        }
        let (start, end) = (file.line_start(entry.start), file.line_end(entry.end).1);
        let next = file.entries.get(at + 1..).unwrap_or_default().iter().enumerate();
        let next = next.into_iter().find(|(more, _)| !self.entries[at + 1 + more]);
        let before_default = next.is_some_and(|(_, next)| next.machine.is_none());
        if apart && before_default && end < file.text.len() && file.line(end).is_empty() {
            return start..file.line_end(end).1;
        }
        let closing = file.closes_macro(start);
        match file.line_above(start) {
            Some(above) if apart && !before_default && !closing && file.line(above).is_empty() => above..end,
            _ => start..end,
        }
    }
}

/// A field with its line, or with the blanks before it.
fn field(file: &File<'_>, entry: &Entry<'_>, number: usize) -> Range<usize> {
    let field = &entry.fields[number];
    if file.begins_line(field.keyword.start) && file.ends_line(field.value.end) {
        return file.line_start(field.keyword.start)..file.line_end(field.value.end).1;
    }
    let before = &file.text[..field.keyword.start];
    before.trim_end_matches([' ', '\t']).len()..field.value.end
}
