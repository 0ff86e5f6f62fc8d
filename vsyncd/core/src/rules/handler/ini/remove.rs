//! What is taken out of a file.

use std::collections::{BTreeMap, HashMap};

use super::file::{File, Kind};
use crate::rules::handler::lines::whole_lines;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind};
use crate::rules::key_path::KeyPath;

/// Keys and sections that were found, by their place in the file.
pub(super) struct Taken {
    /// The entries that go.
    pub(super) entries: Vec<bool>,
    /// The parts of sections that go with all their keys.
    pub(super) sections: Vec<bool>,
    changes: BTreeMap<usize, Change>,
}

/// A path of one name is a section, one of two names the last such key of it; a key that is named several
/// times is as many of the last ones.
pub(super) fn find(file: &File<'_>, places: &[KeyPath]) -> Taken {
    let mut taken = Taken {
        entries: vec![false; file.entries.len()],
        sections: vec![false; file.sections.len()],
        changes: BTreeMap::new(),
    };
    let mut known: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (at, entry) in file.entries.iter().enumerate() {
        known.entry((file.section_of(entry), file.key_of(entry))).or_default().push(at);
    }
    let mut parts: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, section) in file.sections.iter().enumerate() {
        parts.entry(section.name).or_default().push(at);
    }
    for place in places {
        if let [name] = place.0.as_slice()
            && let Some(parts) = parts.get(name.as_str())
        {
            taken.section(file, parts, place);
        }
    }
    for place in places {
        let [section, key] = place.0.as_slice() else { continue };
        let Some(at) = known.get_mut(&(section.as_str(), key.as_str())).and_then(Vec::pop) else { continue };
        if !taken.entries[at] {
            taken.entries[at] = true;
            taken.change(file.entries[at].key.start, place);
        }
    }
    taken
}

impl Taken {
    fn change(&mut self, at: usize, path: &KeyPath) {
        self.changes.insert(at, Change { path: path.clone(), kind: ChangeKind::Removed });
    }

    fn section(&mut self, file: &File<'_>, parts: &[usize], place: &KeyPath) {
        let mut first = None;
        for &at in parts {
            let section = &file.sections[at];
            let there = section.header.is_some() || !section.entries.is_empty();
            if there && !self.sections[at] {
                self.sections[at] = true;
                self.entries[section.entries.clone()].fill(true);
                let key = file.entries.get(section.entries.start).map(|entry| entry.lines.start);
                let line = section.header.or(key).unwrap_or_default();
                first = first.or(Some(file.lines[line].whole.start));
            }
        }
        if let Some(first) = first {
            self.change(first, place);
        }
    }

    /// What goes, in the file's order.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.changes.values().cloned().collect()
    }

    /// The edits. With a section goes the blank line above it, and with the last key above all headers the one
    /// below: they came with them.
    pub(super) fn splice(&self, file: &File<'_>) -> Splice {
        let mut gone = vec![false; file.lines.len()];
        for (entry, _) in file.entries.iter().zip(&self.entries).filter(|(_, gone)| **gone) {
            gone[entry.lines.clone()].fill(true);
        }
        for (section, _) in file.sections.iter().zip(&self.sections).filter(|(_, gone)| **gone) {
            let Some(header) = section.header else { continue };
            let last =
                section.entries.clone().next_back().map_or(header + 1, |at| file.entries[at].lines.end);
            gone[header..last].fill(true);
            if header > 1 && file.lines[header - 1].kind == Kind::Blank {
                gone[header - 1] = true;
            }
        }
        self.blank_below(file, &mut gone);
        let mut splice = Splice::default();
        let mut at = 0;
        while at < gone.len() {
            let count = gone[at..].iter().take_while(|gone| **gone).count();
            if count > 0 {
                let range = file.lines[at].whole.start..file.lines[at + count - 1].whole.end;
                splice.delete(whole_lines(file.text, range));
            }
            at += count.max(1);
        }
        splice
    }

    fn blank_below(&self, file: &File<'_>, gone: &mut [bool]) {
        let nameless = file.sections[0].entries.clone();
        let all = nameless.clone().all(|at| self.entries[at]);
        let Some(last) = nameless.last().filter(|_| all && file.sections.len() > 1) else { return };
        let below = file.entries[last].lines.end;
        if file.lines.get(below).is_some_and(|line| line.kind == Kind::Blank) {
            gone[below] = true;
        }
    }
}
