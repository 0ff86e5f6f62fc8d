//! Puts a value in the place of another one.

use std::ops::Range;

use super::class::Class;
use super::emit::{Written, flow_as};
use super::planner::Planner;
use super::tree::{Entry, Kind, NodeId, Style, is_blank};
use super::value::{Quoting, Value};

/// The bytes of an old value.
struct Old {
    /// Where the part before the value ends: at the colon, or at what stays of the properties.
    head: usize,
    /// What the value's first line is put in place of.
    inline: Range<usize>,
    /// What goes from the lines below.
    below: Range<usize>,
}

impl Planner<'_, '_, '_> {
    /// Replaces the value of an entry of `mapping`.
    pub(super) fn replace(&mut self, mapping: NodeId, entry: Entry, value: &Value) {
        let in_flow = matches!(self.tree.node(mapping).kind, Kind::Mapping { flow: true, .. });
        match entry.colon {
            Some(colon) if in_flow => self.replace_flow(entry.value, colon + 1, value),
            Some(colon) => {
                let column = self.column(entry.start);
                self.replace_block(entry.value, colon + 1, column, value);
            }
            None => {
                let at = self.tree.node(entry.value).span.end;
                if in_flow {
                    self.edits.insert(at, format!(": {}", flow_as(value, None)));
                } else {
                    let column = self.column(entry.start);
                    let Written { inline, below } = self.layout_at(at).block(value, column, None, None);
                    let space = if inline.is_empty() { "" } else { " " };
                    let line = format!("{}{:column$}:{space}{inline}{below}", self.layout.eol, "");
                    self.edits.insert(self.tree.line_end(at), line);
                }
            }
        }
    }

    /// Replaces a scalar that has an anchor, wherever it stands; false where it is a key.
    pub(super) fn change_anchored(&mut self, target: NodeId, value: &Value) -> bool {
        let Some(anchor) = self.tree.node(target).properties.anchor.clone() else { return false };
        let Some(holder) = self.holder(target) else { return false };
        if holder.flow {
            self.replace_flow(target, anchor.end, value);
        } else {
            let column = self.column(holder.start);
            self.replace_block(target, anchor.end, column, value);
        }
        true
    }

    /// The column of a byte, in bytes.
    pub(super) fn column(&self, at: usize) -> usize {
        at - self.tree.line_start(at)
    }

    /// How the old value asks the new one to be written.
    fn wish(&self, old: NodeId, value: &Value) -> Option<Quoting> {
        match (&self.tree.node(old).kind, value) {
            (Kind::Scalar(Style::Plain), _) if self.tree.node(old).span.is_empty() => None,
            (Kind::Scalar(style), Value::Scalar(_)) => Some((*style).into()),
            _ => None,
        }
    }

    /// Removes the old tag where it does not fit the new value; gives where the head ends, and where what
    /// is to be replaced begins.
    fn head(&mut self, old: NodeId, after: usize, value: &Value) -> (usize, Option<usize>) {
        let properties = &self.tree.node(old).properties;
        let anchor = properties.anchor.clone();
        let head = anchor.as_ref().map_or(after, |anchor| anchor.end.max(after));
        let Some(tag) = &properties.tag else { return (head, None) };
        let text = matches!(value, Value::Scalar(scalar) if matches!(scalar.class, Class::Text(_)));
        let old_text = matches!(tag.name.as_str(), "!" | "tag:yaml.org,2002:str");
        match anchor {
            _ if text && old_text => (head.max(tag.span.end), None),
            Some(anchor) if tag.span.start < anchor.start => {
                self.edits.delete(tag.span.start..anchor.start);
                (head, None)
            }
            _ => (head, Some(tag.span.start)),
        }
    }

    fn replace_flow(&mut self, old: NodeId, after: usize, value: &Value) {
        let (head, from) = self.head(old, after, value);
        let span = self.tree.node(old).span.clone();
        let wish = self.wish(old, value);
        let text = flow_as(value, wish);
        match from {
            Some(from) => self.edits.replace(from..span.end.max(self.properties_end(old)), text),
            None if span.is_empty() => self.edits.insert(head, format!(" {text}")),
            None => self.edits.replace(span, text),
        }
    }

    fn properties_end(&self, node: NodeId) -> usize {
        self.tree.node(node).properties.end().unwrap_or(0)
    }

    fn replace_block(&mut self, old: NodeId, after: usize, column: usize, value: &Value) {
        let node = self.tree.node(old);
        let flowing = match node.kind {
            Kind::Sequence { flow, .. } | Kind::Mapping { flow, .. } => flow,
            _ => false,
        };
        let written = if flowing && !matches!(value, Value::Scalar(_)) {
            Written { inline: flow_as(value, None), ..Written::default() }
        } else {
            let inner = match node.kind {
                // The lines of a text have to stand deeper than the key, which items need not.
                Kind::Sequence { flow: false, .. } => Some(self.column(node.span.start))
                    .filter(|inner| *inner > column || !matches!(value, Value::Scalar(_))),
                Kind::Scalar(Style::Block(block)) => Some(block.indent).filter(|indent| *indent > column),
                _ => None,
            };
            self.layout_at(node.span.end).block(value, column, self.wish(old, value), inner)
        };
        let (head, from) = self.head(old, after, value);
        let Old { head, inline, below } = self.old(old, head, from);
        let blank = |at: usize| self.tree.text.as_bytes().get(at).copied().is_some_and(is_blank);
        if written.inline.is_empty() {
            self.edits.delete(head..inline.end);
        } else if inline.start == head && !(head > 0 && blank(head - 1)) {
            self.edits.replace(inline.clone(), format!(" {}", written.inline));
        } else {
            self.edits.replace(inline.clone(), written.inline);
        }
        let end = if below.is_empty() { self.tree.line_end(inline.end) } else { below.end };
        self.edits.delete(below);
        self.edits.insert(self.tree.line_end(end), written.below);
    }

    /// Where the old value's bytes are. `from`: what is to be replaced begins there, at a tag.
    fn old(&self, id: NodeId, head: usize, from: Option<usize>) -> Old {
        let tree = self.tree;
        let span = tree.node(id).span.clone();
        if span.is_empty() {
            let end = if from.is_some() { self.properties_end(id) } else { head };
            return Old { head, inline: from.unwrap_or(head)..end, below: head..head };
        }
        let line = tree.line_end(head);
        let collection = matches!(
            tree.node(id).kind,
            Kind::Sequence { flow: false, .. } | Kind::Mapping { flow: false, .. }
        );
        let end = if collection { tree.line_end(span.end) } else { span.end };
        if span.start > line {
            let inline = from.map_or(head..head, |from| from..self.properties_end(id));
            return Old { head, inline, below: line..end };
        }
        let start = from.unwrap_or(span.start);
        match tree.node(id).kind {
            Kind::Scalar(Style::Block(layout)) => {
                let line = tree.line_end(layout.header_end);
                let below = if end > line { line..end } else { line..line };
                Old { head, inline: start..layout.header_end, below }
            }
            _ => Old { head, inline: start..end, below: end..end },
        }
    }
}
