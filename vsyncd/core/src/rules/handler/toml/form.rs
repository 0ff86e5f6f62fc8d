//! The tables of a TOML file, and by which statements each of them is written.

use std::collections::BTreeMap;

use super::scan::{Kind, Statement};

/// A value or a table of the file.
#[derive(Debug)]
pub(super) enum Form {
    /// By this pair.
    Value(usize),
    /// By headers, dotted keys, or what stands below it.
    Table(Table),
    /// `[[…]]`: by these sections, in order, those of its sub-tables among them.
    Tables(Vec<usize>),
}

/// A table that is not inline. Numbers are those of statements.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) header: Option<usize>,
    /// The first and the last header of this table and of all below it.
    headers: Option<(usize, usize)>,
    /// The last pair whose dotted key goes through this table, and by how many of its keys.
    pub(super) dotted: Option<(usize, usize)>,
    pub(super) children: BTreeMap<String, Form>,
}

impl Table {
    /// The root of a file with these statements.
    pub(super) fn of(statements: &[Statement]) -> Self {
        let mut root = Self::default();
        let mut section: Option<&Statement> = None;
        let mut skipped = false;
        for (number, statement) in statements.iter().enumerate() {
            match statement.kind {
                Kind::Pair(_) if skipped => {}
                Kind::Pair(_) => {
                    let above = section.map_or(&[][..], |section| &section.keys);
                    if let Some(table) = root.walk(above.iter().map(|key| key.name.as_str())) {
                        table.pair(number, statement);
                    }
                }
                Kind::Header | Kind::ArrayHeader => {
                    section = Some(statement);
                    skipped = root.header(number, statement);
                }
            }
        }
        root
    }

    fn walk<'a>(&mut self, keys: impl Iterator<Item = &'a str>) -> Option<&mut Self> {
        let mut table = self;
        for key in keys {
            match table.children.entry(key.to_owned()).or_insert_with(|| Form::Table(Self::default())) {
                Form::Table(below) => table = below,
                Form::Value(_) | Form::Tables(_) => return None,
            }
        }
        Some(table)
    }

    fn pair(&mut self, number: usize, statement: &Statement) {
        let Some((last, above)) = statement.keys.split_last() else { return };
        let mut table = self;
        for (depth, key) in above.iter().enumerate() {
            match table.walk(std::iter::once(key.name.as_str())) {
                Some(below) => table = below,
                None => return,
            }
            table.dotted = Some((number, depth + 1));
        }
        table.children.insert(last.name.clone(), Form::Value(number));
    }

    /// Notes a header; says whether what follows belongs to an array of tables.
    fn header(&mut self, number: usize, statement: &Statement) -> bool {
        let array = matches!(statement.kind, Kind::ArrayHeader);
        let mut table = self;
        for (depth, key) in statement.keys.iter().enumerate() {
            table.note(number);
            let last = depth + 1 == statement.keys.len();
            let fresh = || {
                if last && array { Form::Tables(Vec::new()) } else { Form::Table(Self::default()) }
            };
            match table.children.entry(key.name.clone()).or_insert_with(fresh) {
                Form::Table(below) => table = below,
                Form::Tables(sections) => {
                    sections.push(number);
                    return true;
                }
                Form::Value(_) => return true,
            }
        }
        table.note(number);
        table.header = Some(number);
        false
    }

    fn note(&mut self, header: usize) {
        let first = self.headers.map_or(header, |(first, _)| first);
        self.headers = Some((first, header));
    }

    /// The first header of this table and of all below it.
    pub(super) fn first_header(&self) -> Option<usize> {
        self.headers.map(|(first, _)| first)
    }

    /// The last of them.
    pub(super) fn last_header(&self) -> Option<usize> {
        self.headers.map(|(_, last)| last)
    }

    /// The headers of this table and of all below it.
    pub(super) fn headers(&self) -> Vec<usize> {
        let mut found: Vec<_> = self.header.into_iter().collect();
        for form in self.children.values() {
            found.extend(form.headers());
        }
        found
    }
}

impl Form {
    /// The headers by which this is written.
    pub(super) fn headers(&self) -> Vec<usize> {
        match self {
            Self::Value(_) => Vec::new(),
            Self::Table(table) => table.headers(),
            Self::Tables(sections) => sections.clone(),
        }
    }

    /// The last of them.
    pub(super) fn last_header(&self) -> Option<usize> {
        match self {
            Self::Value(_) => None,
            Self::Table(table) => table.last_header(),
            Self::Tables(sections) => sections.last().copied(),
        }
    }

    /// The pairs of this and of all below it, except those in arrays of tables.
    pub(super) fn pairs(&self) -> Vec<usize> {
        match self {
            Self::Value(pair) => vec![*pair],
            Self::Table(table) => table.children.values().flat_map(Self::pairs).collect(),
            Self::Tables(_) => Vec::new(),
        }
    }
}
