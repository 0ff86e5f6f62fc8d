//! Which bytes go when places are taken out.

use std::collections::BTreeSet;
use std::ops::Range;

use super::edit::{by_key, single};
use super::form::{Form, Table};
use super::layout::Layout;
use super::scan::Inline;
use crate::rules::handler::comma_list::Comments;
use crate::rules::handler::places::Places;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind};
use crate::rules::key_path::KeyPath;

/// Takes places out of a file.
pub(super) struct Removal<'a> {
    layout: &'a Layout<'a>,
    edits: Splice,
    /// Statements that go.
    headers: BTreeSet<usize>,
    pairs: BTreeSet<usize>,
    changed: Vec<(usize, Change)>,
}

impl<'a> Removal<'a> {
    /// The edits and what they take out, in the file's order.
    pub(super) fn run(layout: &'a Layout<'a>, root: &Table, places: &Places) -> (Splice, Vec<Change>) {
        let (headers, pairs, changed) = Default::default();
        let mut removal = Self { layout, edits: Splice::default(), headers, pairs, changed };
        removal.table(root, places, &KeyPath::root());
        removal.empty_sections(root);
        removal.lines();
        removal.changed.sort_by_key(|(at, _)| *at);
        (removal.edits, removal.changed.into_iter().map(|(_, change)| change).collect())
    }

    fn table(&mut self, table: &Table, places: &Places, path: &KeyPath) {
        for (key, places) in &places.below {
            let path = path.child(key);
            let Some(form) = table.children.get(key) else { continue };
            if places.whole {
                let (headers, pairs) = (form.headers(), form.pairs());
                let first = headers.iter().chain(&pairs).min().copied().unwrap_or(0);
                self.headers.extend(headers);
                self.pairs.extend(pairs);
                self.note(self.layout.statements[first].at.start, path);
                continue;
            }
            match form {
                Form::Table(below) => self.table(below, places, &path),
                Form::Value(pair) => {
                    if let Some(inline) = self.layout.node(*pair).and_then(|node| node.inline.as_ref()) {
                        self.inline(inline, places, &path);
                    }
                }
                Form::Tables(_) => {}
            }
        }
    }

    fn note(&mut self, at: usize, path: KeyPath) {
        self.changed.push((at, Change { path, kind: ChangeKind::Removed }));
    }

    fn inline(&mut self, inline: &Inline, places: &Places, path: &KeyPath) {
        let mut gone = BTreeSet::new();
        let all: Vec<_> = (0..inline.members.len()).collect();
        self.members(inline, (&all, 0), places, path, &mut gone);
        if !gone.is_empty() {
            inline.list.remove(self.layout.text, Comments::Hash, &gone, &mut self.edits);
        }
    }

    fn members(
        &mut self,
        inline: &Inline,
        (members, depth): (&[usize], usize),
        places: &Places,
        path: &KeyPath,
        gone: &mut BTreeSet<usize>,
    ) {
        let groups = by_key(inline, members, depth);
        for (key, places) in &places.below {
            let path = path.child(key);
            let Some(group) = groups.get(key.as_str()) else { continue };
            if places.whole {
                gone.extend(group);
                self.note(inline.list.items[group[0]].at.start, path);
            } else if let Some(node) = single(inline, group, depth) {
                if let Some(below) = &node.inline {
                    self.inline(below, places, &path);
                }
            } else {
                self.members(inline, (group, depth + 1), places, &path, gone);
            }
        }
    }

    /// A header that has lost all its pairs goes too, where other headers still make its table.
    fn empty_sections(&mut self, table: &Table) {
        for form in table.children.values() {
            if let Form::Table(below) = form {
                self.empty_sections(below);
            }
        }
        let Some(header) = table.header.filter(|header| !self.headers.contains(header)) else { return };
        let mut own = self.layout.own_pairs(table);
        let stays = |header: &usize| !self.headers.contains(header);
        let below = table.children.values().any(|form| form.headers().iter().any(stays));
        if own.is_empty() || !below || !own.clone().all(|pair| self.pairs.contains(&pair)) {
            return;
        }
        let commented = |lines: Range<usize>| self.layout.text[lines].contains('#');
        let head = self.layout.statements[header].at.end..self.layout.lines(header).end;
        let between = own.any(|pair| {
            let above = self.layout.lines(pair - 1).end;
            commented(above..self.layout.lines(pair).start)
        });
        if !commented(head) && !between {
            self.headers.insert(header);
        }
    }

    /// Takes out the lines of all that goes, and the blank line that set it apart.
    fn lines(&mut self) {
        let layout = self.layout;
        let sections: Vec<_> =
            self.headers.iter().map(|header| *header..layout.next_header(*header)).collect();
        let mut blocks: Vec<(Range<usize>, bool)> =
            self.headers.iter().map(|header| (layout.section(*header), true)).collect();
        for &pair in &self.pairs {
            let before = sections.partition_point(|section| section.start < pair);
            if before == 0 || sections[before - 1].end <= pair {
                blocks.push((layout.lines(pair), false));
            }
        }
        blocks.sort_by_key(|(block, _)| block.start);
        let root_stays = (0..layout.root_pairs()).any(|pair| !self.pairs.contains(&pair));
        let first_header = layout.statements.get(layout.root_pairs()).map(|header| header.at.start);
        let mut run = 0;
        let mut gone_to = 0;
        for (at, (block, is_section)) in blocks.iter().enumerate() {
            let next = layout.next_line(block.end);
            let end = next.unwrap_or(block.end);
            if at == 0 || gone_to != block.start {
                run = block.start;
            }
            gone_to = end;
            self.edits.delete(block.start..end);
            let adjoins = blocks.get(at + 1).is_some_and(|(after, _)| after.start == end && !*is_section);
            let above = layout.line_above(run);
            let set_apart = above.as_ref().is_none_or(|line| layout.is_blank(line));
            if *is_section && let Some(above) = above.filter(|line| layout.is_blank(line)) {
                self.edits.delete(above.start..block.start);
                continue;
            }
            let in_root = first_header.is_some_and(|header| block.end <= header);
            let clear = set_apart || (in_root && !root_stays && !*is_section);
            if !adjoins && clear {
                gone_to = self.blank_below(end);
            }
        }
        self.no_final_break(&blocks);
    }

    /// Takes out a blank line at `at`, unless only blank lines follow; says where what stays begins.
    fn blank_below(&mut self, at: usize) -> usize {
        let layout = self.layout;
        let line = at..layout.line_end(at);
        match layout.next_line(line.end) {
            Some(next) if layout.is_blank(&line) && !layout.text[at..].trim().is_empty() => {
                self.edits.delete(at..next);
                next
            }
            _ => at,
        }
    }

    /// A file whose last line has no line break keeps it so when that line goes.
    fn no_final_break(&mut self, blocks: &[(Range<usize>, bool)]) {
        let text = self.layout.text;
        if blocks.last().is_none_or(|(block, _)| block.end != text.len()) {
            return;
        }
        let mut spans = self.edits.spans();
        let mut end = text.len();
        while let Some(span) = spans.pop() {
            if span.end < end {
                break;
            }
            end = end.min(span.start);
        }
        let kept = &text[..end];
        let kept = kept.strip_suffix('\n').map_or(kept, |kept| kept.strip_suffix('\r').unwrap_or(kept));
        self.edits.delete(kept.len()..end);
    }
}
