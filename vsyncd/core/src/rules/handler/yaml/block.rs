//! Block collections, and where a node begins.

use super::parser::{Parsed, Parser};
use super::tree::{Entry, Kind, NodeId, Properties, Style};

impl Parser<'_> {
    /// A node inside a collection of the column `indent`. `compact`: a block collection may begin in the
    /// line of the place. `flush`: a sequence may begin in the column of the collection around it.
    pub(super) fn block_node(&mut self, indent: isize, compact: bool, flush: bool) -> Parsed<NodeId> {
        let hole = self.at;
        let leads = self.skip()?;
        if self.outside(leads, indent, flush) {
            return Ok(self.empty(hole, Properties::default()));
        }
        let start = self.at;
        let properties = self.properties()?;
        if properties.is_empty() {
            return self.content(indent, compact || leads, start, properties);
        }
        let hole = properties.end().unwrap_or(self.at);
        let broken = self.skip()?;
        if self.outside(broken, indent, flush) {
            return Ok(self.empty(hole, properties));
        }
        if !broken {
            return self.content(indent, compact || leads, start, properties);
        }
        let start = self.at;
        let inner = self.properties()?;
        let keyed = !inner.is_empty();
        if keyed && self.skip_in_line() {
            return self.fault("a second anchor or tag");
        }
        let id = self.content(indent, true, start, inner)?;
        if keyed && !matches!(self.node(id).kind, Kind::Mapping { flow: false, .. }) {
            return self.fault("a second anchor or tag");
        }
        if matches!(self.node(id).kind, Kind::Alias(_)) {
            return self.fault("an alias with an anchor or tag");
        }
        self.adorn(id, properties);
        Ok(id)
    }

    /// Whether nothing more stands in the line.
    fn skip_in_line(&mut self) -> bool {
        self.blanks();
        self.peek(0).is_none_or(|byte| byte == b'#' || super::tree::is_break(byte))
    }

    /// Whether what comes next lies outside of the node that was looked for.
    fn outside(&self, leads: bool, indent: isize, flush: bool) -> bool {
        if self.ended() {
            return true;
        }
        if !leads {
            return false;
        }
        let column = self.column(self.at);
        let dash = self.peek(0) == Some(b'-') && self.spaced(1);
        column < indent || (column == indent && !(flush && dash))
    }

    /// A node's content. `start` is where its properties, or else the content, begin.
    fn content(
        &mut self,
        indent: isize,
        collections: bool,
        start: usize,
        properties: Properties,
    ) -> Parsed<NodeId> {
        let bare = properties.is_empty();
        let id = match self.peek(0) {
            Some(b'-' | b'?' | b':') if self.spaced(1) => {
                if !collections || (!bare && self.peek(0) != Some(b':')) {
                    return self.fault("a collection cannot begin here");
                }
                if self.peek(0) == Some(b'-') {
                    return self.block_sequence();
                }
                let first = (self.peek(0) == Some(b':')).then(|| (start, self.empty(self.at, properties)));
                return self.block_mapping(start, first);
            }
            Some(b'|' | b'>') => {
                let (style, span) = self.block_scalar(indent)?;
                return Ok(self.push(Kind::Scalar(style), span, properties));
            }
            _ => {
                let id = self.key_node(indent, false)?;
                if self.key_follows(id) {
                    if !collections {
                        return self.fault("a mapping cannot begin here");
                    }
                    self.check_alias(id, &properties)?;
                    self.adorn(id, properties);
                    return self.block_mapping(start, Some((start, id)));
                }
                id
            }
        };
        self.check_alias(id, &properties)?;
        if !bare {
            self.adorn(id, properties);
        }
        Ok(id)
    }

    fn check_alias(&self, id: NodeId, properties: &Properties) -> Parsed<()> {
        if !properties.is_empty() && matches!(self.node(id).kind, Kind::Alias(_)) {
            return self.fault("an alias with an anchor or tag");
        }
        Ok(())
    }

    /// A node that may turn out to be a key: alias, quoted, plain, or a flow collection.
    fn key_node(&mut self, indent: isize, only_key: bool) -> Parsed<NodeId> {
        match self.peek(0) {
            Some(b'*') => self.alias(),
            Some(b'"' | b'\'') => self.quoted(),
            Some(b'[' | b'{') => self.flow_node(),
            _ => {
                let span = self.plain(indent, false, only_key)?;
                Ok(self.push(Kind::Scalar(Style::Plain), span, Properties::default()))
            }
        }
    }

    /// Whether the node, which ends at the place, is a key: a `:` follows and all of it is one line.
    fn key_follows(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let rest = &self.text[node.span.end..];
        let mut after = rest.trim_start_matches([' ', '\t']).bytes();
        after.next() == Some(b':')
            && after.next().is_none_or(|byte| byte.is_ascii_whitespace())
            && !self.text[node.span.clone()].contains(['\n', '\r'])
    }

    fn block_sequence(&mut self) -> Parsed<NodeId> {
        self.enter()?;
        let start = self.at;
        let column = self.column(start);
        let mut items = Vec::new();
        let mut end = start;
        loop {
            self.at += 1;
            let item = self.block_node(column, true, false)?;
            end = end.max(self.end_of(item));
            items.push(item);
            if !self.next_in(column, "the items of a sequence are not aligned")? {
                break;
            }
            if !(self.peek(0) == Some(b'-') && self.spaced(1)) {
                // A sequence in the column of its key ends at the next key.
                break;
            }
        }
        self.leave();
        Ok(self.push(Kind::Sequence { flow: false, items }, start..end, Properties::default()))
    }

    /// Where a node with its properties ends.
    pub(super) fn end_of(&self, id: NodeId) -> usize {
        let node = self.node(id);
        node.span.end.max(node.properties.end().unwrap_or(0))
    }

    /// Goes to the next entry of a block collection; false where the collection ends.
    fn next_in(&mut self, column: isize, fault: &'static str) -> Parsed<bool> {
        let leads = self.skip()?;
        if self.ended() {
            return Ok(false);
        }
        if !leads {
            return self.fault("text after the end of a value");
        }
        let here = self.column(self.at);
        if here > column { self.fault(fault) } else { Ok(here == column) }
    }

    /// A mapping whose first key may have been read already: where it begins, and its node.
    fn block_mapping(&mut self, start: usize, first: Option<(usize, NodeId)>) -> Parsed<NodeId> {
        self.enter()?;
        let column = self.column(start);
        let mut entries = Vec::new();
        let mut end = start;
        let mut known = first;
        loop {
            let entry = self.block_entry(column, known.take())?;
            end = end
                .max(self.end_of(entry.key))
                .max(entry.colon.map_or(entry.start + 1, |colon| colon + 1))
                .max(self.end_of(entry.value));
            entries.push(entry);
            if !self.next_in(column, "the keys of a mapping are not aligned")? {
                break;
            }
        }
        self.leave();
        Ok(self.push(Kind::Mapping { flow: false, entries }, start..end, Properties::default()))
    }

    fn block_entry(&mut self, column: isize, known: Option<(usize, NodeId)>) -> Parsed<Entry> {
        let start = known.map_or(self.at, |(start, _)| start);
        if known.is_none() && self.peek(0) == Some(b'?') && self.spaced(1) {
            return self.explicit_entry(start, column);
        }
        let key = match known {
            Some((_, key)) => key,
            None => {
                let properties = self.properties()?;
                if self.peek(0) == Some(b':') && self.spaced(1) {
                    self.empty(self.at, properties)
                } else {
                    let key = self.key_node(column, true)?;
                    self.check_alias(key, &properties)?;
                    if !self.key_follows(key) {
                        return self.fault("a key without a colon");
                    }
                    self.adorn(key, properties);
                    key
                }
            }
        };
        self.blanks();
        let colon = self.at;
        self.at += 1;
        let value = self.block_node(column, false, true)?;
        Ok(Entry { start, key, value, colon: Some(colon) })
    }

    fn explicit_entry(&mut self, start: usize, column: isize) -> Parsed<Entry> {
        self.at += 1;
        let key = self.block_node(column, true, true)?;
        let hole = self.end_of(key).max(start + 1);
        let leads = self.skip()?;
        if !self.ended()
            && leads
            && self.column(self.at) == column
            && self.peek(0) == Some(b':')
            && self.spaced(1)
        {
            let colon = self.at;
            self.at += 1;
            let value = self.block_node(column, true, true)?;
            return Ok(Entry { start, key, value, colon: Some(colon) });
        }
        let value = self.empty(hole, Properties::default());
        Ok(Entry { start, key, value, colon: None })
    }
}
