//! The after-check: what was asked for is there, and nothing else is different.

use std::collections::HashMap;

use super::class;
use super::planner::lookup;
use super::tree::{Entry, Kind, NodeId, Style, Tree};
use super::value::{Nulls, Reader, Scalar, Value};
use crate::rules::key_path::KeyPath;

/// Compares the file before with the result as another parser sees it.
pub(super) struct Check<'a> {
    pub(super) before: &'a Tree<'a>,
    pub(super) after: &'a Tree<'a>,
    /// Scalars that had to change because a managed alias stands for them.
    pub(super) overrides: &'a HashMap<NodeId, &'a Scalar>,
    pub(super) nulls: Nulls,
    /// Which node of the result each node with an anchor became.
    anchors: HashMap<NodeId, NodeId>,
    /// What unmanaged aliases stand for, before and after.
    aliases: Vec<(NodeId, NodeId)>,
}

type Checked = Result<(), KeyPath>;

impl<'a> Check<'a> {
    pub(super) fn new(
        before: &'a Tree<'a>,
        after: &'a Tree<'a>,
        overrides: &'a HashMap<NodeId, &'a Scalar>,
        nulls: Nulls,
    ) -> Self {
        Self { before, after, overrides, nulls, anchors: HashMap::new(), aliases: Vec::new() }
    }

    /// Compares the first documents; gives the first place that is not as it should be.
    pub(super) fn run(mut self, incoming: &[(Scalar, Value)]) -> Checked {
        let root = |tree: &Tree<'_>| tree.first.as_ref().and_then(|document| document.root);
        let path = KeyPath::root();
        if self.before.documents.max(1) != self.after.documents.max(1) {
            return Err(path);
        }
        match (root(self.before), root(self.after)) {
            (before, Some(after)) if matches!(self.after.node(after).kind, Kind::Mapping { .. }) => {
                self.mapping(before, after, incoming, &path)?;
                let kept = |(old, new): &(NodeId, NodeId)| self.anchors.get(old) == Some(new);
                if self.aliases.iter().all(kept) { Ok(()) } else { Err(path) }
            }
            (_, Some(after)) if !self.after.scalar(after).is_empty() => Err(path),
            _ if self.nulls.delete() => Ok(()),
            _ => Err(path),
        }
    }

    fn mapping(
        &mut self,
        before: Option<NodeId>,
        after: NodeId,
        goal: &[(Scalar, Value)],
        path: &KeyPath,
    ) -> Checked {
        if let Some(before) = before {
            self.head(before, after).ok_or_else(|| path.clone())?;
        }
        let keys: Vec<&Scalar> = goal.iter().map(|(key, _)| key).collect();
        let old = before.map_or_else(|| vec![Vec::new(); keys.len()], |id| lookup(self.before, id, &keys));
        let new = lookup(self.after, after, &keys);
        self.others(before, after, &old, &new).ok_or_else(|| path.clone())?;
        let inherited = Reader::new(self.after).inherited(after).map_err(|_| path.clone())?;
        for (at, (key, value)) in goal.iter().enumerate() {
            let path = path.child(&key.text);
            match (old[at].as_slice(), new[at].as_slice()) {
                (_, []) if self.nulls.left(value).is_none() => {}
                (old, [new]) if old.len() <= 1 => {
                    self.value(&inherited, old.first(), new, (key, value), &path)?;
                }
                ([], []) if self.inherits(&inherited, key, value) => {}
                _ => return Err(path),
            }
        }
        Ok(())
    }

    /// All entries that no goal names are what they were, in the same order.
    fn others(
        &mut self,
        before: Option<NodeId>,
        after: NodeId,
        old: &[Vec<Entry>],
        new: &[Vec<Entry>],
    ) -> Option<()> {
        let named = |lists: &[Vec<Entry>]| -> std::collections::HashSet<NodeId> {
            lists.iter().flatten().map(|entry| entry.key).collect()
        };
        let (old, new) = (named(old), named(new));
        let entries = before.map_or(&[][..], |before| self.before.entries(before));
        let mut mine = entries.iter().filter(|entry| !old.contains(&entry.key));
        let mut theirs = self.after.entries(after).iter().filter(|entry| !new.contains(&entry.key));
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return Some(()),
                (Some(mine), Some(theirs)) => {
                    self.unchanged(mine.key, theirs.key)?;
                    self.unchanged(mine.value, theirs.value)?;
                }
                _ => return None,
            }
        }
    }

    fn value(
        &mut self,
        inherited: &[(Scalar, Value)],
        old: Option<&Entry>,
        new: &Entry,
        (key, goal): (&Scalar, &Value),
        path: &KeyPath,
    ) -> Checked {
        let is_mapping = |tree: &Tree<'_>, id: NodeId| matches!(tree.node(id).kind, Kind::Mapping { .. });
        if let Some(old) = old {
            self.anchor(old.value, new.value);
            if let Value::Mapping(goal) = goal
                && is_mapping(self.before, old.value)
                && is_mapping(self.after, new.value)
            {
                return self.mapping(Some(old.value), new.value, goal, path);
            }
            if self.nulls.left(goal).is_none() {
                return self.unchanged(old.value, new.value).ok_or_else(|| path.clone());
            }
        }
        let found = Reader::new(self.after).value(new.value).map_err(|_| path.clone())?;
        let wanted = self.nulls.left(goal);
        let wanted = wanted.ok_or_else(|| path.clone())?;
        let through_alias = old.is_some_and(|old| {
            matches!(self.before.node(old.value).kind, Kind::Alias(target) if is_mapping(self.before, target))
        });
        let wanted = if old.is_none() {
            base(inherited, key).map_or_else(|| wanted.clone(), |base| base.merged(&wanted))
        } else if through_alias && matches!(wanted, Value::Mapping(_)) {
            found.merged(&wanted)
        } else {
            wanted
        };
        if found.same(&wanted) { Ok(()) } else { Err(path.clone()) }
    }

    fn inherits(&self, inherited: &[(Scalar, Value)], key: &Scalar, goal: &Value) -> bool {
        let wanted = self.nulls.left(goal);
        let found = base(inherited, key);
        found.zip(wanted).is_some_and(|(found, wanted)| found.merged(&wanted).same(found))
    }

    fn anchor(&mut self, before: NodeId, after: NodeId) {
        if self.before.node(before).properties.anchor.is_some() {
            self.anchors.insert(before, after);
        }
    }

    /// Anchor and tag are the same.
    fn head(&mut self, before: NodeId, after: NodeId) -> Option<()> {
        self.anchor(before, after);
        let (old, new) = (&self.before.node(before).properties, &self.after.node(after).properties);
        let tag = old.tag.as_ref().map(|tag| &tag.name) == new.tag.as_ref().map(|tag| &tag.name);
        (tag && old.anchor.is_some() == new.anchor.is_some()).then_some(())
    }

    fn unchanged(&mut self, before: NodeId, after: NodeId) -> Option<()> {
        let (old, new) = (self.before.node(before), self.after.node(after));
        match (&old.kind, &new.kind) {
            (Kind::Scalar(style), Kind::Scalar(_)) => {
                self.anchor(before, after);
                let now = class::of(self.after, after);
                if let Some(wanted) = self.overrides.get(&before) {
                    return (now == wanted.class).then_some(());
                }
                self.head(before, after)?;
                if matches!(style, Style::Block(block) if block.is_open()) {
                    // Parsers disagree on whether a block that ends with the file has a line break.
                    let (old, new) = (self.before.scalar(before), self.after.scalar(after));
                    let bare = |text: &str| text.strip_suffix('\n').unwrap_or(text).to_owned();
                    return (bare(&old) == bare(&new)).then_some(());
                }
                (class::of(self.before, before) == now
                    && self.before.scalar(before) == self.after.scalar(after))
                .then_some(())
            }
            (Kind::Alias(old), Kind::Alias(new)) => {
                self.aliases.push((*old, *new));
                Some(())
            }
            (Kind::Sequence { items: old, .. }, Kind::Sequence { items: new, .. }) => {
                self.head(before, after)?;
                (old.len() == new.len()).then_some(())?;
                old.iter().zip(new).try_for_each(|(old, new)| self.unchanged(*old, *new))
            }
            (Kind::Mapping { entries: old, .. }, Kind::Mapping { entries: new, .. }) => {
                self.head(before, after)?;
                (old.len() == new.len()).then_some(())?;
                old.iter().zip(new).try_for_each(|(old, new)| {
                    self.unchanged(old.key, new.key)?;
                    self.unchanged(old.value, new.value)
                })
            }
            _ => None,
        }
    }
}

/// What a mapping inherits for a key.
fn base<'v>(inherited: &'v [(Scalar, Value)], key: &Scalar) -> Option<&'v Value> {
    inherited.iter().find(|(known, _)| known.names(key)).map(|(_, value)| value)
}
