//! TOML, edited in the form the file uses: tables, inline tables, dotted keys, arrays of tables.

mod edit;
mod emit;
mod form;
mod layout;
#[cfg(test)]
mod properties;
mod removal;
mod scan;
#[cfg(test)]
mod tests;
mod value;

use zeroize::Zeroizing;

use super::lines::line_ending;
use super::places::Places;
use super::source::{Role, Source};
use super::{Change, MergeError, Merged};
use crate::rules::key_path::KeyPath;
use edit::{Setting, by_key, changes, single};
use form::Form;
use layout::Layout;
use removal::Removal;
use scan::{Inline, Statement};
use value::{Table, Value};

const FORMAT: &str = "toml";

pub(super) fn merge(existing: &[u8], incoming: &[u8]) -> Result<Merged, MergeError> {
    let file = Source::read(existing, FORMAT, Role::File)?;
    let data = Source::read(incoming, FORMAT, Role::Data)?;
    let (statements, old) = read(&file)?;
    let (_, want) = read(&data)?;
    let mut managed = Vec::new();
    leaves(&want, &KeyPath::root(), &mut managed);
    let mut changed = Vec::new();
    changes(&old, &want, &KeyPath::root(), &mut changed);
    if changed.is_empty() {
        return Ok(unchanged(existing, managed));
    }
    let layout = Layout { text: file.text, statements: &statements };
    let root = form::Table::of(&statements);
    let order = order_of(&layout, &root, &changed, &want);
    let mut in_the_way = Vec::new();
    conflicts(&layout, &root, &old, &want, &KeyPath::root(), &mut in_the_way);
    let eol = line_ending(file.text);
    let after = if in_the_way.is_empty() {
        Setting::run(&layout, &file, eol, &root, &old, &want)?.apply(file.text)
    } else {
        let (cut, _) = Removal::run(&layout, &root, &Places::of(&in_the_way));
        let base = cut.apply(file.text).ok_or_else(lost)?;
        let base = Source::read(base.as_bytes(), FORMAT, Role::File)?;
        let (statements, present) = read(&base)?;
        let layout = Layout { text: base.text, statements: &statements };
        let root = form::Table::of(&statements);
        Setting::run(&layout, &base, eol, &root, &present, &want)?.apply(base.text)
    };
    let after = after.ok_or_else(lost)?;

    let mut wanted = old;
    wanted.overlay(want);
    verify(&wanted, &after, false)?;
    Ok(Merged { bytes: file.with_text(&after), changes: sorted(changed, &order), managed })
}

pub(super) fn remove(existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    let file = Source::read(existing, FORMAT, Role::File)?;
    let (statements, mut wanted) = read(&file)?;
    let layout = Layout { text: file.text, statements: &statements };
    let places = Places::of(places);
    let (edits, changes) = Removal::run(&layout, &form::Table::of(&statements), &places);
    if changes.is_empty() {
        return Ok(unchanged(existing, Vec::new()));
    }
    let after = edits.apply(file.text).ok_or_else(lost)?;
    wanted.without(&places);
    verify(&wanted, &after, true)?;
    Ok(Merged { bytes: file.with_text(&after), changes, managed: Vec::new() })
}

fn read(source: &Source<'_>) -> Result<(Vec<Statement>, Table), MergeError> {
    let statements = scan::scan(source.text).map_err(|fault| source.fault(fault))?;
    Ok((statements, Table::read(source)?))
}

const fn lost() -> MergeError {
    MergeError::CheckFailed { path: KeyPath::root() }
}

fn unchanged(existing: &[u8], managed: Vec<KeyPath>) -> Merged {
    Merged { bytes: Zeroizing::new(existing.to_vec()), changes: Vec::new(), managed }
}

/// The result has to be TOML that says `wanted`.
fn verify(wanted: &Table, after: &str, hollow: bool) -> Result<(), MergeError> {
    let source = Source::read(after.as_bytes(), FORMAT, Role::File).map_err(|_| lost())?;
    let after = Table::read(&source).map_err(|_| lost())?;
    let differs = |path| Err(MergeError::CheckFailed { path });
    wanted.difference(&after, &KeyPath::root(), hollow).map_or(Ok(()), differs)
}

fn leaves(table: &Table, path: &KeyPath, out: &mut Vec<KeyPath>) {
    for (key, value) in table.iter() {
        match value {
            Value::Table(below) if !below.is_empty() => leaves(below, &path.child(key), out),
            _ => out.push(path.child(key)),
        }
    }
}

/// Tables that stand where another kind of value is wanted; they are taken out before it is set.
fn conflicts(
    layout: &Layout<'_>,
    form: &form::Table,
    old: &Table,
    want: &Table,
    path: &KeyPath,
    out: &mut Vec<KeyPath>,
) {
    for (key, wanted) in want.iter() {
        let (Some(form), Some(old)) = (form.children.get(key), old.get(key)) else { continue };
        let path = path.child(key);
        match (form, old, wanted) {
            (Form::Table(form), Value::Table(old), Value::Table(want)) => {
                conflicts(layout, form, old, want, &path, out);
            }
            (Form::Table(_), _, _) => out.push(path),
            (Form::Tables(_), _, Value::Array { items, .. })
                if !items.is_empty() && items.iter().all(|item| matches!(item, Value::Table(_))) => {}
            (Form::Tables(_), old, wanted) if old != wanted => out.push(path),
            (Form::Value(pair), Value::Table(old), Value::Table(want)) => {
                if let Some(inline) = layout.node(*pair).and_then(|node| node.inline.as_ref()) {
                    let all: Vec<_> = (0..inline.members.len()).collect();
                    inline_conflicts(inline, (&all, 0), old, want, &path, out);
                }
            }
            _ => {}
        }
    }
}

/// Dotted keys inside an inline table that stand where another kind of value is wanted.
fn inline_conflicts(
    inline: &Inline,
    (members, depth): (&[usize], usize),
    old: &Table,
    want: &Table,
    path: &KeyPath,
    out: &mut Vec<KeyPath>,
) {
    let groups = by_key(inline, members, depth);
    for (key, wanted) in want.iter() {
        let (Some(group), Some(old)) = (groups.get(key), old.get(key)) else { continue };
        let path = path.child(key);
        match (single(inline, group, depth), old, wanted) {
            (Some(node), Value::Table(old), Value::Table(want)) => {
                if let Some(inline) = &node.inline {
                    let all: Vec<_> = (0..inline.members.len()).collect();
                    inline_conflicts(inline, (&all, 0), old, want, &path, out);
                }
            }
            (Some(_), _, _) => {}
            (None, Value::Table(old), Value::Table(want)) => {
                inline_conflicts(inline, (group, depth + 1), old, want, &path, out);
            }
            (None, _, _) => out.push(path),
        }
    }
}

/// For each change how early it stands in the file: its first statement, or the last of the table it is
/// added to.
fn order_of(layout: &Layout<'_>, root: &form::Table, changes: &[Change], want: &Table) -> Vec<usize> {
    let root_pairs = layout.root_pairs();
    changes
        .iter()
        .map(|change| {
            let mut table = root;
            for key in &change.path.0 {
                match table.children.get(key) {
                    Some(Form::Table(below)) => table = below,
                    Some(Form::Value(pair)) => return *pair * 2,
                    Some(Form::Tables(sections)) => return sections.first().map_or(0, |first| first * 2),
                    None => break,
                }
            }
            let dotted = table.dotted.map(|(pair, _)| pair + 1);
            if is_table(want, &change.path) && dotted.is_none() {
                let last = table.last_header().filter(|_| change.path.0.len() > 1);
                return last.map_or(usize::MAX, |header| layout.next_header(header) * 2);
            }
            let section = table.header.map(|header| layout.next_header(header));
            let at_root = (change.path.0.len() == 1).then_some(root_pairs);
            let behind = dotted.or(section).or(at_root);
            behind.map_or(usize::MAX, |behind| (behind * 2).saturating_sub(1))
        })
        .collect()
}

fn is_table(table: &Table, path: &KeyPath) -> bool {
    let mut at = table;
    path.0.iter().all(|key| match at.get(key) {
        Some(Value::Table(below)) => {
            at = below;
            true
        }
        _ => false,
    })
}

fn sorted(changes: Vec<Change>, order: &[usize]) -> Vec<Change> {
    let mut numbered: Vec<_> = changes.into_iter().enumerate().collect();
    numbered.sort_by_key(|(number, _)| order.get(*number).copied());
    numbered.into_iter().map(|(_, change)| change).collect()
}
