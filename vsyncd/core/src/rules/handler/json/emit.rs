//! Incoming values written the way the file is written.

use std::ops::Range;

use zeroize::Zeroizing;

use super::scan::{Kind, Member, Node, Object};
use crate::rules::handler::comma_list::{Comments, Placement};
use crate::rules::handler::lines::line_indent;

/// How an object is written, and what is added to it.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) eol: &'static str,
    /// One indentation.
    pub(super) unit: String,
    /// Between a key and its value.
    pub(super) colon: &'static str,
    /// Behind a comma on one line.
    pub(super) gap: String,
    /// Inside the braces of an object on one line.
    pub(super) pad: &'static str,
}

impl Style {
    /// Of a file that says nothing about it.
    pub(super) fn fresh(eol: &'static str) -> Self {
        Self { eol, unit: "  ".to_owned(), colon: ": ", gap: " ".to_owned(), pad: "" }
    }

    /// The style inside `object`, where it differs from that around it.
    pub(super) fn within(&self, text: &str, object: &Object) -> Self {
        let mut style = self.clone();
        let Some(last) = object.members.last() else { return style };
        style.colon = match &text[last.key_at.end..last.value.at.start] {
            between if between.starts_with(':') && between.len() == 1 => ":",
            between if between.starts_with(':') => ": ",
            between if between.trim_start().len() == 1 => " :",
            _ => " : ",
        };
        let inner = &text[object.list.inner.start..object.list.items[0].at.start];
        style.pad = if inner.starts_with(' ') && !inner.contains('\n') { " " } else { "" };
        if let Some(unit) = unit(text, object) {
            style.unit = unit.to_owned();
        }
        let gap = if style.colon.ends_with(' ') { " " } else { "" };
        style.gap = match object.list.placement(text, Comments::Slashes, "", gap) {
            Placement::Inline(gap) => gap,
            Placement::Line(_) => gap.to_owned(),
        };
        style
    }
}

/// By how much the members of an object are indented more than its line.
fn unit<'a>(text: &'a str, object: &Object) -> Option<&'a str> {
    let last = object.list.items.last()?;
    if !text[object.list.inner.start..last.at.start].contains('\n') {
        return None;
    }
    let indent = line_indent(text, last.at.start);
    indent.strip_prefix(line_indent(text, object.list.inner.start)).filter(|unit| !unit.is_empty())
}

/// What an array looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// There was none, or it was empty.
    Free,
    /// All on one line.
    Line,
    /// Its items on lines of their own, and so on inside them.
    Lines,
    /// Its items on lines of their own, each on one.
    FlatLines,
}

impl Shape {
    /// Of a value in its text.
    pub(super) fn of(text: &str, node: &Node) -> Self {
        let tall = |node: &Node| text[node.at.clone()].contains('\n');
        match &node.kind {
            Kind::Array(values) if values.is_empty() => Self::Free,
            Kind::Array(_) if !tall(node) => Self::Line,
            Kind::Array(values) => {
                let nested =
                    values.iter().any(|value| matches!(value.kind, Kind::Object(_) | Kind::Array(_)));
                if nested && !values.iter().any(tall) { Self::FlatLines } else { Self::Lines }
            }
            _ => Self::Free,
        }
    }
}

/// Writes values of the incoming text.
pub(super) struct Writer<'a> {
    pub(super) incoming: &'a str,
    pub(super) style: &'a Style,
    /// Members that are null are left out.
    pub(super) without_nulls: bool,
}

impl Writer<'_> {
    /// `"key": value`; `indent` is that of the line, none if all stays on one line.
    pub(super) fn member(&self, member: &Member, indent: Option<&str>) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::new());
        self.write_member(member, indent, &mut out);
        out
    }

    /// The value; an array in the shape of the one that stood there.
    pub(super) fn value(&self, node: &Node, indent: Option<&str>, shape: Shape) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::new());
        match (&node.kind, indent, shape) {
            (Kind::Array(values), Some(indent), Shape::Lines | Shape::FlatLines) if !values.is_empty() => {
                self.lines('[', ']', values, indent, &mut out, |value, deeper, out| {
                    self.whole().write(value, (shape == Shape::Lines).then_some(deeper), out);
                });
            }
            (Kind::Array(_), _, Shape::Line) => self.write(node, None, &mut out),
            _ => self.write(node, indent, &mut out),
        }
        out
    }

    fn write(&self, node: &Node, indent: Option<&str>, out: &mut String) {
        match &node.kind {
            Kind::Object(object) => {
                let members: Vec<_> = object.members.iter().filter(|member| self.keeps(member)).collect();
                match indent {
                    _ if members.is_empty() => out.push_str("{}"),
                    Some(indent) => self.lines('{', '}', &members, indent, out, |member, deeper, out| {
                        self.write_member(member, Some(deeper), out);
                    }),
                    None => {
                        out.push('{');
                        out.push_str(self.style.pad);
                        self.inline(&members, out, |member, out| self.write_member(member, None, out));
                        out.push_str(self.style.pad);
                        out.push('}');
                    }
                }
            }
            Kind::Array(values) => match indent {
                Some(indent) if !values.is_empty() && self.tall(node) => {
                    self.lines('[', ']', values, indent, out, |value, deeper, out| {
                        self.whole().write(value, Some(deeper), out);
                    });
                }
                _ => {
                    out.push('[');
                    self.inline(values, out, |value, out| self.whole().write(value, None, out));
                    out.push(']');
                }
            },
            Kind::String | Kind::Number | Kind::Bool(_) | Kind::Null => out.push_str(self.raw(&node.at)),
        }
    }

    /// Arrays are values as a whole: a null inside them stays.
    fn whole(&self) -> Self {
        Self { incoming: self.incoming, style: self.style, without_nulls: false }
    }

    fn write_member(&self, member: &Member, indent: Option<&str>, out: &mut String) {
        out.push_str(self.raw(&member.key_at));
        out.push_str(self.style.colon);
        self.write(&member.value, indent, out);
    }

    fn lines<T>(
        &self,
        open: char,
        close: char,
        items: &[T],
        indent: &str,
        out: &mut String,
        write: impl Fn(&T, &str, &mut String),
    ) {
        let deeper = format!("{indent}{}", self.style.unit);
        out.push(open);
        for (number, item) in items.iter().enumerate() {
            out.push_str(if number > 0 { "," } else { "" });
            out.push_str(self.style.eol);
            out.push_str(&deeper);
            write(item, &deeper, out);
        }
        out.push_str(self.style.eol);
        out.push_str(indent);
        out.push(close);
    }

    fn inline<T>(&self, items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                out.push(',');
                out.push_str(&self.style.gap);
            }
            write(item, out);
        }
    }

    fn keeps(&self, member: &Member) -> bool {
        !(self.without_nulls && matches!(member.value.kind, Kind::Null))
    }

    /// Whether an array goes over several lines: it did where it came from, or holds objects.
    fn tall(&self, node: &Node) -> bool {
        let Kind::Array(values) = &node.kind else { return false };
        self.raw(&node.at).contains('\n')
            || values
                .iter()
                .any(|value| matches!(&value.kind, Kind::Object(object) if !object.members.is_empty()))
    }

    fn raw(&self, at: &Range<usize>) -> &str {
        &self.incoming[at.clone()]
    }
}
