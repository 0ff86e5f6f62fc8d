//! The lines of a TOML file: which belong together, and where further ones go.

use std::ops::Range;

use super::form::Table;
use super::scan::{Kind, Node, Statement};
use crate::rules::handler::lines::line_start;

/// A file and its statements.
pub(super) struct Layout<'a> {
    pub(super) text: &'a str,
    pub(super) statements: &'a [Statement],
}

impl<'a> Layout<'a> {
    /// The value of a pair.
    pub(super) fn node(&self, pair: usize) -> Option<&'a Node> {
        match &self.statements.get(pair)?.kind {
            Kind::Pair(node) => Some(node),
            Kind::Header | Kind::ArrayHeader => None,
        }
    }

    pub(super) fn is_pair(&self, number: usize) -> bool {
        self.node(number).is_some()
    }

    /// The lines of a statement, without the last line break.
    pub(super) fn lines(&self, number: usize) -> Range<usize> {
        let at = &self.statements[number].at;
        line_start(self.text, at.start)..self.line_end(at.end)
    }

    /// The end of the line of a byte, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
        at + line.strip_suffix('\r').filter(|_| line.len() < rest.len()).unwrap_or(line).len()
    }

    /// The statement that begins the next section.
    pub(super) fn next_header(&self, header: usize) -> usize {
        let rest = self.statements.get(header + 1..).unwrap_or_default();
        header + 1 + rest.iter().take_while(|statement| matches!(statement.kind, Kind::Pair(_))).count()
    }

    /// How many pairs stand before the first header.
    pub(super) fn root_pairs(&self) -> usize {
        self.statements.iter().take_while(|statement| matches!(statement.kind, Kind::Pair(_))).count()
    }

    /// From a header to the end of its last pair.
    pub(super) fn section(&self, header: usize) -> Range<usize> {
        let last = self.next_header(header) - 1;
        self.lines(header).start..self.lines(last).end
    }

    /// Behind a section and the comments that directly follow it, unless they lead on to a header.
    pub(super) fn section_end(&self, header: usize) -> usize {
        let end = self.section(header).end;
        let mut seen = end;
        while let Some(next) = self.next_line(seen) {
            let end_of_line = self.line_end(next);
            let line = self.text[next..end_of_line].trim_start();
            if line.starts_with('#') {
                seen = end_of_line;
            } else {
                return if line.is_empty() { seen } else { end };
            }
        }
        seen
    }

    /// The start of the next line, if the line that ends here has a line break.
    pub(super) fn next_line(&self, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        rest.starts_with("\r\n").then_some(end + 2).or_else(|| rest.starts_with('\n').then_some(end + 1))
    }

    /// The line above, without its line break.
    pub(super) fn line_above(&self, start: usize) -> Option<Range<usize>> {
        let above = line_start(self.text, start.checked_sub(1)?);
        Some(above..self.line_end(above))
    }

    pub(super) fn is_blank(&self, line: &Range<usize>) -> bool {
        self.text[line.clone()].trim().is_empty()
    }

    /// Whether a blank line, or nothing, stands above a line.
    pub(super) fn free_above(&self, start: usize) -> bool {
        self.line_above(start).is_none_or(|line| self.is_blank(&line))
    }

    /// The start of the comments that stand directly above a header, or of the header if they are the first
    /// lines of the file: those are about the file.
    pub(super) fn with_comments(&self, header: usize) -> usize {
        let own = self.lines(header).start;
        let mut start = own;
        while let Some(above) = self.line_above(start) {
            if !self.text[above.clone()].trim_start().starts_with('#') {
                return start;
            }
            start = above.start;
        }
        own
    }

    /// Behind the last line that is not blank.
    pub(super) fn last_line(&self) -> usize {
        match self.text.trim_end().len() {
            0 => 0,
            at => self.line_end(at),
        }
    }

    /// Whether the sections of the file follow each other without blank lines.
    pub(super) fn is_tight(&self) -> bool {
        let mut later = (1..self.statements.len()).filter(|number| !self.is_pair(*number)).map(|number| {
            let mut start = self.lines(number).start;
            while let Some(above) = self.line_above(start) {
                if !self.text[above.clone()].trim_start().starts_with('#') {
                    break;
                }
                start = above.start;
            }
            !self.free_above(start)
        });
        later.next().is_some_and(|first| first) && later.all(|tight| tight)
    }

    /// The pairs of a table's own section, or of the root.
    pub(super) fn own_pairs(&self, table: &Table) -> Range<usize> {
        match table.header {
            Some(header) => header + 1..self.next_header(header),
            None => 0..self.root_pairs(),
        }
    }
}
