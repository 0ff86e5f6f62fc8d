//! JSON, with comments and trailing commas where the file has them.

mod check;
mod edit;
mod emit;
mod number;
#[cfg(test)]
mod properties;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::lines::line_ending;
use super::places::Places;
use super::source::{Fault, Role, Source};
use super::splice::Before;
use super::{Change, MergeError, Merged, Options};
use crate::rules::key_path::KeyPath;
use check::Reading;
use edit::{Changed, Removal, Setting};
use scan::{Kind, Node, Object};

const FORMAT: &str = "json";

pub(super) fn merge(existing: &[u8], incoming: &[u8], options: Options) -> Result<Merged, MergeError> {
    let file = Source::read(existing, FORMAT, Role::File)?;
    let data = Source::read(incoming, FORMAT, Role::Data)?;
    let root = object(&file, Role::File)?;
    let Some(wanted) = object(&data, Role::Data)? else { return Ok(unchanged(existing, Vec::new())) };
    let mut found = Leaves { data: &data, all: Vec::new(), nulls: Vec::new() };
    found.object(&wanted, &KeyPath::root())?;
    let nulls = if options.delete_nulls { found.nulls } else { Vec::new() };

    let (cut, mut changed) = match &root {
        Some(root) => Removal::run(&file, root, &Places::of(&nulls))?,
        None => Default::default(),
    };
    let moved = Before::of(&cut.spans());
    let eol = line_ending(file.text);
    let set = |base: &Source<'_>, root: &Object| {
        let (edits, set) = Setting::run(base, root, data.text, &wanted, eol, options.delete_nulls)?;
        Ok::<_, MergeError>((edits.apply(base.text).ok_or_else(lost)?, set))
    };
    let (after, set) = match &root {
        Some(root) if cut.is_empty() => set(&file, root)?,
        _ => {
            let base = if root.is_some() { cut.apply(file.text) } else { Some(with_root(file.text, eol)) };
            let base = base.ok_or_else(lost)?;
            let base = Source::read(base.as_bytes(), FORMAT, Role::File)?;
            set(&base, &object(&base, Role::File)?.ok_or_else(lost)?)?
        }
    };
    changed.extend(set.into_iter().map(|(at, change)| (moved.place(at), change)));
    if changed.is_empty() {
        return Ok(unchanged(existing, found.all));
    }
    let mut reading = Reading::of(file.text);
    match (&mut reading, Reading::of(data.text)) {
        (Some(reading), Some(data)) => reading.overlay(data, options.delete_nulls),
        _ => reading = None,
    }
    check::verify(reading.as_ref(), &after)?;
    Ok(Merged { bytes: file.with_text(&after), changes: in_order(changed), managed: found.all })
}

pub(super) fn remove(existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    let file = Source::read(existing, FORMAT, Role::File)?;
    let Some(root) = object(&file, Role::File)? else { return Ok(unchanged(existing, Vec::new())) };
    let places = Places::of(places);
    let (edits, changed) = Removal::run(&file, &root, &places)?;
    if changed.is_empty() {
        return Ok(unchanged(existing, Vec::new()));
    }
    let after = edits.apply(file.text).ok_or_else(lost)?;
    let mut reading = Reading::of(file.text);
    if let Some(reading) = &mut reading {
        reading.without(&places);
    }
    check::verify(reading.as_ref(), &after)?;
    Ok(Merged { bytes: file.with_text(&after), changes: in_order(changed), managed: Vec::new() })
}

const fn lost() -> MergeError {
    MergeError::CheckFailed { path: KeyPath::root() }
}

/// The object at a document's root, none if the document is empty.
fn object(source: &Source<'_>, role: Role) -> Result<Option<Object>, MergeError> {
    match scan::scan(source.text).map_err(|fault| source.fault(fault))? {
        None => Ok(None),
        Some(Node { kind: Kind::Object(object), .. }) => Ok(Some(object)),
        Some(node) => Err(role.wrong_root(node.kind.name())),
    }
}

/// A file of comments, or of nothing, with an empty object at its end.
fn with_root(text: &str, eol: &str) -> Zeroizing<String> {
    let mut base = Zeroizing::new(String::new());
    if !text.trim().is_empty() {
        base.push_str(text);
        if !text.ends_with('\n') {
            base.push_str(eol);
        }
    }
    base.push_str("{}");
    base.push_str(eol);
    base
}

fn unchanged(existing: &[u8], managed: Vec<KeyPath>) -> Merged {
    Merged { bytes: Zeroizing::new(existing.to_vec()), changes: Vec::new(), managed }
}

fn in_order(mut changed: Vec<Changed>) -> Vec<Change> {
    changed.sort_by_key(|(at, _)| *at);
    changed.into_iter().map(|(_, change)| change).collect()
}

/// The places of the incoming values.
struct Leaves<'a> {
    data: &'a Source<'a>,
    all: Vec<KeyPath>,
    nulls: Vec<KeyPath>,
}

impl Leaves<'_> {
    /// # Errors
    /// A key stands twice in one object.
    fn object(&mut self, object: &Object, path: &KeyPath) -> Result<(), MergeError> {
        let mut seen = HashSet::new();
        for member in &object.members {
            if !seen.insert(member.key.as_str()) {
                let fault = Fault { at: member.key_at.start, what: "a key stands twice" };
                return Err(self.data.fault(fault));
            }
            let path = path.child(&member.key);
            match &member.value.kind {
                Kind::Object(below) if !below.members.is_empty() => {
                    self.object(below, &path)?;
                    continue;
                }
                Kind::Null => self.nulls.push(path.clone()),
                _ => {}
            }
            self.all.push(path);
        }
        Ok(())
    }
}
