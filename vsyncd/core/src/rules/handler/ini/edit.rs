//! The edits that make a file hold what is wanted.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use zeroize::Zeroizing;

use super::block::Block;
use super::file::{Entry, File, Kind, Value, is_word};
use super::quote;
use super::style::{Style, deeper, more, spaced};
use super::wanted::Wanted;
use crate::rules::handler::lines::whole_lines;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind, MergeError, Position};
use crate::rules::key_path::KeyPath;

/// Whether a value of the file says what is wanted.
pub(super) fn says(there: &Value<'_>, wanted: &Value<'_>) -> bool {
    match (there.as_deref(), wanted.as_deref()) {
        (Some([there]), Some([wanted])) => quote::says(there, wanted),
        (there, wanted) => there == wanted,
    }
}

/// The edits, and what they change in the file's order.
pub(super) fn plan(
    file: &File<'_>,
    data: &File<'_>,
    wanted: &[Wanted<'_>],
) -> Result<(Splice, Vec<Change>), MergeError> {
    let mut known: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (at, entry) in file.entries.iter().enumerate() {
        known.entry((file.section_of(entry), file.key_of(entry))).or_default().push(at);
    }
    let mut last: HashMap<&str, usize> = HashMap::new();
    last.extend(file.sections.iter().enumerate().map(|(at, section)| (section.name, at)));
    let mut editor = Editor { file, data, splice: Splice::default(), changes: Vec::new() };
    let mut fresh: Vec<&Wanted<'_>> = Vec::new();
    let mut absent: BTreeMap<usize, Vec<&Wanted<'_>>> = BTreeMap::new();
    for wanted in wanted {
        let there = wanted.key.and_then(|key| known.get(&(wanted.section, key)));
        match (there, last.get(wanted.section)) {
            (Some(entries), _) => editor.present(entries, wanted)?,
            (None, Some(section)) if wanted.key.is_some() => absent.entry(*section).or_default().push(wanted),
            (None, Some(_)) => {}
            (None, None) => fresh.push(wanted),
        }
    }
    for (section, wanted) in &absent {
        editor.absent(*section, wanted);
    }
    editor.fresh(&fresh)?;
    editor.changes.sort_by_key(|(at, _)| *at);
    Ok((editor.splice, editor.changes.into_iter().map(|(_, change)| change).collect()))
}

struct Editor<'f, 'a> {
    file: &'f File<'a>,
    /// For its style, where the file has none.
    data: &'f File<'a>,
    splice: Splice,
    /// With the byte that each begins at.
    changes: Vec<(usize, Change)>,
}

impl Editor<'_, '_> {
    fn changed(&mut self, at: usize, path: KeyPath, kind: ChangeKind) {
        self.changes.push((at, Change { path, kind }));
    }

    /// The last of the entries get the values, one each; values that are left over go before them.
    fn present(&mut self, entries: &[usize], wanted: &Wanted<'_>) -> Result<(), MergeError> {
        let file = self.file;
        let shared = entries.len().min(wanted.values.len());
        let (surplus, values) = wanted.values.split_at(wanted.values.len() - shared);
        let first = &file.entries[entries[0]];
        for value in surplus {
            let style = Style::of(file, Some(first.section), self.data);
            let mut block = Block::new(style.end());
            block.line(&style.line(file.key_of(first), value.as_deref()));
            let at = file.lines[first.lines.start].whole.start;
            self.splice.insert(at, block.closed());
            self.changed(at, wanted.place(), ChangeKind::Added);
        }
        for (entry, value) in entries[entries.len() - shared..].iter().zip(values) {
            let entry = &file.entries[*entry];
            if !says(&file.value_of(entry), value) {
                self.replace(entry, value, &wanted.place())?;
                self.changed(entry.key.start, wanted.place(), ChangeKind::Replaced);
            }
        }
        Ok(())
    }

    fn replace(&mut self, entry: &Entry, value: &Value<'_>, path: &KeyPath) -> Result<(), MergeError> {
        let file = self.file;
        let rest = entry.lines.start + 1..entry.lines.end;
        for line in &file.lines[rest.clone()] {
            let text = &file.text[line.content.clone()];
            if line.kind == Kind::More && text.starts_with('[') && text.ends_with(']') {
                let at = Position::of(file.text.as_bytes(), line.content.start);
                let what = "an indented section header reads as a part of the value above it";
                return Err(MergeError::Unsupported { path: path.clone(), at, what });
            }
        }
        self.first_line(entry, value);
        let mut gone: Option<Range<usize>> = None;
        for line in &file.lines[rest] {
            match (&mut gone, line.kind) {
                (_, Kind::Comment) => self.delete(gone.take()),
                (Some(range), _) => range.end = line.whole.end,
                (None, _) => gone = Some(line.whole.clone()),
            }
        }
        self.delete(gone);
        Ok(())
    }

    fn delete(&mut self, lines: Option<Range<usize>>) {
        if let Some(lines) = lines {
            self.splice.delete(whole_lines(self.file.text, lines));
        }
    }

    /// Writes the whole new value after the key; the old one's further lines are not touched here.
    fn first_line(&mut self, entry: &Entry, value: &Value<'_>) {
        let file = self.file;
        let indent = file.indent_of(entry.lines.start);
        let continued =
            (entry.lines.start + 1..entry.lines.end).find(|at| file.lines[*at].kind == Kind::More);
        let below = continued.map_or_else(|| deeper(indent), |at| file.indent_of(at).to_owned());
        let style = Style::of(file, Some(entry.section), self.data);
        let key = file.key_of(entry);
        let all = entry.key.end..entry.value.end;
        let (Some(value), Some(at)) = (value.as_deref(), entry.delimiter) else {
            let assigned = value.as_deref().map(|value| style.assigned(key, value, &below));
            return self.splice.replace(all, assigned.unwrap_or_default());
        };
        let first = value.first().copied().unwrap_or_default();
        let old = &file.text[entry.value.clone()];
        let first = if value.len() == 1 { quote::like(old, first) } else { Zeroizing::new(first.to_owned()) };
        let rest = more(value, &below, style.end());
        let mut text = Zeroizing::new(String::with_capacity(first.len() + rest.len() + 2));
        let range = if first.is_empty() && value.len() > 1 {
            at + 1..entry.value.end
        } else if splits_elsewhere(file, entry, &first) {
            text.push_str(" = ");
            all
        } else if entry.value.is_empty() && !first.is_empty() {
            let blank = at > entry.key.end || file.text[at..].starts_with(':');
            text.push_str(if blank { " " } else { "" });
            at + 1..entry.value.end
        } else {
            entry.value.clone()
        };
        text.push_str(&first);
        text.push_str(&rest);
        self.splice.replace(range, text);
    }

    /// Keys that are not there go below the last one of their section's last part.
    fn absent(&mut self, section: usize, wanted: &[&Wanted<'_>]) {
        let style = Style::of(self.file, Some(section), self.data);
        let (line, apart) = place_in(self.file, section);
        let mut block = Block::new(style.end());
        let at = self.offset(line);
        for wanted in wanted {
            for value in &wanted.values {
                block.line(&style.line(wanted.key.unwrap_or_default(), value.as_deref()));
                self.changed(at, wanted.place(), ChangeKind::Added);
            }
        }
        if apart && !block.is_empty() {
            block.line("");
        }
        self.insert(at, block);
    }

    /// Sections that are not there go to the end of the file, above its trailing blank lines.
    fn fresh(&mut self, wanted: &[&Wanted<'_>]) -> Result<(), MergeError> {
        let file = self.file;
        let style = Style::of(file, None, self.data);
        let apart = spaced(file);
        let line = below_the_last(file);
        let at = self.offset(line);
        let mut block = Block::new(style.end());
        let mut names: Vec<&str> = Vec::new();
        let mut groups: HashMap<&str, Vec<&Wanted<'_>>> = HashMap::new();
        for wanted in wanted {
            let group = groups.entry(wanted.section).or_default();
            if group.is_empty() {
                names.push(wanted.section);
            }
            group.push(wanted);
        }
        self.no_hidden_header(&groups)?;
        for name in names {
            if apart && (line > 0 || !block.is_empty()) {
                block.line("");
            }
            block.line(&format!("[{name}]"));
            for wanted in &groups[name] {
                let Some(key) = wanted.key else { continue };
                for value in &wanted.values {
                    block.line(&style.line(key, value.as_deref()));
                }
            }
            self.changed(at, KeyPath::from_iter([name]), ChangeKind::Added);
        }
        self.insert(at, block);
        Ok(())
    }

    /// A header that is indented below a key is a part of its value here and a section for other readers.
    fn no_hidden_header(&self, groups: &HashMap<&str, Vec<&Wanted<'_>>>) -> Result<(), MergeError> {
        for line in self.file.lines.iter().filter(|line| line.kind == Kind::More) {
            let name = self.file.text[line.content.clone()].strip_prefix('[');
            let name = name.and_then(|rest| rest.strip_suffix(']'));
            if let Some(name) = name.filter(|name| groups.contains_key(name)) {
                let at = Position::of(self.file.text.as_bytes(), line.content.start);
                let what = "an indented section header reads as a part of the value above it";
                return Err(MergeError::Unsupported { path: KeyPath::from_iter([name]), at, what });
            }
        }
        Ok(())
    }

    /// Where a line begins, or the end of the text.
    fn offset(&self, line: usize) -> usize {
        self.file.lines.get(line).map_or(self.file.text.len(), |line| line.whole.start)
    }

    /// Adds whole lines. A file that ends without a line end keeps to that.
    fn insert(&mut self, at: usize, block: Block) {
        let text = self.file.text;
        let open = at == text.len() && at > 0 && !text.ends_with('\n');
        // Other lines that go to such an end come after these and bring their own line end.
        if !block.is_empty() {
            self.splice.insert(at, if open { block.opened() } else { block.closed() });
        }
    }
}

/// The line that a section's next key goes before, and whether a blank line is to follow it.
fn place_in(file: &File<'_>, section: usize) -> (usize, bool) {
    let section = &file.sections[section];
    let entries = &file.entries[section.entries.clone()];
    if let Some(last) = entries.iter().rev().find(|entry| !file.is_directive(entry)) {
        return (last.lines.end, false);
    }
    if let Some(header) = section.header {
        let below = file.lines[header + 1..].iter().take_while(|line| line.kind == Kind::Comment).count();
        let next = header + 1 + below;
        let own = file.lines.get(next).is_none_or(|line| line.kind == Kind::Blank);
        // Comments right above something else are about that.
        return (if own { next } else { header + 1 }, false);
    }
    let first = file.sections.get(1).and_then(|section| section.header);
    let first = first.into_iter().chain(entries.first().map(|entry| entry.lines.start)).min();
    match first {
        Some(first) => {
            let above =
                file.lines[..first].iter().rev().take_while(|line| line.kind == Kind::Comment).count();
            (first - above, true)
        }
        None => (below_the_last(file), false),
    }
}

/// The line after the last one that is not blank.
fn below_the_last(file: &File<'_>) -> usize {
    file.lines.iter().rposition(|line| line.kind != Kind::Blank).map_or(0, |last| last + 1)
}

/// Whether a line would be split elsewhere with this value: at an `=` after a `:` that delimits.
fn splits_elsewhere(file: &File<'_>, entry: &Entry, first: &str) -> bool {
    let colon = entry.delimiter.filter(|at| file.text[*at..].starts_with(':'));
    colon.is_some_and(|at| {
        let blank = entry.value.is_empty() || entry.value.start > at + 1;
        first.contains('=') && !(blank && is_word(file.key_of(entry)))
    })
}
