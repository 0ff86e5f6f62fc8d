//! Reads a stream into a [`Tree`]. Written for exact places; strict where leniency could misread a file.

use std::collections::HashMap;
use std::ops::Range;

use super::tree::{
    BOM, Document, Kind, Node, NodeId, Properties, Style, Tag, Tree, break_len, is_blank, is_break,
    line_start,
};
use crate::rules::handler::source::Fault;

/// Collections inside collections that are followed.
pub(super) const DEPTH: usize = 128;

pub(super) type Parsed<T> = Result<T, Fault>;

/// Parses all documents of `text`; only the first one is kept.
///
/// `real_end` is where the file ends if a line break was added to it, else the text's length: a block
/// scalar that ends there has no line break.
pub(super) fn parse(text: &str, real_end: usize) -> Parsed<Tree<'_>> {
    // Readers differ on the other characters that do not print; JSON, which is YAML too, may have them.
    if let Some(at) = text.bytes().position(|byte| byte < b' ' && byte != b'\t' && !is_break(byte)) {
        return Err(Fault { at, what: "a character that must not stand in a file" });
    }
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: if text.as_bytes().starts_with(BOM) { BOM.len() } else { 0 },
        real_end,
        nodes: Vec::new(),
        anchors: HashMap::new(),
        handles: HashMap::new(),
        depth: 0,
        vacant: text.len(),
    };
    let (first, documents) = parser.stream()?;
    Ok(Tree {
        text,
        texts: Vec::new(),
        nodes: parser.nodes,
        first,
        documents,
        vacant: parser.vacant,
        real_end,
    })
}

/// Whether every reader takes the character as it is.
pub(super) const fn printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        || c >= '\u{10000}'
}

/// The state of a parse: one file with all parts of the grammar.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
    pub(super) real_end: usize,
    nodes: Vec<Node>,
    anchors: HashMap<&'t str, NodeId>,
    handles: HashMap<&'t str, &'t str>,
    depth: usize,
    vacant: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn fault<T>(&self, what: &'static str) -> Parsed<T> {
        Err(Fault { at: self.at, what })
    }

    /// The byte `ahead` of the place.
    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Whether a blank, a break or the end is `ahead` of the place.
    pub(super) fn spaced(&self, ahead: usize) -> bool {
        self.peek(ahead).is_none_or(|byte| is_blank(byte) || is_break(byte))
    }

    /// The column of a byte.
    pub(super) fn column(&self, at: usize) -> isize {
        (at - line_start(self.bytes, at)).cast_signed()
    }

    /// Whether only blanks stand before the place in its line.
    pub(super) fn leads(&self) -> bool {
        self.bytes[line_start(self.bytes, self.at)..self.at].iter().all(|byte| is_blank(*byte))
    }

    /// Whether `---` or `...` stands at this byte, which must begin a line.
    pub(super) fn marker(&self, at: usize) -> bool {
        let rest = &self.bytes[at..];
        (rest.starts_with(b"---") || rest.starts_with(b"..."))
            && rest.get(3).is_none_or(|byte| is_blank(*byte) || is_break(*byte))
            && line_start(self.bytes, at) == at
    }

    /// Whether the document ends at the place.
    pub(super) fn ended(&self) -> bool {
        self.at >= self.bytes.len() || (matches!(self.peek(0), Some(b'-' | b'.')) && self.marker(self.at))
    }

    /// Passes blanks.
    pub(super) fn blanks(&mut self) {
        while self.peek(0).is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// Passes blanks, breaks and comments. Gives whether the next word is the first in its line.
    pub(super) fn skip(&mut self) -> Parsed<bool> {
        loop {
            self.blanks();
            match self.peek(0) {
                Some(b'#') if self.at == 0 || self.leads() || is_blank(self.bytes[self.at - 1]) => {
                    self.at = self.end_of_line();
                }
                Some(byte) if is_break(byte) => self.at += break_len(&self.bytes[self.at..]),
                _ => break,
            }
        }
        let leads = self.leads();
        if leads && self.at < self.bytes.len() {
            let start = line_start(self.bytes, self.at);
            if let Some(tab) = self.bytes[start..self.at].iter().position(|byte| *byte == b'\t') {
                return Err(Fault { at: start + tab, what: "a tab is used for indentation" });
            }
        }
        Ok(leads)
    }

    pub(super) fn end_of_line(&self) -> usize {
        let rest = &self.bytes[self.at..];
        self.at + rest.iter().position(|byte| is_break(*byte)).unwrap_or(rest.len())
    }

    pub(super) fn push(&mut self, kind: Kind, span: Range<usize>, properties: Properties) -> NodeId {
        let id = self.nodes.len();
        if let Some(anchor) = &properties.anchor {
            self.anchors.insert(&self.text[anchor.start + 1..anchor.end], id);
        }
        self.nodes.push(Node { kind, span, properties });
        id
    }

    /// A node without content.
    pub(super) fn empty(&mut self, at: usize, properties: Properties) -> NodeId {
        self.push(Kind::Scalar(Style::Plain), at..at, properties)
    }

    /// Notes that the node begun before now has its properties.
    pub(super) fn adorn(&mut self, id: NodeId, properties: Properties) {
        if let Some(anchor) = &properties.anchor {
            self.anchors.insert(&self.text[anchor.start + 1..anchor.end], id);
        }
        self.nodes[id].properties = properties;
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH { self.fault("too many collections inside each other") } else { Ok(()) }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Anchor and tag, as far as they stand in this line.
    pub(super) fn properties(&mut self) -> Parsed<Properties> {
        let mut found = Properties::default();
        loop {
            let start = self.at;
            match self.peek(0) {
                Some(b'&') if found.anchor.is_none() => {
                    self.name()?;
                    found.anchor = Some(start..self.at);
                }
                Some(b'!') if found.tag.is_none() => {
                    let name = self.tag()?;
                    found.tag = Some(Tag { span: start..self.at, name });
                }
                Some(b'&' | b'!') => return self.fault("a second anchor or tag"),
                _ => {
                    self.at = found.end().unwrap_or(start);
                    self.blanks();
                    return Ok(found);
                }
            }
            if !self.spaced(0) && !matches!(self.peek(0), Some(b',' | b']' | b'}')) {
                return self.fault("a space is missing after an anchor or tag");
            }
            self.blanks();
        }
    }

    /// Passes `&name` or `*name`.
    fn name(&mut self) -> Parsed<()> {
        let end = |byte: &u8| is_blank(*byte) || is_break(*byte) || b",[]{}".contains(byte);
        let rest = &self.bytes[self.at + 1..];
        let len = rest.iter().position(end).unwrap_or(rest.len());
        if len == 0 {
            return self.fault("an anchor without a name");
        }
        self.at += 1 + len;
        Ok(())
    }

    /// `*name` as a node.
    pub(super) fn alias(&mut self) -> Parsed<NodeId> {
        let start = self.at;
        self.name()?;
        match self.anchors.get(&self.text[start + 1..self.at]) {
            Some(target) => Ok(self.push(Kind::Alias(*target), start..self.at, Properties::default())),
            None => Err(Fault { at: start, what: "an alias of an unknown anchor" }),
        }
    }

    /// Passes a tag; gives its full name.
    fn tag(&mut self) -> Parsed<String> {
        let rest = &self.text[self.at..];
        if let Some(verbatim) = rest.strip_prefix("!<") {
            let Some(len) =
                verbatim.find(['>', '\n', '\r', ' ']).filter(|at| verbatim[*at..].starts_with('>'))
            else {
                return self.fault("a tag that does not end");
            };
            self.at += len + 3;
            return Ok(verbatim[..len].to_owned());
        }
        let end = |c: char| c.is_whitespace() || ",[]{}".contains(c);
        let raw = &rest[..rest.find(end).unwrap_or(rest.len())];
        self.at += raw.len();
        let (handle, suffix) = match raw[1..].find('!') {
            Some(second) => raw.split_at(second + 2),
            None => raw.split_at(1),
        };
        match (self.handles.get(handle), handle) {
            (Some(prefix), _) => Ok(format!("{prefix}{suffix}")),
            (None, "!") => Ok(raw.to_owned()),
            (None, "!!") => Ok(format!("tag:yaml.org,2002:{suffix}")),
            _ => self.fault("a tag with an unknown handle"),
        }
    }

    fn stream(&mut self) -> Parsed<(Option<Document>, usize)> {
        let (mut first, mut documents) = (None, 0);
        while let Some(document) = self.document()? {
            documents += 1;
            first = first.or(Some(document));
        }
        Ok((first, documents))
    }

    /// The next document; None at the end of the stream.
    fn document(&mut self) -> Parsed<Option<Document>> {
        self.anchors.clear();
        self.handles.clear();
        let mut directives = false;
        loop {
            if self.bytes[self.at..].starts_with(BOM) {
                self.at += BOM.len();
            }
            self.skip()?;
            if self.at >= self.bytes.len() {
                return if directives { self.fault("a directive without a document") } else { Ok(None) };
            }
            let starts = line_start(self.bytes, self.at) == self.at;
            if starts && self.peek(0) == Some(b'%') {
                self.directive()?;
                directives = true;
            } else if self.marker(self.at) && self.peek(0) == Some(b'.') {
                if directives {
                    return self.fault("a directive without a document");
                }
                self.vacant = self.vacant.min(self.at);
                self.end_marker()?;
            } else {
                break;
            }
        }
        let explicit = self.marker(self.at);
        if directives && !explicit {
            return self.fault("a directive without a document");
        }
        if explicit {
            self.at += 3;
        }
        let root = self.block_node(-1, false, false)?;
        self.skip()?;
        if !self.ended() {
            return self.fault("text after the end of the content");
        }
        let end = self.at;
        if self.peek(0) == Some(b'.') {
            self.end_marker()?;
        }
        let node = &self.nodes[root];
        let content = !node.span.is_empty() || !node.properties.is_empty();
        Ok(Some(Document { root: content.then_some(root), end }))
    }

    fn end_marker(&mut self) -> Parsed<()> {
        self.at += 3;
        self.blanks();
        match self.peek(0) {
            Some(byte) if byte != b'#' && !is_break(byte) => self.fault("text after the end of a document"),
            _ => Ok(()),
        }
    }

    fn directive(&mut self) -> Parsed<()> {
        let line = &self.text[self.at..self.end_of_line()];
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        match words.next() {
            Some("%TAG") => match (words.next(), words.next()) {
                (Some(handle), Some(prefix)) if handle.starts_with('!') && handle.ends_with('!') => {
                    self.handles.insert(handle, prefix);
                }
                _ => return self.fault("a directive that is not complete"),
            },
            Some("%YAML") if !words.next().is_some_and(|version| version.starts_with("1.")) => {
                return self.fault("a version that is not known");
            }
            _ => {}
        }
        self.at = self.end_of_line();
        Ok(())
    }
}
