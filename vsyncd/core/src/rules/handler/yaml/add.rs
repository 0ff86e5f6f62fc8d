//! Adds entries to mappings.

use super::emit::{Layout, flow_entry};
use super::planner::Planner;
use super::tree::{Entry, Kind, NodeId, Style, Tree, line_ending};
use super::value::{Quoting, Scalar, Value};
use crate::rules::handler::ChangeKind;
use crate::rules::key_path::KeyPath;

/// Where an entry ends.
pub(super) fn end_of(tree: &Tree<'_>, entry: &Entry) -> usize {
    let end = |id: NodeId| {
        let node = tree.node(id);
        node.span.end.max(node.properties.end().unwrap_or(0))
    };
    let colon = entry.colon.map_or(entry.start + 1, |colon| colon + 1);
    end(entry.key).max(colon).max(end(entry.value))
}

/// The comma between `from` and `to`, where no comment holds it.
pub(super) fn comma(tree: &Tree<'_>, from: usize, to: usize) -> Option<usize> {
    let bytes = tree.text.as_bytes();
    let mut at = from;
    while at < to {
        match bytes[at] {
            b',' => return Some(at),
            b'#' => at = tree.line_end(at),
            _ => at += 1,
        }
    }
    None
}

impl Layout {
    /// The habits of a file.
    pub(super) fn of(tree: &Tree<'_>) -> Self {
        let eol = line_ending(tree.text.as_bytes());
        let (mut unit, mut flush) = (None, None);
        for node in &tree.nodes {
            let Kind::Mapping { flow: false, entries } = &node.kind else { continue };
            if unit.is_some() && flush.is_some() {
                break;
            }
            let column = |at: usize| at - tree.line_start(at);
            for entry in entries {
                let value = tree.node(entry.value);
                let (key, below) = (column(entry.start), column(value.span.start));
                match value.kind {
                    Kind::Mapping { flow: false, .. } if unit.is_none() && below > key => {
                        unit = Some(below - key);
                    }
                    Kind::Sequence { flow: false, .. } if flush.is_none() => flush = Some(below <= key),
                    _ => {}
                }
            }
        }
        Self { eol, unit: unit.unwrap_or(2), flush: flush.unwrap_or(false), last: false }
    }
}

impl Planner<'_, '_, '_> {
    /// Adds entries to a document without content.
    pub(super) fn add_document(&mut self, incoming: &[(Scalar, Value)]) {
        let at = self.tree.first.as_ref().map_or(self.tree.vacant, |document| document.end);
        let entries: Vec<_> =
            incoming.iter().filter_map(|(key, value)| Some((key.clone(), self.nulls.left(value)?))).collect();
        for (key, _) in &entries {
            self.changes.push((at, KeyPath::root().child(&key.text), ChangeKind::Added));
        }
        if !entries.is_empty() {
            let lines = self.layout_at(at).entries(&entries, 0);
            self.edits.insert(at, lines + self.layout.eol);
        }
    }

    /// The habits of the file for what is written at this byte.
    pub(super) fn layout_at(&self, at: usize) -> Layout {
        Layout { last: self.tree.is_last(at), ..self.layout }
    }

    /// Adds entries at the end of a mapping.
    pub(super) fn add(&mut self, mapping: NodeId, new: &[(Scalar, Value, KeyPath)]) {
        if new.is_empty() {
            return;
        }
        let node = self.tree.node(mapping);
        let pairs: Vec<_> = new.iter().map(|(key, value, _)| (key.clone(), value.clone())).collect();
        let at = match &node.kind {
            Kind::Mapping { flow: false, entries } => self.add_block(entries, &pairs),
            Kind::Mapping { entries, .. } => self.add_flow(mapping, entries, &pairs),
            _ => return,
        };
        for (_, _, path) in new {
            self.changes.push((at, path.clone(), ChangeKind::Added));
        }
    }

    fn add_block(&mut self, entries: &[Entry], new: &[(Scalar, Value)]) -> usize {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return 0 };
        let column = self.column(first.start);
        let at = self.tree.next_line(end_of(self.tree, last));
        let lines = self.layout_at(at).entries(new, column);
        self.edits.insert(at, format!("{:column$}{lines}{}", "", self.layout.eol));
        at
    }

    fn add_flow(&mut self, mapping: NodeId, entries: &[Entry], new: &[(Scalar, Value)]) -> usize {
        let tree = self.tree;
        let span = tree.node(mapping).span.clone();
        let live: Vec<&Entry> = entries.iter().filter(|entry| !self.taken.contains(&entry.start)).collect();
        let json = entries
            .first()
            .is_some_and(|entry| matches!(tree.node(entry.key).kind, Kind::Scalar(Style::Double)));
        let wish = json.then_some(Quoting::Double);
        let words: Vec<String> = new.iter().map(|(key, value)| flow_entry(key, value, wish)).collect();
        let Some(last) = live.last() else {
            self.edits.insert(span.start + 1, words.join(", "));
            return span.start + 1;
        };
        let end = end_of(tree, last);
        let before = tree.text[..last.start].trim_end_matches([' ', '\t']);
        let indent = &tree.text[before.len()..last.start];
        let own_lines = live.len() == entries.len()
            && (before.is_empty() || before.ends_with(['\n', '\r', '\u{feff}']))
            && tree.line_end(end) < span.end - 1;
        let comma = comma(tree, end, span.end - 1);
        if !own_lines {
            self.edits.insert(end, words.iter().map(|word| format!(", {word}")).collect::<String>());
            return end;
        }
        let lines: Vec<String> =
            words.iter().map(|word| format!("{}{indent}{word}", self.layout.eol)).collect();
        let at = tree.line_end(comma.unwrap_or(end));
        if comma.is_some() {
            self.edits.insert(at, lines.iter().map(|line| format!("{line},")).collect::<String>());
        } else {
            self.edits.insert(end, ",".to_owned());
            self.edits.insert(at, lines.join(","));
        }
        at
    }
}
