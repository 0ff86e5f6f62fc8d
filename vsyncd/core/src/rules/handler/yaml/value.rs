//! The incoming data: aliases and merge keys resolved, every mapping's keys known once.

use std::collections::HashSet;

use zeroize::Zeroize;

use super::class::{self, Class};
use super::parser::DEPTH;
use super::tree::{Kind, NodeId, Style, Tree};
use crate::rules::handler::source::Fault;

/// How often aliases may repeat what they stand for, in nodes.
const NODES: usize = 1_000_000;

/// How a scalar was written, as a wish for how to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

impl From<Style> for Quoting {
    fn from(style: Style) -> Self {
        match style {
            Style::Plain => Self::Plain,
            Style::Single => Self::Single,
            Style::Double => Self::Double,
            Style::Block(layout) if layout.folded => Self::Folded,
            Style::Block(_) => Self::Literal,
        }
    }
}

/// A scalar on its way into a file.
#[derive(Clone)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) class: Class,
    pub(super) quoting: Quoting,
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.text.zeroize();
        match &mut self.class {
            Class::Text(text)
            | Class::Integer(text)
            | Class::Float(text, _)
            | Class::Spelled(text)
            | Class::Tagged(_, text) => text.zeroize(),
            Class::Null | Class::Bool(_) => {}
        }
    }
}

impl Scalar {
    /// A scalar of a tree.
    pub(super) fn of(tree: &Tree<'_>, id: NodeId) -> Self {
        let quoting = match tree.node(id).kind {
            Kind::Scalar(style) => style.into(),
            _ => Quoting::Plain,
        };
        Self { text: tree.scalar(id).into_owned(), class: class::of(tree, id), quoting }
    }

    /// Whether both name the same key. Maps of secrets have only strings for keys, so `80` and `"80"` do.
    pub(super) fn names(&self, other: &Self) -> bool {
        let merge = |scalar: &Self| matches!(&scalar.class, Class::Spelled(text) if text == "<<");
        merge(self) == merge(other) && (self.text == other.text || self.class == other.class)
    }
}

/// What a null in the data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// It is a value.
    Keep,
    /// Its key goes; a mapping of nothing else is an empty one, as in RFC 7396.
    Delete,
    /// Its key goes, and that is all that is asked for.
    OnlyDelete,
}

impl Nulls {
    pub(super) fn delete(self) -> bool {
        self != Self::Keep
    }

    /// What has to be written of a value that is not there; none if nothing has to.
    pub(super) fn left(self, value: &Value) -> Option<Value> {
        match value {
            Value::Scalar(_) if self.delete() && value.is_null() => None,
            Value::Mapping(entries) if self.delete() && !entries.is_empty() => {
                let kept: Vec<_> = entries
                    .iter()
                    .filter_map(|(key, value)| Some((key.clone(), self.left(value)?)))
                    .collect();
                (self == Self::Delete || !kept.is_empty()).then_some(Value::Mapping(kept))
            }
            _ => Some(value.clone()),
        }
    }
}

/// A value without aliases.
#[derive(Clone)]
pub(super) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Value>),
    Mapping(Vec<(Scalar, Value)>),
}

impl Value {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.class == Class::Null)
    }

    /// This value with `other` merged into it.
    pub(super) fn merged(&self, other: &Self) -> Self {
        let (Self::Mapping(mine), Self::Mapping(theirs)) = (self, other) else { return other.clone() };
        let mut all = mine.clone();
        for (key, value) in theirs {
            match all.iter_mut().find(|(known, _)| known.names(key)) {
                Some((_, old)) => *old = old.merged(value),
                None => all.push((key.clone(), value.clone())),
            }
        }
        Self::Mapping(all)
    }

    /// Whether both mean the same; the order of keys does not count.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(one), Self::Scalar(two)) => one.class == two.class,
            (Self::Sequence(one), Self::Sequence(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.same(two))
            }
            (Self::Mapping(one), Self::Mapping(two)) => {
                one.len() == two.len()
                    && one.iter().enumerate().all(|(at, (key, value))| {
                        // Most often the order is the same, too.
                        let names = |(other, _): &&(Scalar, Self)| key.class == other.class;
                        let found = two.get(at).filter(names).or_else(|| two.iter().find(names));
                        found.is_some_and(|(_, theirs)| value.same(theirs))
                    })
            }
            _ => false,
        }
    }
}

/// Reads values out of a tree, within a budget of nodes.
pub(super) struct Reader<'a, 't> {
    tree: &'a Tree<'t>,
    left: usize,
    depth: usize,
}

impl<'a, 't> Reader<'a, 't> {
    pub(super) fn new(tree: &'a Tree<'t>) -> Self {
        Self { tree, left: NODES, depth: 0 }
    }

    /// The value of a node.
    pub(super) fn value(&mut self, id: NodeId) -> Result<Value, Fault> {
        let id = self.tree.resolved(id);
        self.left = self.left.checked_sub(1).ok_or_else(|| self.fault(id, "aliases repeat too much"))?;
        if self.depth > DEPTH {
            return Err(self.fault(id, "too many collections inside each other"));
        }
        self.depth += 1;
        let value = match &self.tree.node(id).kind {
            Kind::Scalar(_) | Kind::Alias(_) => Ok(Value::Scalar(Scalar::of(self.tree, id))),
            Kind::Sequence { items, .. } => {
                items.iter().map(|item| self.value(*item)).collect::<Result<_, _>>().map(Value::Sequence)
            }
            Kind::Mapping { .. } => self.mapping(id),
        };
        self.depth -= 1;
        value
    }

    /// What a mapping inherits through its merge keys; nothing if it has none.
    pub(super) fn inherited(&mut self, mapping: NodeId) -> Result<Vec<(Scalar, Value)>, Fault> {
        let mut inherited = Vec::new();
        for entry in self.tree.entries(mapping) {
            if is_merge(&Scalar::of(self.tree, self.tree.resolved(entry.key))) {
                let value = self.value(entry.value)?;
                self.spread(value, entry.value, &mut inherited)?;
            }
        }
        Ok(inherited)
    }

    fn mapping(&mut self, id: NodeId) -> Result<Value, Fault> {
        let mut own = Vec::new();
        let mut seen = HashSet::new();
        let mut inherited = Vec::new();
        for entry in self.tree.entries(id) {
            let key = self.tree.resolved(entry.key);
            if !matches!(self.tree.node(key).kind, Kind::Scalar(_)) {
                return Err(self.fault(key, "a key that is a collection"));
            }
            let mut scalar = Scalar::of(self.tree, key);
            if scalar.text.is_empty() && scalar.class == Class::Null {
                // As it is written, and named in a path.
                scalar.text.push_str("null");
            }
            let value = self.value(entry.value)?;
            if is_merge(&scalar) {
                self.spread(value, entry.value, &mut inherited)?;
            } else if !seen.insert(scalar.text.clone()) {
                return Err(self.fault(key, "a key that stands twice"));
            } else {
                own.push((scalar, value));
            }
        }
        for (key, value) in inherited {
            if seen.insert(key.text.clone()) {
                own.push((key, value));
            }
        }
        Ok(Value::Mapping(own))
    }

    fn spread(&self, value: Value, at: NodeId, inherited: &mut Vec<(Scalar, Value)>) -> Result<(), Fault> {
        match value {
            Value::Mapping(entries) => inherited.extend(entries),
            Value::Sequence(items) => {
                for item in items {
                    self.spread(item, at, inherited)?;
                }
            }
            Value::Scalar(_) => return Err(self.fault(at, "a merge key without a mapping")),
        }
        Ok(())
    }

    fn fault(&self, id: NodeId, what: &'static str) -> Fault {
        Fault { at: self.tree.node(id).span.start, what }
    }
}

/// Whether this key merges other mappings in.
pub(super) fn is_merge(key: &Scalar) -> bool {
    matches!(&key.class, Class::Spelled(text) if text == "<<")
}
