//! Which bytes change when values are set.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::emit::{self, Room, Style};
use super::form::{Form, Table};
use super::layout::Layout;
use super::scan::{Inline, Key, Kind, Node};
use super::value::{self, Value};
use crate::rules::handler::comma_list::{Comments, Placement};
use crate::rules::handler::lines::line_indent;
use crate::rules::handler::source::Source;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind, MergeError};
use crate::rules::key_path::KeyPath;

/// Members of an inline table by the key at one depth of their dotted keys.
pub(super) fn by_key<'a>(inline: &'a Inline, of: &[usize], depth: usize) -> BTreeMap<&'a str, Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &member in of {
        if let Some(key) = inline.members[member].0.get(depth) {
            groups.entry(&key.name).or_default().push(member);
        }
    }
    groups
}

/// The value of a group, if it is one and not a table of dotted keys.
pub(super) fn single<'a>(inline: &'a Inline, group: &[usize], depth: usize) -> Option<&'a Node> {
    let [member] = group else { return None };
    let (keys, node) = &inline.members[*member];
    (keys.len() == depth + 1).then_some(node)
}

/// Sets the values of the incoming data in a file in which no table stands where a value is wanted.
pub(super) struct Setting<'a> {
    layout: &'a Layout<'a>,
    file: &'a Source<'a>,
    style: Style,
    tight: OnceCell<bool>,
    edits: Splice,
}

/// A value that is not there yet.
type New<'a> = (&'a str, &'a Value);

impl<'a> Setting<'a> {
    pub(super) fn run(
        layout: &'a Layout<'a>,
        file: &'a Source<'a>,
        eol: &'static str,
        root: &Table,
        old: &value::Table,
        want: &value::Table,
    ) -> Result<Splice, MergeError> {
        let (tight, edits) = Default::default();
        let mut setting = Self { layout, file, style: Style { eol }, tight, edits };
        setting.table(root, old, want, &KeyPath::root())?;
        Ok(setting.edits)
    }

    fn table(
        &mut self,
        table: &Table,
        old: &value::Table,
        want: &value::Table,
        path: &KeyPath,
    ) -> Result<(), MergeError> {
        let new: Vec<New<'_>> = want.iter().filter(|(key, _)| !table.children.contains_key(*key)).collect();
        // What goes behind the same line: the dotted tables that are there come first, then this table's own
        // keys, then the headers that sections below may get, then further sections.
        self.children(table, old, want, path, true)?;
        if table.dotted.is_some() {
            self.children(table, old, want, path, false)?;
        }
        let sections = self.add(table, &new, path);
        if table.dotted.is_none() {
            self.children(table, old, want, path, false)?;
        }
        if !sections.is_empty() {
            self.add_sections(table, &sections, path, sections.len() < new.len());
        }
        Ok(())
    }

    /// Sets what is there already: the values below dotted keys, or the others.
    fn children(
        &mut self,
        table: &Table,
        old: &value::Table,
        want: &value::Table,
        path: &KeyPath,
        dotted: bool,
    ) -> Result<(), MergeError> {
        for (key, wanted) in want.iter() {
            let path = path.child(key);
            let Some(form) = table.children.get(key) else { continue };
            if matches!(form, Form::Table(below) if below.dotted.is_some()) != dotted {
                continue;
            }
            match (form, old.get(key)) {
                (Form::Value(pair), Some(old)) => {
                    let node = self.layout.node(*pair);
                    self.value(node.ok_or(failed(&path))?, old, wanted, &path)?;
                }
                (Form::Table(below), Some(Value::Table(old))) => match wanted {
                    Value::Table(want) => self.table(below, old, want, &path)?,
                    _ => return Err(failed(&path)),
                },
                (Form::Tables(sections), Some(old)) if old != wanted => {
                    self.blocks(sections, wanted, &path)?;
                }
                (Form::Tables(_), Some(_)) => {}
                _ => return Err(failed(&path)),
            }
        }
        Ok(())
    }

    fn value(&mut self, node: &Node, old: &Value, want: &Value, path: &KeyPath) -> Result<(), MergeError> {
        if let (Some(inline), Value::Table(old), Value::Table(want)) = (&node.inline, old, want) {
            let mut items = Vec::new();
            let all: Vec<_> = (0..inline.members.len()).collect();
            self.inline(inline, (&all, 0), old, want, path, &mut items)?;
            if !items.is_empty() {
                let text = self.layout.text;
                let blank = text[inline.list.inner.clone()].trim().is_empty();
                let place = inline.list.placement(text, Comments::Hash, "  ", " ");
                let place = if blank { Placement::Inline(" ".to_owned()) } else { place };
                if inline.list.inner.is_empty() {
                    self.edits.insert(inline.list.inner.start, " ".to_owned());
                }
                inline.list.append(text, Comments::Hash, &place, self.style.eol, &items, &mut self.edits);
                if inline.list.inner.is_empty() {
                    self.edits.insert(inline.list.inner.end, " ".to_owned());
                }
            }
            return Ok(());
        }
        if old != want {
            let text = self.layout.text;
            let raw = Some(&text[node.at.clone()]);
            let own_line = self.layout.statements.binary_search_by(|statement| {
                if statement.at.end < node.at.end {
                    std::cmp::Ordering::Less
                } else if statement.at.start > node.at.start {
                    std::cmp::Ordering::Greater
                } else {
                    std::cmp::Ordering::Equal
                }
            });
            let free =
                own_line.is_ok_and(|number| self.layout.node(number).is_some_and(|own| own.at == node.at));
            let room = if free {
                Room::Free { old: raw, indent: line_indent(text, node.at.start), trailing: node.trailing }
            } else {
                Room::Inside(raw)
            };
            self.edits.replace(node.at.clone(), self.style.value(want, room));
        }
        Ok(())
    }

    /// Goes through those members of an inline table whose keys agree up to a depth.
    fn inline(
        &mut self,
        inline: &Inline,
        (members, depth): (&[usize], usize),
        old: &value::Table,
        want: &value::Table,
        path: &KeyPath,
        items: &mut Vec<Zeroizing<String>>,
    ) -> Result<(), MergeError> {
        let groups = by_key(inline, members, depth);
        for (key, wanted) in want.iter() {
            let path = path.child(key);
            let (Some(group), Some(old)) = (groups.get(key), old.get(key)) else {
                let text = self.layout.text;
                let prefix = match members.first() {
                    Some(first) if depth > 0 => prefix(text, &inline.members[*first].0, depth),
                    _ => String::new(),
                };
                let equals = inline
                    .members
                    .last()
                    .map_or(" = ", |(keys, node)| emit::equals(text, keys, node.at.start));
                let value = self.style.value(wanted, Room::Inside(None));
                items.push(format!("{prefix}{}{equals}{}", emit::key(key), *value).into());
                continue;
            };
            match (single(inline, group, depth), old, wanted) {
                (Some(node), _, _) => self.value(node, old, wanted, &path)?,
                (None, Value::Table(old), Value::Table(want)) => {
                    self.inline(inline, (group, depth + 1), old, want, &path, items)?;
                }
                _ => return Err(failed(&path)),
            }
        }
        Ok(())
    }

    /// Writes an array of tables anew.
    fn blocks(&mut self, sections: &[usize], want: &Value, path: &KeyPath) -> Result<(), MergeError> {
        let (Some(&first), Some(&last), Value::Array { items, .. }) =
            (sections.first(), sections.last(), want)
        else {
            return Err(failed(path));
        };
        let adjoin = sections.windows(2).all(|pair| self.layout.next_header(pair[0]) == pair[1]);
        if !adjoin {
            let at = self.file.position(self.layout.statements[first].at.start);
            let what = "other sections stand between those of the array of tables";
            return Err(MergeError::Unsupported { path: path.clone(), at, what });
        }
        let start = self.layout.lines(first).start;
        let lines = self.array_blocks(items, path, self.indent_of(Some(first)));
        self.edits.replace(start..self.layout.section(last).end, self.joined(&lines));
        Ok(())
    }

    /// Adds all that becomes pairs; what needs sections comes back, to be added when the tables that are there
    /// have got theirs.
    fn add<'b>(&mut self, table: &Table, new: &[New<'b>], path: &KeyPath) -> Vec<New<'b>> {
        if new.is_empty() {
            return Vec::new();
        }
        if let Some((pair, depth)) = table.dotted {
            let mut lines = Vec::new();
            let statement = &self.layout.statements[pair];
            let prefix = prefix(self.layout.text, &statement.keys, depth);
            for (key, value) in new {
                self.dotted(&format!("{prefix}{}", emit::key(key)), value, &mut lines);
            }
            let indent = line_indent(self.layout.text, statement.at.start);
            let equals = self.equals_of(pair);
            let end = self.layout.lines(pair).end;
            for (key, value) in lines {
                let line = format!("{}{indent}{key}{equals}{}", self.style.eol, *value);
                self.edits.insert(end, line);
            }
            return Vec::new();
        }
        let wanted = self.form_of_tables(table);
        let (sections, pairs): (Vec<_>, Vec<_>) =
            new.iter().partition(|(_, value)| wanted == Tables::Sections && needs_section(value));
        if !pairs.is_empty() {
            let mut lines = Vec::new();
            for (key, value) in pairs {
                match value {
                    Value::Table(_) if wanted == Tables::Dotted => {
                        self.dotted(&emit::key(key), value, &mut lines);
                    }
                    _ => lines.push((emit::key(key), self.style.fresh(value))),
                }
            }
            self.add_pairs(table, &lines, path);
        }
        sections
    }

    /// How the last of a table's tables is written.
    fn form_of_tables(&self, table: &Table) -> Tables {
        let form = |form: &Form| match form {
            Form::Value(pair) => {
                self.layout.node(*pair).filter(|node| node.inline.is_some()).map(|_| (*pair, Tables::Inline))
            }
            Form::Table(below) => match (below.dotted, below.last_header()) {
                (_, Some(last)) => Some((last, Tables::Sections)),
                (Some((last, _)), None) => Some((last, Tables::Dotted)),
                (None, None) => None,
            },
            Form::Tables(sections) => sections.last().map(|last| (*last, Tables::Sections)),
        };
        table
            .children
            .values()
            .filter_map(form)
            .max_by_key(|(at, _)| *at)
            .map_or(Tables::Sections, |(_, form)| form)
    }

    /// A value below a dotted key, as one pair for each leaf.
    fn dotted(&self, key: &str, value: &Value, lines: &mut Vec<(String, Zeroizing<String>)>) {
        match value {
            Value::Table(table) if !table.is_empty() => {
                for (below, value) in table.iter() {
                    self.dotted(&format!("{key}.{}", emit::key(below)), value, lines);
                }
            }
            _ => lines.push((key.to_owned(), self.style.fresh(value))),
        }
    }

    fn add_pairs(&mut self, table: &Table, pairs: &[(String, Zeroizing<String>)], path: &KeyPath) {
        let layout = self.layout;
        let own = layout.own_pairs(table);
        let eol = self.style.eol;
        let sibling = (!own.is_empty() && (table.header.is_some() || path.0.is_empty())).then(|| own.end - 1);
        if let Some(above) = sibling.or(table.header) {
            let range = layout.lines(above);
            let indent = line_indent(layout.text, range.start);
            let column = sibling.map_or(0, |_| self.column(own));
            let equals = sibling.map_or(" = ", |pair| self.equals_of(pair));
            for (key, value) in pairs {
                let pad = column.saturating_sub(key.chars().count());
                let line = format!("{eol}{indent}{key}{:pad$}{equals}{}", "", **value);
                self.edits.insert(range.end, line);
            }
            return;
        }
        let below = if path.0.is_empty() { layout.root_pairs() } else { table.first_header().unwrap_or(0) };
        let Some(header) = (below < layout.statements.len()).then_some(below) else {
            let mut text = self.joined(&pairs.iter().map(line).collect::<Vec<_>>());
            let end = layout.last_line();
            if end == 0 {
                text.push_str(eol);
            } else {
                text.insert_str(0, eol);
            }
            self.edits.insert(end, text);
            return;
        };
        let at = layout.with_comments(header);
        let indent = line_indent(layout.text, layout.lines(header).start);
        let mut lines: Vec<_> = pairs.iter().map(line).collect();
        let mut blank = true;
        if !path.0.is_empty() {
            let head = format!("{indent}[{}]", emit::keys(path.0.iter().map(String::as_str)));
            for line in &mut lines {
                line.insert_str(0, indent);
            }
            lines.insert(0, head.into());
            blank = layout.free_above(at);
        }
        let mut text = self.joined(&lines);
        text.push_str(eol);
        text.push_str(if blank { eol } else { "" });
        self.edits.insert(at, text);
    }

    /// The width that the keys of aligned pairs are filled up to; zero if they are not aligned.
    fn column(&self, pairs: std::ops::Range<usize>) -> usize {
        let mut width = None;
        let mut filled = false;
        for pair in pairs {
            let (statement, Some(node)) = (&self.layout.statements[pair], self.layout.node(pair)) else {
                continue;
            };
            let Some(last) = statement.keys.last() else { continue };
            let between = &self.layout.text[last.at.end..node.at.start];
            let blanks = between.find('=').unwrap_or(0);
            let keys = self.layout.text[statement.at.start..last.at.end].chars().count();
            filled |= blanks > 1;
            if *width.get_or_insert(keys + blanks) != keys + blanks {
                return 0;
            }
        }
        if filled { width.unwrap_or(0).saturating_sub(1) } else { 0 }
    }

    fn equals_of(&self, pair: usize) -> &'static str {
        let statement = &self.layout.statements[pair];
        match &statement.kind {
            Kind::Pair(node) => emit::equals(self.layout.text, &statement.keys, node.at.start),
            Kind::Header | Kind::ArrayHeader => " = ",
        }
    }

    fn add_sections(&mut self, table: &Table, new: &[New<'_>], path: &KeyPath, behind_pairs: bool) {
        let layout = self.layout;
        let child = table.children.values().filter_map(Form::last_header).max();
        let indent = self.indent_of(child.or(table.header));
        let last = if path.0.is_empty() { None } else { table.last_header() };
        let at = last.map_or_else(|| layout.last_line(), |header| layout.section_end(header));
        let mut lines = Vec::new();
        for (key, value) in new {
            self.sections(value, &path.child(key), indent, &mut lines);
        }
        if (at > 0 || behind_pairs) && !self.tight() {
            lines.insert(0, Zeroizing::default());
        }
        if at > 0 {
            lines.insert(0, Zeroizing::default());
        } else {
            lines.push(Zeroizing::default());
        }
        self.edits.insert(at, self.joined(&lines));
    }

    /// How a section and its pairs are indented; the pairs as those of the file's last section that has some,
    /// if this one has none.
    fn indent_of(&self, header: Option<usize>) -> Indent<'a> {
        let layout = self.layout;
        let of = |number: usize| line_indent(layout.text, layout.lines(number).start);
        let with_pairs = |header: &usize| !layout.is_pair(*header) && layout.is_pair(*header + 1);
        let sample =
            header.filter(with_pairs).or_else(|| (0..layout.statements.len()).rev().find(with_pairs));
        let pairs = sample.and_then(|sample| of(sample + 1).strip_prefix(of(sample)));
        Indent { header: header.map_or("", of), pairs: pairs.unwrap_or_default() }
    }

    fn tight(&self) -> bool {
        *self.tight.get_or_init(|| self.layout.is_tight())
    }

    /// The lines of a table or an array of tables, as sections.
    fn sections(
        &self,
        value: &Value,
        path: &KeyPath,
        indent: Indent<'_>,
        lines: &mut Vec<Zeroizing<String>>,
    ) {
        match value {
            Value::Table(table) => {
                let (sections, pairs): (Vec<_>, Vec<_>) =
                    table.iter().partition(|(_, value)| needs_section(value));
                if !pairs.is_empty() || sections.is_empty() {
                    self.gap(lines);
                    lines.push(header("[", path, "]", indent.header));
                }
                self.body(&pairs, &sections, path, indent, lines);
            }
            Value::Array { items, .. } => {
                let blocks = self.array_blocks(items, path, indent);
                self.gap(lines);
                lines.extend(blocks);
            }
            Value::String(_) | Value::Plain(_) => {}
        }
    }

    fn array_blocks(&self, items: &[Value], path: &KeyPath, indent: Indent<'_>) -> Vec<Zeroizing<String>> {
        let mut lines = Vec::new();
        for item in items {
            let Value::Table(table) = item else { continue };
            self.gap(&mut lines);
            lines.push(header("[[", path, "]]", indent.header));
            let (sections, pairs): (Vec<_>, Vec<_>) =
                table.iter().partition(|(_, value)| needs_section(value));
            self.body(&pairs, &sections, path, indent, &mut lines);
        }
        lines
    }

    fn body(
        &self,
        pairs: &[New<'_>],
        sections: &[New<'_>],
        path: &KeyPath,
        indent: Indent<'_>,
        lines: &mut Vec<Zeroizing<String>>,
    ) {
        for (key, value) in pairs {
            let line =
                format!("{}{}{} = {}", indent.header, indent.pairs, emit::key(key), *self.style.fresh(value));
            lines.push(line.into());
        }
        for (key, value) in sections {
            self.sections(value, &path.child(key), indent, lines);
        }
    }

    /// A blank line between sections, in a file that has them.
    fn gap(&self, lines: &mut Vec<Zeroizing<String>>) {
        if !lines.is_empty() && !self.tight() {
            lines.push(Zeroizing::default());
        }
    }

    fn joined(&self, lines: &[Zeroizing<String>]) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::new());
        for (number, line) in lines.iter().enumerate() {
            out.push_str(if number > 0 { self.style.eol } else { "" });
            out.push_str(line);
        }
        out
    }
}

/// The blanks before a header, and those that come before the pairs besides.
#[derive(Clone, Copy)]
struct Indent<'a> {
    header: &'a str,
    pairs: &'a str,
}

/// How tables inside a table are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tables {
    Sections,
    Inline,
    Dotted,
}

fn needs_section(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array { items, tables } => *tables && !items.is_empty(),
        Value::String(_) | Value::Plain(_) => false,
    }
}

fn header(open: &str, path: &KeyPath, close: &str, indent: &str) -> Zeroizing<String> {
    format!("{indent}{open}{}{close}", emit::keys(path.0.iter().map(String::as_str))).into()
}

fn line((key, value): &(String, Zeroizing<String>)) -> Zeroizing<String> {
    format!("{key} = {}", **value).into()
}

/// The first keys of a dotted key as they are spelled, with the dot behind them.
fn prefix(text: &str, keys: &[Key], depth: usize) -> String {
    match (keys.first(), keys.get(depth.wrapping_sub(1))) {
        (Some(first), Some(last)) => format!("{}.", &text[first.at.start..last.at.end]),
        _ => String::new(),
    }
}

fn failed(path: &KeyPath) -> MergeError {
    MergeError::CheckFailed { path: path.clone() }
}

/// What a merge changes, as the values tell it.
pub(super) fn changes(old: &value::Table, want: &value::Table, path: &KeyPath, out: &mut Vec<Change>) {
    for (key, wanted) in want.iter() {
        let path = path.child(key);
        match (old.get(key), wanted) {
            (None, _) => out.push(Change { path, kind: ChangeKind::Added }),
            (Some(Value::Table(old)), Value::Table(want)) => changes(old, want, &path, out),
            (Some(old), _) if old == wanted => {}
            _ => out.push(Change { path, kind: ChangeKind::Replaced }),
        }
    }
}
