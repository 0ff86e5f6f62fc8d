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
            for at in 0..entries.len() {
                if self.taken.contains(&entries[at].start) {
                    self.take_flow(mapping, entries, at);
                }
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
        if gone.len() == entries.len() && !refilled && root != Some(mapping) {
            self.edits.insert(self.empty_place(mapping), " {}".to_owned());
        }
        Ok(())
    }

    /// Where `{}` can stand for a block mapping: after what comes before its first line.
    fn empty_place(&self, mapping: NodeId) -> usize {
        let node = self.tree.node(mapping);
        let holder = |at: &NodeId| {
            let found = self.tree.entries(*at).iter().find(|entry| entry.value == mapping);
            found.and_then(|entry| entry.colon)
        };
        let colon = (0..self.tree.nodes.len()).find_map(|at| holder(&at));
        node.properties.end().unwrap_or_else(|| colon.map_or(node.span.start, |colon| colon + 1))
    }

    fn take_flow(&mut self, mapping: NodeId, entries: &[Entry], at: usize) {
        let tree = self.tree;
        let bytes = tree.text.as_bytes();
        let entry = &entries[at];
        let (start, end) = (entry.start, end_of(tree, entry));
        let close = tree.node(mapping).span.end - 1;
        let next = entries.get(at + 1).map_or(close, |next| next.start);
        let own = comma(tree, end, next);
        let line = tree.line_start(start);
        let leads = tree.text[line..start].bytes().all(|byte| byte.is_ascii_whitespace());
        let before = entries[..at].iter().rposition(|entry| !self.taken.contains(&entry.start));
        let last = at + 1 == entries.len();
        let kept_end = before.map(|before| end_of(tree, &entries[before]));
        let kept_comma =
            before.and_then(|before| comma(tree, end_of(tree, &entries[before]), entries[before + 1].start));
        if let (true, false, Some(_), Some(kept)) = (last, leads, own, kept_end)
            && before.is_some_and(|before| before + 1 == at)
            && tree.line_end(kept) > start
        {
            self.edits.delete(kept..end);
            return;
        }
        if last && own.is_none() && let Some(comma) = kept_comma {
            if !leads && before.is_some_and(|before| before + 1 == at) && tree.line_end(comma) > start {
                self.edits.delete(comma..end);
                return;
            }
            self.edits.delete(comma..comma + 1);
        }
        let mut stop = own.map_or(end, |comma| comma + 1);
        while bytes.get(stop).copied().is_some_and(is_blank) && (own.is_some() || leads) {
            stop += 1;
        }
        let rest = &tree.text[stop..tree.line_end(stop)];
        if leads && line > tree.node(mapping).span.start && (rest.is_empty() || rest.starts_with('#')) {
            self.edits.delete(line..tree.next_line(stop));
        } else {
            self.edits.delete(start..stop);
        }
    }
}
