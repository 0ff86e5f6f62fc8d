//! Takes entries out of mappings.

use super::add::{comma, end_of};
use super::planner::Planner;
use super::tree::{Entry, Kind, NodeId, is_blank};
use crate::rules::handler::{ChangeKind, MergeError};
use crate::rules::key_path::KeyPath;

impl Planner<'_, '_, '_> {
    /// Takes these entries out of a mapping. `refilled`: others are added to it.
    pub(super) fn take(
        &mut self,
        mapping: NodeId,
        gone: &[(Entry, KeyPath)],
        refilled: bool,
    ) -> Result<(), MergeError> {
        let tree = self.tree;
        let Kind::Mapping { flow, entries } = &tree.node(mapping).kind else { return Ok(()) };
        for (entry, path) in gone {
            self.taken.insert(entry.start);
            self.changes.push((entry.start, path.clone(), ChangeKind::Removed));
            self.gone(entry.start..end_of(tree, entry), None, path);
        }
        if *flow {
            if !gone.is_empty() {
                self.take_flow(mapping, entries);
            }
            return Ok(());
        }
        for (entry, path) in gone {
            let start = tree.line_start(entry.start);
            if !tree.text[start..entry.start].bytes().all(is_blank) {
                let at = self.position(entry.start);
                let what = "it shares its line with what is around it";
                return Err(MergeError::Unsupported { path: path.clone(), at, what });
            }
            self.edits.delete(start..tree.next_line(end_of(tree, entry)));
        }
        let root = tree.first.as_ref().and_then(|document| document.root);
        if gone.len() == entries.len() && !refilled {
            if root != Some(mapping) {
                self.edits.insert(self.empty_place(mapping), " {}".to_owned());
            } else if let Some((entry, _)) = gone.first()
                && self.needs_content(entry.start)
            {
                let start = tree.line_start(entry.start);
                self.edits.insert(start, format!("{{}}{}", self.layout.eol));
            }
        }
        Ok(())
    }

    /// Whether the first document, whose content begins here, cannot be left without any: a common reader
    /// refuses a `...` that ends a document which nothing began.
    fn needs_content(&self, start: usize) -> bool {
        let ended =
            self.tree.first.as_ref().is_some_and(|first| self.tree.text[first.end..].starts_with("..."));
        ended && !self.tree.text[..start].lines().any(|line| line.starts_with("---"))
    }

    /// Where `{}` can stand for a block mapping: after what comes before its first line.
    fn empty_place(&self, mapping: NodeId) -> usize {
        let node = self.tree.node(mapping);
        let colon = self.holder(mapping).and_then(|holder| holder.colon);
        node.properties.end().unwrap_or_else(|| colon.map_or(node.span.start, |colon| colon + 1))
    }

    /// Takes the marked entries out of a flow mapping, with their commas.
    fn take_flow(&mut self, mapping: NodeId, entries: &[Entry]) {
        let tree = self.tree;
        let close = tree.node(mapping).span.end - 1;
        let kept = entries.iter().rposition(|entry| !self.taken.contains(&entry.start));
        let end = entries.last().map_or(close, |last| end_of(tree, last));
        let mut until = entries.len();
        if let Some(kept) = kept.filter(|kept| kept + 1 < entries.len()) {
            let kept_end = end_of(tree, &entries[kept]);
            if tree.line_end(kept_end) > end {
                // The last ones, in the line of what stays: what parts them goes, what follows stays.
                self.edits.delete(kept_end..end);
                until = kept;
            } else if comma(tree, end, close).is_none()
                && let Some(comma) = comma(tree, kept_end, entries[kept + 1].start)
            {
                self.edits.delete(comma..comma + 1);
            }
        }
        for (at, entry) in entries.iter().enumerate().take(until) {
            if self.taken.contains(&entry.start) {
                let next = entries.get(at + 1).map_or(close, |next| next.start);
                self.take_one(tree.node(mapping).span.start, entry, next);
            }
        }
    }

    /// Takes one entry out of a flow mapping with the comma after it; a line of its own goes whole.
    fn take_one(&mut self, open: usize, entry: &Entry, next: usize) {
        let tree = self.tree;
        let end = end_of(tree, entry);
        let line = tree.line_start(entry.start);
        let leads = line > open && tree.text[line..entry.start].bytes().all(is_blank);
        let comma = comma(tree, end, next);
        let mut stop = comma.map_or(end, |comma| comma + 1);
        if leads || comma.is_some() {
            stop += tree.text[stop..].bytes().take_while(|byte| is_blank(*byte)).count();
        }
        let rest = &tree.text[stop..tree.line_end(stop)];
        if leads && (rest.is_empty() || rest.starts_with('#')) {
            self.edits.delete(line..tree.next_line(stop));
        } else {
            self.edits.delete(entry.start..stop);
        }
    }
}
