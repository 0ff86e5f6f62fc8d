//! What an incoming document asks for.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use zeroize::Zeroizing;

use super::file::File;
use super::quote;
use crate::rules::handler::source::Fault;
use crate::rules::key_path::KeyPath;

/// The fields wanted of one entry.
pub(super) struct Wanted<'a> {
    pub(super) machine: Zeroizing<String>,
    /// Empty where the render has none.
    pub(super) login: Zeroizing<String>,
    /// Whether nothing is wanted of a login of the same machine. Without a login, only such an entry stands
    /// for the machine's first one.
    pub(super) alone: bool,
    /// Each name once; without the login.
    pub(super) fields: Vec<(&'a str, Zeroizing<String>)>,
}

impl Wanted<'_> {
    /// The place of the entry.
    pub(super) fn entry(&self) -> KeyPath {
        KeyPath::from_iter([self.machine.as_str(), self.login.as_str()])
    }

    /// The places of the fields; of the entry where it has none.
    pub(super) fn places(&self) -> Vec<KeyPath> {
        let entry = self.entry();
        if self.fields.is_empty() {
            return vec![entry];
        }
        self.fields.iter().map(|(name, _)| entry.child(name)).collect()
    }
}

/// The machines in the order in which they first come up.
pub(super) fn list<'a>(data: &File<'a>) -> Result<Vec<Wanted<'a>>, Fault> {
    let mut list: Vec<Wanted<'a>> = Vec::new();
    let mut known = HashMap::new();
    for entry in &data.entries {
        let Some(name) = &entry.machine else { continue };
        let machine = plain(data, name)?;
        let mut login = Zeroizing::default();
        let mut fields: Vec<(&str, Zeroizing<String>)> = Vec::new();
        for field in &entry.fields {
            let value = plain(data, &field.value)?;
            if field.name == "login" {
                login = value;
            } else if let Some((_, known)) = fields.iter_mut().find(|(name, _)| *name == field.name) {
                *known = value;
            } else {
                fields.push((field.name, value));
            }
        }
        let key = (machine.to_string(), login.to_string());
        let Some(known) = known.get(&key).and_then(|at: &usize| list.get_mut(*at)) else {
            known.insert(key, list.len());
            list.push(Wanted { machine, login, alone: true, fields });
            continue;
        };
        known.fields.retain(|(name, _)| fields.iter().all(|(other, _)| other != name));
        known.fields.append(&mut fields);
    }
    let with_login = list.iter().filter(|wanted| !wanted.login.is_empty());
    let crowded: HashSet<String> = with_login.map(|wanted| wanted.machine.to_string()).collect();
    list.iter_mut().for_each(|wanted| wanted.alone = !crowded.contains(wanted.machine.as_str()));
    Ok(list)
}

fn plain(data: &File<'_>, range: &Range<usize>) -> Result<Zeroizing<String>, Fault> {
    let value = quote::read(&data.text[range.clone()]);
    let value =
        value.ok_or(Fault { at: range.start, what: "an escape that readers of netrc disagree on" })?;
    if value.contains('\r') {
        Err(Fault { at: range.start, what: "a carriage return in a word" })
    } else {
        Ok(value)
    }
}
