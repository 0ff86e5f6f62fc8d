//! Flow collections: `[…]` and `{…}`.

use super::parser::{Parsed, Parser};
use super::tree::{Entry, Kind, NodeId, Properties, Style, break_len, is_break};

impl Parser<'_> {
    /// Passes blanks, breaks and comments inside a flow collection.
    fn flow_skip(&mut self) -> Parsed<()> {
        loop {
            self.blanks();
            match self.peek(0) {
                Some(b'#') => {
                    let before = self.bytes[self.at - 1];
                    if !before.is_ascii_whitespace() {
                        return self.fault("a comment without a space before it");
                    }
                    self.at = self.end_of_line();
                }
                Some(byte) if is_break(byte) => {
                    self.at += break_len(&self.bytes[self.at..]);
                    if self.ended() {
                        return self.fault("a collection that does not end");
                    }
                }
                Some(_) => return Ok(()),
                None => return self.fault("a collection that does not end"),
            }
        }
    }

    /// Any node of a flow collection, or such a collection itself. Nothing, where a comma, colon or
    /// bracket stands.
    pub(super) fn flow_node(&mut self) -> Parsed<NodeId> {
        let properties = self.properties()?;
        if !properties.is_empty() {
            self.flow_skip()?;
        }
        let bare = properties.is_empty();
        let id = match self.peek(0) {
            Some(b'[') => self.flow_sequence()?,
            Some(b'{') => self.flow_mapping()?,
            Some(b'"' | b'\'') => self.quoted()?,
            Some(b'*') if bare => self.alias()?,
            Some(b',' | b']' | b'}') => {
                let at = properties.end().unwrap_or(self.at);
                return Ok(self.empty(at, properties));
            }
            Some(b':') if self.flow_colon() => {
                let at = properties.end().unwrap_or(self.at);
                return Ok(self.empty(at, properties));
            }
            _ => {
                let span = self.plain(-1, true, false)?;
                self.push(Kind::Scalar(Style::Plain), span, Properties::default())
            }
        };
        if !bare {
            self.adorn(id, properties);
        }
        Ok(id)
    }

    /// Whether the `:` at the place parts key and value after a plain key.
    fn flow_colon(&self) -> bool {
        self.spaced(1) || matches!(self.peek(1), Some(b',' | b'[' | b']' | b'{' | b'}'))
    }

    /// Whether a `:` stands at the place that belongs to this key.
    fn colon_after(&self, key: NodeId) -> bool {
        let node = self.node(key);
        let json = match node.kind {
            Kind::Scalar(style) => style != Style::Plain,
            Kind::Sequence { .. } | Kind::Mapping { .. } => true,
            Kind::Alias(_) => false,
        };
        self.peek(0) == Some(b':') && (json || self.flow_colon())
    }

    /// One entry of a flow collection: key, and value where there is one.
    fn flow_entry(&mut self) -> Parsed<(Entry, bool)> {
        let start = self.at;
        let explicit = self.peek(0) == Some(b'?') && self.spaced(1);
        if explicit {
            self.at += 1;
            self.flow_skip()?;
        }
        let key = self.flow_node()?;
        let hole = self.end_of(key).max(if explicit { start + 1 } else { start });
        self.flow_skip()?;
        if !self.colon_after(key) {
            let value = self.empty(hole, Properties::default());
            return Ok((Entry { start, key, value, colon: None }, explicit));
        }
        let colon = self.at;
        self.at += 1;
        let hole = self.at;
        self.flow_skip()?;
        let value = self.flow_node()?;
        let node = self.node(value);
        let value = if node.span.is_empty() && node.properties.is_empty() {
            self.empty(hole, Properties::default())
        } else {
            value
        };
        Ok((Entry { start, key, value, colon: Some(colon) }, true))
    }

    /// Passes what stands between two entries; true at the end of the collection.
    fn flow_comma(&mut self, close: u8) -> Parsed<bool> {
        self.flow_skip()?;
        match self.peek(0) {
            Some(b',') => {
                self.at += 1;
                self.flow_skip()?;
                Ok(self.peek(0) == Some(close))
            }
            Some(byte) if byte == close => Ok(true),
            _ => self.fault("a comma or bracket is missing"),
        }
    }

    fn flow_mapping(&mut self) -> Parsed<NodeId> {
        self.enter()?;
        let start = self.at;
        self.at += 1;
        self.flow_skip()?;
        let mut entries = Vec::new();
        let mut closed = self.peek(0) == Some(b'}');
        while !closed {
            if self.peek(0) == Some(b',') {
                return self.fault("a comma without an entry before it");
            }
            entries.push(self.flow_entry()?.0);
            closed = self.flow_comma(b'}')?;
        }
        self.at += 1;
        self.leave();
        Ok(self.push(Kind::Mapping { flow: true, entries }, start..self.at, Properties::default()))
    }

    fn flow_sequence(&mut self) -> Parsed<NodeId> {
        self.enter()?;
        let start = self.at;
        self.at += 1;
        self.flow_skip()?;
        let mut items = Vec::new();
        let mut closed = self.peek(0) == Some(b']');
        while !closed {
            if self.peek(0) == Some(b',') {
                return self.fault("a comma without an entry before it");
            }
            let (entry, pair) = self.flow_entry()?;
            if pair {
                let end = self.end_of(entry.value).max(entry.colon.map_or(0, |colon| colon + 1));
                let kind = Kind::Mapping { flow: true, entries: vec![entry] };
                items.push(self.push(kind, entry.start..end, Properties::default()));
            } else {
                items.push(entry.key);
            }
            closed = self.flow_comma(b']')?;
        }
        self.at += 1;
        self.leave();
        Ok(self.push(Kind::Sequence { flow: true, items }, start..self.at, Properties::default()))
    }
}
