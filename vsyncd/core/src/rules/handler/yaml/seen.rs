//! The result as another parser sees it.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag as SeenTag};

use super::parser::DEPTH;
use super::tree::{Document, Entry, Kind, Node, NodeId, Properties, Style, Tag, Tree};

/// A collection that is still being read.
struct Open {
    id: NodeId,
    children: Vec<NodeId>,
}

/// Builds a tree without places from the other parser's events.
struct Builder {
    tree: Tree<'static>,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
    /// The documents that have begun.
    documents: usize,
}

/// Reads the whole stream with the other parser; None if it does not parse there. Places in the tree are
/// all empty, and only the first document is in it.
pub(super) fn read(text: &str) -> Option<Tree<'static>> {
    let tree = Tree {
        text: "",
        texts: Vec::new(),
        nodes: Vec::new(),
        first: None,
        documents: 0,
        vacant: 0,
        real_end: 0,
    };
    let mut builder = Builder { tree, open: Vec::new(), anchors: HashMap::new(), documents: 0 };
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        builder.event(event.ok()?.0)?;
    }
    builder.tree.documents = builder.documents;
    Some(builder.tree)
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Option<()> {
        if matches!(event, Event::DocumentStart(_)) {
            self.documents += 1;
        }
        if self.documents > 1 {
            return Some(());
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Double };
                self.node(Kind::Scalar(style), text.into_owned(), anchor, tag.as_deref());
            }
            Event::Alias(anchor) => {
                let target = *self.anchors.get(&anchor)?;
                self.node(Kind::Alias(target), String::new(), 0, None);
            }
            Event::SequenceStart(anchor, tag) => {
                let kind = Kind::Sequence { flow: false, items: Vec::new() };
                let id = self.node(kind, String::new(), anchor, tag.as_deref());
                self.open.push(Open { id, children: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                let kind = Kind::Mapping { flow: false, entries: Vec::new() };
                let id = self.node(kind, String::new(), anchor, tag.as_deref());
                self.open.push(Open { id, children: Vec::new() });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            _ => {}
        }
        (self.open.len() <= DEPTH).then_some(())
    }

    fn node(&mut self, kind: Kind, text: String, anchor: usize, tag: Option<&SeenTag>) -> NodeId {
        let id = self.tree.nodes.len();
        let tag = tag.map(|tag| Tag { span: 0..0, name: format!("{}{}", tag.handle, tag.suffix) });
        let anchored = (anchor > 0).then_some(0..0);
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        self.tree.nodes.push(Node { kind, span: 0..0, properties: Properties { anchor: anchored, tag } });
        self.tree.texts.push(text);
        match self.open.last_mut() {
            Some(open) => open.children.push(id),
            None => self.tree.first = Some(Document { root: Some(id), end: 0 }),
        }
        id
    }

    fn close(&mut self) -> Option<()> {
        let Open { id, children } = self.open.pop()?;
        match &mut self.tree.nodes.get_mut(id)?.kind {
            Kind::Sequence { items, .. } => *items = children,
            Kind::Mapping { entries, .. } => {
                let pairs = children.chunks_exact(2);
                entries.extend(pairs.map(|pair| Entry {
                    start: 0,
                    key: pair[0],
                    value: pair[1],
                    colon: None,
                }));
            }
            _ => return None,
        }
        Some(())
    }
}
