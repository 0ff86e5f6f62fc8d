//! A parsed stream: what its first document holds, and where each part of it stands.

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroize as _;

use super::text;

/// A node's place in the arena.
pub(super) type NodeId = usize;

/// How a block scalar ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chomp {
    /// `-`: without line break.
    Strip,
    /// One line break, if the file has one there.
    Clip,
    /// `+`: all of them.
    Keep,
}

/// The layout of a block scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// `>`; otherwise `|`.
    pub(super) folded: bool,
    pub(super) chomp: Chomp,
    /// Where the indicators end.
    pub(super) header_end: usize,
    /// Where the first line of the body begins.
    pub(super) body: usize,
    /// Columns taken off each line.
    pub(super) indent: usize,
    /// Whether the last line of the body has a line break.
    pub(super) closed: bool,
}

impl Block {
    /// Whether the file ends in the block's last line, which would have a line break otherwise.
    pub(super) fn is_open(&self) -> bool {
        !self.closed && self.chomp != Chomp::Strip
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Block(Block),
}

/// One `key: value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where the key with its properties, or its `?`, begins.
    pub(super) start: usize,
    pub(super) key: NodeId,
    pub(super) value: NodeId,
    /// Where the `:` stands, if there is one.
    pub(super) colon: Option<usize>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    Scalar(Style),
    Sequence {
        flow: bool,
        items: Vec<NodeId>,
    },
    Mapping {
        flow: bool,
        entries: Vec<Entry>,
    },
    /// The node that carries the anchor.
    Alias(NodeId),
}

/// A tag and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub(super) span: Range<usize>,
    /// In full: `tag:yaml.org,2002:str` for `!!str`.
    pub(super) name: String,
}

/// Where a node's anchor and tag stand, and what the tag says.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties {
    pub(super) anchor: Option<Range<usize>>,
    pub(super) tag: Option<Tag>,
}

impl Properties {
    pub(super) fn is_empty(&self) -> bool {
        self.anchor.is_none() && self.tag.is_none()
    }

    /// Where they begin.
    pub(super) fn start(&self) -> Option<usize> {
        let anchor = self.anchor.as_ref().map(|span| span.start);
        let tag = self.tag.as_ref().map(|tag| tag.span.start);
        anchor.into_iter().chain(tag).min()
    }

    /// Where they end.
    pub(super) fn end(&self) -> Option<usize> {
        let anchor = self.anchor.as_ref().map(|span| span.end);
        let tag = self.tag.as_ref().map(|tag| tag.span.end);
        anchor.into_iter().chain(tag).max()
    }
}

/// A node: content and properties.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The content without the properties and without the line break that ends it. Empty for an empty node.
    pub(super) span: Range<usize>,
    pub(super) properties: Properties,
}

/// The first document of a stream.
#[derive(Debug)]
pub(super) struct Document {
    /// None in a document without content.
    pub(super) root: Option<NodeId>,
    /// Where the next marker, or the end of the file, is.
    pub(super) end: usize,
}

/// A parsed stream.
pub(super) struct Tree<'t> {
    pub(super) text: &'t str,
    /// What each scalar says, where it is not to be decoded from `text`.
    pub(super) texts: Vec<String>,
    pub(super) nodes: Vec<Node>,
    /// The first document; None in a stream without one.
    pub(super) first: Option<Document>,
    /// How many documents there are.
    pub(super) documents: usize,
    /// Where the content of a stream without documents can go.
    pub(super) vacant: usize,
    /// Where the file ends. A line break may have been added to the text.
    pub(super) real_end: usize,
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        self.texts.zeroize();
    }
}

impl Tree<'_> {
    /// Whether the file ends in a block scalar whose last line has no line break.
    pub(super) fn ends_open(&self) -> bool {
        let open = |node: &Node| matches!(node.kind, Kind::Scalar(Style::Block(block)) if block.is_open());
        self.nodes.iter().any(open)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The node itself, or the one that an alias stands for.
    pub(super) fn resolved(&self, id: NodeId) -> NodeId {
        match self.nodes[id].kind {
            Kind::Alias(target) => target,
            _ => id,
        }
    }

    /// The text of a scalar; empty for other nodes.
    pub(super) fn scalar(&self, id: NodeId) -> Cow<'_, str> {
        let node = &self.nodes[id];
        if let Some(text) = self.texts.get(id) {
            return Cow::Borrowed(text);
        }
        match node.kind {
            Kind::Scalar(style) => text::decode(&self.text[node.span.clone()], node.span.start, style),
            _ => Cow::Borrowed(""),
        }
    }

    /// The entries of a mapping; none for other nodes.
    pub(super) fn entries(&self, id: NodeId) -> &[Entry] {
        match &self.nodes[id].kind {
            Kind::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// Where the line of this byte begins. A BOM is not part of it.
    pub(super) fn line_start(&self, at: usize) -> usize {
        line_start(self.text.as_bytes(), at)
    }

    /// Where the line of this byte ends, before its break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        at + rest.iter().position(|byte| is_break(*byte)).unwrap_or(rest.len())
    }

    /// Whether this byte stands in the last line of a file that does not end in a line break.
    pub(super) fn is_last(&self, at: usize) -> bool {
        self.real_end < self.text.len() && self.next_line(at) >= self.text.len()
    }

    /// Where the line after the one of this byte begins.
    pub(super) fn next_line(&self, at: usize) -> usize {
        let end = self.line_end(at);
        end + break_len(&self.text.as_bytes()[end..])
    }
}

/// Whether the byte ends a line.
pub(super) const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Whether the byte separates words in a line.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// How many bytes the line break at the start of these has.
pub(super) fn break_len(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// The line end of a file: that of its first line. A carriage return alone is one in YAML.
pub(super) fn line_ending(bytes: &[u8]) -> &'static str {
    match bytes.iter().position(|byte| is_break(*byte)) {
        Some(at) if bytes[at..].starts_with(b"\r\n") => "\r\n",
        Some(at) if bytes[at] == b'\r' => "\r",
        _ => "\n",
    }
}

/// Where the line of this byte begins.
pub(super) fn line_start(bytes: &[u8], at: usize) -> usize {
    let start = bytes[..at].iter().rposition(|byte| is_break(*byte)).map_or(0, |before| before + 1);
    if start == 0 && bytes.starts_with(BOM) && at >= BOM.len() { BOM.len() } else { start }
}

/// The UTF-8 form of the byte order mark.
pub(super) const BOM: &[u8] = "\u{feff}".as_bytes();
