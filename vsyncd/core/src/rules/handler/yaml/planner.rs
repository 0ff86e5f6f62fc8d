//! Walks the existing document along the incoming data and collects the edits.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::class::{self, Class};
use super::emit::Layout;
use super::tree::{Entry, Kind, NodeId, Style, Tree};
use super::value::{Nulls, Reader, Scalar, Value};
use crate::rules::handler::source::Fault;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{ChangeKind, MergeError, Position};
use crate::rules::key_path::KeyPath;

/// A scalar behind an alias that is to have another value.
struct Shared<'v> {
    path: KeyPath,
    mapping: NodeId,
    entry: Entry,
    target: NodeId,
    value: &'v Value,
}

/// A part of the file that goes away, and what to call it.
struct Gone {
    span: Range<usize>,
    /// A node in it whose anchor stays.
    kept: Option<NodeId>,
    path: KeyPath,
}

/// The edits so far, and what they mean.
pub(super) struct Planner<'a, 't, 'v> {
    pub(super) tree: &'a Tree<'t>,
    pub(super) layout: Layout,
    pub(super) edits: Splice,
    /// With the byte in the file that gives the order.
    pub(super) changes: Vec<(usize, KeyPath, ChangeKind)>,
    /// Scalars that are changed for an alias of theirs.
    pub(super) overrides: HashMap<NodeId, &'v Scalar>,
    pub(super) nulls: Nulls,
    /// Scalars with anchors that were given a value, or are to keep theirs.
    settled: HashMap<NodeId, Option<&'v Scalar>>,
    shared: Vec<Shared<'v>>,
    /// Aliases whose value is already the wanted one.
    steady: Vec<Shared<'v>>,
    gone: Vec<Gone>,
    /// Where the entries begin that are taken out.
    pub(super) taken: HashSet<usize>,
    holders: OnceCell<HashMap<NodeId, Holder>>,
}

/// What a node stands in.
#[derive(Clone, Copy)]
pub(super) struct Holder {
    pub(super) flow: bool,
    /// Where the entry, or the sequence, begins.
    pub(super) start: usize,
    /// The colon before the node, if it is the value of an entry that has one.
    pub(super) colon: Option<usize>,
}

/// Which entries of a mapping have one of these keys, for each key.
pub(super) fn lookup(tree: &Tree<'_>, mapping: NodeId, keys: &[&Scalar]) -> Vec<Vec<Entry>> {
    let mut found = vec![Vec::new(); keys.len()];
    let by_text: HashMap<&str, usize> =
        keys.iter().enumerate().map(|(at, key)| (key.text.as_str(), at)).collect();
    let mut odd: HashMap<&Class, usize> = HashMap::new();
    for (at, key) in keys.iter().enumerate().filter(|(_, key)| !matches!(key.class, Class::Text(_))) {
        odd.entry(&key.class).or_insert(at);
    }
    for entry in tree.entries(mapping) {
        let node = tree.resolved(entry.key);
        if !matches!(tree.node(node).kind, Kind::Scalar(_)) {
            continue;
        }
        let direct = by_text.get(&*tree.scalar(node)).copied();
        if direct.is_none() && odd.is_empty() {
            continue;
        }
        let key = Scalar::of(tree, node);
        let at = direct.filter(|at| keys[*at].names(&key)).or_else(|| odd.get(&key.class).copied());
        if let Some(at) = at {
            found[at].push(*entry);
        }
    }
    found
}

impl<'a, 't, 'v> Planner<'a, 't, 'v> {
    pub(super) fn new(tree: &'a Tree<'t>, layout: Layout, nulls: Nulls) -> Self {
        Self {
            tree,
            layout,
            edits: Splice::default(),
            changes: Vec::new(),
            overrides: HashMap::new(),
            nulls,
            settled: HashMap::new(),
            shared: Vec::new(),
            steady: Vec::new(),
            gone: Vec::new(),
            taken: HashSet::new(),
            holders: OnceCell::new(),
        }
    }

    /// What a value or an item stands in; nothing for the root and for keys.
    pub(super) fn holder(&self, node: NodeId) -> Option<Holder> {
        let of = |tree: &Tree<'_>| {
            let mut holders = HashMap::new();
            for node in &tree.nodes {
                match &node.kind {
                    Kind::Mapping { flow, entries } => holders.extend(entries.iter().map(|entry| {
                        (entry.value, Holder { flow: *flow, start: entry.start, colon: entry.colon })
                    })),
                    Kind::Sequence { flow, items } => {
                        let holder = Holder { flow: *flow, start: node.span.start, colon: None };
                        holders.extend(items.iter().map(|item| (*item, holder)));
                    }
                    Kind::Scalar(_) | Kind::Alias(_) => {}
                }
            }
            holders
        };
        self.holders.get_or_init(|| of(self.tree)).get(&node).copied()
    }

    /// Plans the merge of `incoming` into the first document.
    pub(super) fn plan(&mut self, incoming: &'v [(Scalar, Value)]) -> Result<(), MergeError> {
        match self.tree.first.as_ref().and_then(|document| document.root) {
            Some(root) if matches!(self.tree.node(root).kind, Kind::Mapping { .. }) => {
                self.mapping(root, incoming, &KeyPath::root())?;
            }
            _ => self.add_document(incoming),
        }
        self.settle_shared()?;
        self.settle_steady()?;
        self.check_gone()
    }

    pub(super) fn position(&self, at: usize) -> Position {
        Position::of(self.tree.text.as_bytes(), at)
    }

    fn unsupported(&self, path: &KeyPath, at: usize, what: &'static str) -> MergeError {
        MergeError::Unsupported { path: path.clone(), at: self.position(at), what }
    }

    fn fault(&self, path: &KeyPath, fault: Fault) -> MergeError {
        self.unsupported(path, fault.at, fault.what)
    }

    fn mapping(
        &mut self,
        mapping: NodeId,
        incoming: &'v [(Scalar, Value)],
        path: &KeyPath,
    ) -> Result<(), MergeError> {
        let keys: Vec<&Scalar> = incoming.iter().map(|(key, _)| key).collect();
        let found = lookup(self.tree, mapping, &keys);
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        for ((key, value), entries) in incoming.iter().zip(found) {
            let path = path.child(&key.text);
            match *entries.as_slice() {
                [] => new.push((key, value, path)),
                [entry] if self.nulls.delete() && value.is_null() => gone.push((entry, path)),
                [entry] => self.entry(mapping, entry, value, &path)?,
                [_, again, ..] => {
                    return Err(MergeError::DuplicateKey { path, at: self.position(again.start) });
                }
            }
        }
        let new = self.effective(mapping, new)?;
        self.take(mapping, &gone, !new.is_empty())?;
        self.add(mapping, &new);
        Ok(())
    }

    /// The new entries in full: with what they inherit, without nulls that only delete.
    fn effective(
        &self,
        mapping: NodeId,
        new: Vec<(&'v Scalar, &'v Value, KeyPath)>,
    ) -> Result<Vec<(Scalar, Value, KeyPath)>, MergeError> {
        let mut inherited = None;
        let mut all = Vec::new();
        for (key, value, path) in new {
            let value = self.nulls.left(value);
            let Some(value) = value else { continue };
            if inherited.is_none() {
                let read = Reader::new(self.tree).inherited(mapping);
                inherited = Some(read.map_err(|fault| self.fault(&path, fault))?);
            }
            let old = inherited.iter().flatten().find(|(known, _)| known.names(key)).map(|(_, old)| old);
            let full = old.map_or_else(|| value.clone(), |old| old.merged(&value));
            if old.is_none_or(|old| !old.same(&full)) {
                all.push((key.clone(), full, path));
            }
        }
        Ok(all)
    }

    /// An entry that is there already.
    fn entry(
        &mut self,
        mapping: NodeId,
        entry: Entry,
        value: &'v Value,
        path: &KeyPath,
    ) -> Result<(), MergeError> {
        let node = self.tree.node(entry.value);
        match (&node.kind, value) {
            (Kind::Alias(target), _) => self.alias(mapping, entry, *target, value, path),
            (Kind::Mapping { .. }, Value::Mapping(incoming)) => self.mapping(entry.value, incoming, path),
            (Kind::Scalar(_), Value::Scalar(scalar)) => {
                let differs = class::of(self.tree, entry.value) != scalar.class;
                if differs {
                    self.change(mapping, entry, value, path)?;
                }
                if node.properties.anchor.is_some() {
                    self.settled.insert(entry.value, differs.then_some(scalar));
                }
                Ok(())
            }
            _ => {
                let old = Reader::new(self.tree).value(entry.value);
                if old.is_ok_and(|old| old.same(value)) {
                    return Ok(());
                }
                self.change(mapping, entry, value, path)
            }
        }
    }

    fn alias(
        &mut self,
        mapping: NodeId,
        entry: Entry,
        target: NodeId,
        value: &'v Value,
        path: &KeyPath,
    ) -> Result<(), MergeError> {
        let both = (&self.tree.node(target).kind, value);
        if let (Kind::Scalar(_), Value::Scalar(_)) = both {
            let path = path.clone();
            self.shared.push(Shared { path, mapping, entry, target, value });
            return Ok(());
        }
        let old = Reader::new(self.tree).value(target).map_err(|fault| self.fault(path, fault))?;
        if let (Value::Mapping(_), Value::Mapping(_)) = (&old, value) {
            let wanted = old.merged(value);
            let wanted = self.nulls.left(&wanted);
            if wanted.is_some_and(|wanted| wanted.same(&old)) {
                return Ok(());
            }
            let at = self.tree.node(entry.value).span.start;
            return Err(self.unsupported(path, at, "an alias of a mapping that others use too"));
        }
        if old.same(value) {
            let path = path.clone();
            self.steady.push(Shared { path, mapping, entry, target, value });
            return Ok(());
        }
        self.change(mapping, entry, value, path)
    }

    /// Values behind aliases: the anchor's scalar is changed, unless something else needs it as it is.
    fn settle_shared(&mut self) -> Result<(), MergeError> {
        let (kept, wanted): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.shared).into_iter().partition(|shared| {
                let Value::Scalar(scalar) = shared.value else { return false };
                let now = self.settled.get(&shared.target).copied().flatten();
                now.map_or_else(
                    || class::of(self.tree, shared.target) == scalar.class,
                    |now| now.class == scalar.class,
                )
            });
        for shared in kept {
            let now = self.settled.entry(shared.target).or_insert(None);
            if now.is_some() {
                self.changes.push((shared.entry.start, shared.path, ChangeKind::Replaced));
            }
        }
        for shared in wanted {
            let Value::Scalar(scalar) = shared.value else { continue };
            let settled = self.settled.get(&shared.target).copied();
            match settled {
                Some(Some(now)) if now.class == scalar.class => {
                    self.changes.push((shared.entry.start, shared.path, ChangeKind::Replaced));
                }
                None if self.change_anchored(shared.target, shared.value) => {
                    self.settled.insert(shared.target, Some(scalar));
                    self.overrides.insert(shared.target, scalar);
                    self.changes.push((shared.entry.start, shared.path, ChangeKind::Replaced));
                }
                _ => self.change(shared.mapping, shared.entry, shared.value, &shared.path)?,
            }
        }
        Ok(())
    }

    /// An alias cannot follow its anchor where that has got another value.
    fn settle_steady(&mut self) -> Result<(), MergeError> {
        for alias in std::mem::take(&mut self.steady) {
            let span = self.tree.node(alias.target).span.clone();
            if self.gone.iter().any(|gone| gone.span.start < span.end && span.start < gone.span.end) {
                self.change(alias.mapping, alias.entry, alias.value, &alias.path)?;
            }
        }
        Ok(())
    }

    /// Replaces the value of an entry.
    fn change(
        &mut self,
        mapping: NodeId,
        entry: Entry,
        value: &Value,
        path: &KeyPath,
    ) -> Result<(), MergeError> {
        let stripped = self.nulls.left(value);
        let Some(value) = stripped else { return Ok(()) };
        let node = self.tree.node(entry.value);
        let was_mapping = matches!(node.kind, Kind::Mapping { .. });
        if was_mapping && !matches!(value, Value::Mapping(_)) && self.has_alias(entry.value) {
            return Err(self.unsupported(path, node.span.start, "the mapping is used elsewhere by an alias"));
        }
        self.gone(node.span.clone(), Some(entry.value), path);
        self.changes.push((entry.start, path.clone(), ChangeKind::Replaced));
        self.replace(mapping, entry, &value);
        Ok(())
    }

    fn has_alias(&self, target: NodeId) -> bool {
        self.tree.node(target).properties.anchor.is_some()
            && self.tree.nodes.iter().any(|node| matches!(node.kind, Kind::Alias(of) if of == target))
    }

    /// Notes that these bytes go away.
    pub(super) fn gone(&mut self, span: Range<usize>, kept: Option<NodeId>, path: &KeyPath) {
        self.gone.push(Gone { span, kept, path: path.clone() });
    }

    /// Fails if an alias that stays stands for an anchor that goes.
    fn check_gone(&self) -> Result<(), MergeError> {
        let aliases: Vec<(usize, NodeId)> = self
            .tree
            .nodes
            .iter()
            .filter_map(|node| match node.kind {
                Kind::Alias(target) => Some((node.span.start, target)),
                _ => None,
            })
            .collect();
        if aliases.is_empty() {
            return Ok(());
        }
        let mut spans: Vec<(usize, usize)> =
            self.gone.iter().map(|gone| (gone.span.start, gone.span.end)).collect();
        spans.sort_unstable();
        let mut reach = 0;
        for (_, end) in &mut spans {
            reach = reach.max(*end);
            *end = reach;
        }
        let goes = |at: usize| {
            let begun = spans.partition_point(|(start, _)| *start <= at);
            begun.checked_sub(1).is_some_and(|last| spans[last].1 > at)
        };
        let mut seen = HashSet::new();
        for (at, target) in aliases {
            if goes(at) || !seen.insert(target) {
                continue;
            }
            let node = self.tree.node(target);
            let start = node.properties.start().unwrap_or(node.span.start);
            if !goes(start) {
                continue;
            }
            let holes = self.gone.iter().filter(|gone| gone.kept != Some(target));
            for gone in holes {
                if gone.span.contains(&start) {
                    return Err(self.unsupported(&gone.path, start, "an anchor in it is used elsewhere"));
                }
            }
        }
        Ok(())
    }

    /// A block scalar that the file ends in gets a line break when something is written after it: its header
    /// then has to say that the break does not count.
    pub(super) fn close_last_block(&mut self) {
        let open = self.tree.nodes.iter().find_map(|node| match node.kind {
            Kind::Scalar(Style::Block(block)) if block.is_open() && block.body <= node.span.end => {
                Some((node.span.clone(), block))
            }
            _ => None,
        });
        let Some((span, block)) = open else { return };
        if self.gone.iter().any(|gone| gone.span.contains(&span.start)) || !self.edits.reach(span.end) {
            return;
        }
        match self.tree.text[span.start..block.header_end].find('+') {
            Some(at) => self.edits.replace(span.start + at..span.start + at + 1, "-".to_owned()),
            None => self.edits.insert(block.header_end, "-".to_owned()),
        }
    }
}
