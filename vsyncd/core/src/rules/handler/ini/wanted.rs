//! What an incoming document asks for.

use std::collections::{HashMap, HashSet};

use super::file::{Entry, File, Kind, Value};
use crate::rules::handler::source::Fault;
use crate::rules::key_path::KeyPath;

/// The values wanted of one key, or a section that shall be there.
pub(super) struct Wanted<'a> {
    pub(super) section: &'a str,
    /// None for the section itself.
    pub(super) key: Option<&'a str>,
    /// One for each time that the key is given.
    pub(super) values: Vec<Value<'a>>,
}

impl Wanted<'_> {
    /// The place, once for each value.
    pub(super) fn places(&self) -> Vec<KeyPath> {
        vec![self.place(); self.values.len().max(1)]
    }

    /// The place.
    pub(super) fn place(&self) -> KeyPath {
        [self.section].into_iter().chain(self.key).collect()
    }
}

/// Keys in the order in which they first come up, and sections that are empty.
pub(super) fn list<'a>(data: &File<'a>, file: &File<'_>) -> Result<Vec<Wanted<'a>>, Fault> {
    let mut list: Vec<Wanted<'a>> = Vec::new();
    let mut known: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    let alone = alone(file);
    for section in &data.sections {
        for entry in &data.entries[section.entries.clone()] {
            let key = data.key_of(entry);
            if entry.delimiter.is_none() && !alone.contains(&(section.name, key)) {
                stands_apart(data, entry)?;
            }
            let at = *known.entry((section.name, Some(key))).or_insert_with(|| {
                list.push(Wanted { section: section.name, key: Some(key), values: Vec::new() });
                list.len() - 1
            });
            list[at].values.push(data.value_of(entry));
        }
    }
    let filled: HashSet<&str> = list.iter().map(|wanted| wanted.section).collect();
    for section in &data.sections {
        let empty = section.header.is_some() && !filled.contains(section.name);
        if empty && known.insert((section.name, None), usize::MAX).is_none() {
            list.push(Wanted { section: section.name, key: None, values: Vec::new() });
        }
    }
    Ok(list)
}

/// The keys without a value that the file has.
fn alone<'a>(file: &File<'a>) -> HashSet<(&'a str, &'a str)> {
    let bare = file.entries.iter().filter(|entry| entry.delimiter.is_none());
    bare.map(|entry| (file.section_of(entry), file.key_of(entry))).collect()
}

/// A key without a value right below a value is more likely the rest of it, cut by a line break in a
/// secret; as a key it would be shown in the clear.
fn stands_apart(data: &File<'_>, entry: &Entry) -> Result<(), Fault> {
    let number = entry.lines.start;
    let above = number.checked_sub(1).map(|above| data.lines[above].kind);
    let valued = data.entries.iter().rev().skip_while(|other| other.lines.start >= number);
    let below_a_value = valued.into_iter().next().is_some_and(|other| {
        other.lines.end == number
            && other.delimiter.is_some()
            && matches!(above, Some(Kind::Key | Kind::More))
    });
    let start = entry.key.start;
    if below_a_value {
        return Err(Fault {
            at: start,
            what: "a line without a delimiter below a value: does the value hold a line break?",
        });
    }
    let key = data.key_of(entry);
    let odd = key.starts_with(['-', '"', '\'']) || key.contains(char::is_whitespace) && !key.starts_with('!');
    if odd {
        Err(Fault { at: start, what: "a line that is neither section, comment nor key" })
    } else {
        Ok(())
    }
}
