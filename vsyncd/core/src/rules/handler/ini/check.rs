//! Whether the edited file reads as the old one with what was asked for, and nothing else.

use std::collections::{HashMap, HashSet};

use super::edit::says;
use super::file::{File, Kind, Value};
use super::remove::Taken;
use super::wanted::Wanted;
use crate::rules::handler::MergeError;
use crate::rules::key_path::KeyPath;

type Values<'a> = HashMap<(&'a str, &'a str), Vec<Value<'a>>>;

/// All values of all keys, but for those that are left out.
fn values<'a>(file: &File<'a>, left_out: &[bool]) -> Values<'a> {
    let mut values = Values::new();
    for (at, entry) in file.entries.iter().enumerate() {
        if !left_out.get(at).copied().unwrap_or(false) {
            let place = (file.section_of(entry), file.key_of(entry));
            values.entry(place).or_default().push(file.value_of(entry));
        }
    }
    values
}

fn comments<'a>(file: &'a File<'_>) -> impl Iterator<Item = &'a str> {
    let comments = file.lines.iter().filter(|line| line.kind == Kind::Comment);
    comments.map(|line| &file.text[line.content.clone()])
}

fn sections<'a>(file: &File<'a>, left_out: &[bool]) -> HashSet<&'a str> {
    let left_out = |at: usize| left_out.get(at).copied().unwrap_or(false);
    let sections = file.sections.iter().enumerate().filter(|(at, _)| !left_out(*at));
    sections.map(|(_, section)| section.name).chain([""]).collect()
}

fn failed(section: &str, key: Option<&str>) -> MergeError {
    MergeError::CheckFailed { path: [section].into_iter().chain(key).collect() }
}

/// After a merge.
pub(super) fn merged(old: &File<'_>, wanted: &[Wanted<'_>], new: &File<'_>) -> Result<(), MergeError> {
    let (mut before, mut after) = (values(old, &[]), values(new, &[]));
    let mut names = sections(old, &[]);
    for wanted in wanted {
        names.insert(wanted.section);
        let Some(key) = wanted.key else { continue };
        let place = (wanted.section, key);
        let there = before.remove(&place).unwrap_or_default();
        let found = after.remove(&place).unwrap_or_default();
        let kept = there.len().saturating_sub(wanted.values.len());
        let stays = found.get(..kept).is_some_and(|found| found == &there[..kept]);
        let last = found.get(kept..).unwrap_or_default();
        let fits =
            last.len() == wanted.values.len() && last.iter().zip(&wanted.values).all(|(a, b)| says(a, b));
        if !stays || !fits {
            return Err(failed(wanted.section, Some(key)));
        }
    }
    same(&before, &after)?;
    if names != sections(new, &[]) || !comments(old).eq(comments(new)) {
        return Err(MergeError::CheckFailed { path: KeyPath::root() });
    }
    Ok(())
}

/// After a removal.
pub(super) fn removed(old: &File<'_>, taken: &Taken, new: &File<'_>) -> Result<(), MergeError> {
    same(&values(old, &taken.entries), &values(new, &[]))?;
    if sections(old, &taken.sections) != sections(new, &[]) {
        return Err(MergeError::CheckFailed { path: KeyPath::root() });
    }
    Ok(())
}

fn same(before: &Values<'_>, after: &Values<'_>) -> Result<(), MergeError> {
    let differs =
        |(section, key): &&(&str, &str)| before.get(&(*section, *key)) != after.get(&(*section, *key));
    match before.keys().chain(after.keys()).find(differs) {
        None => Ok(()),
        Some((section, key)) => Err(failed(section, Some(key))),
    }
}
