//! Whether the edited file reads as the old one with what was asked for, and nothing else.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::file::File;
use super::remove::Taken;
use super::wanted::Wanted;

/// An entry as readers see it.
#[derive(PartialEq, Eq)]
struct Seen<'a> {
    /// None for the default.
    machine: Option<Zeroizing<String>>,
    /// In the file's order.
    fields: Vec<(&'a str, Zeroizing<String>)>,
}

impl Seen<'_> {
    fn login(&self) -> Option<&str> {
        self.fields.iter().rev().find(|(name, _)| *name == "login").map(|(_, login)| login.as_str())
    }
}

fn seen<'a>(file: &File<'a>) -> Vec<Seen<'a>> {
    let entries = file.entries.iter().map(|entry| Seen {
        machine: entry.machine.as_ref().map(|name| file.word(name)),
        fields: entry.fields.iter().map(|field| (field.name, file.word(&field.value))).collect(),
    });
    entries.collect()
}

/// After a merge.
pub(super) fn merged(old: &File<'_>, all: &[Wanted<'_>], new: &File<'_>) -> bool {
    let mut model = seen(old);
    let mut fresh = Vec::new();
    let mut machines: HashMap<(String, Option<String>), Vec<usize>> = HashMap::new();
    for (at, entry) in model.iter().enumerate() {
        let Some(machine) = &entry.machine else { continue };
        let login = entry.login().map(str::to_owned);
        machines.entry((machine.to_string(), login)).or_default().push(at);
    }
    let mut first: HashMap<&str, usize> = HashMap::new();
    for ((machine, _), entries) in &machines {
        let known = first.entry(machine).or_insert(entries[0]);
        *known = entries[0].min(*known);
    }
    for wanted in all {
        let login = Some(wanted.login.to_string()).filter(|login| !login.is_empty());
        let nobody = login.is_none();
        let mut own = machines.get(&(wanted.machine.to_string(), login)).cloned().unwrap_or_default();
        if nobody {
            let other = |other: &Wanted<'_>| other.machine == wanted.machine && !other.login.is_empty();
            let of_machine = || first.get(wanted.machine.as_str()).filter(|_| !all.iter().any(other));
            own = own.first().or_else(of_machine).copied().into_iter().collect();
        }
        if own.is_empty() {
            let login = (!wanted.login.is_empty()).then(|| ("login", wanted.login.clone()));
            let fields = login.into_iter().chain(wanted.fields.iter().cloned()).collect();
            fresh.push(Seen { machine: Some(wanted.machine.clone()), fields });
        }
        for at in own {
            let entry = &mut model[at];
            for (name, value) in &wanted.fields {
                let there = entry.fields.iter_mut().filter(|(known, _)| known == name);
                if there.map(|(_, known)| known.clone_from(value)).count() == 0 {
                    entry.fields.push((name, value.clone()));
                }
            }
        }
    }
    let at = model.iter().position(|entry| entry.machine.is_none()).unwrap_or(model.len());
    model.splice(at..at, fresh);
    model == seen(new) && macros(old).eq(macros(new)) && comments(old).eq(comments(new))
}

/// After a removal.
pub(super) fn removed(old: &File<'_>, taken: &Taken, new: &File<'_>) -> bool {
    let mut model = seen(old);
    for (entry, field) in taken.fields.iter().rev() {
        model[*entry].fields.remove(*field);
    }
    let mut gone = taken.entries.iter();
    model.retain(|_| gone.next() != Some(&true));
    model == seen(new) && macros(old).eq(macros(new))
}

/// A line end after the last macro may be the one that was added below it.
fn macros<'a>(file: &'a File<'_>) -> impl Iterator<Item = &'a str> {
    file.macros.iter().map(|one| file.text[one.range.clone()].trim_end_matches(['\r', '\n']))
}

fn comments<'a>(file: &'a File<'_>) -> impl Iterator<Item = &'a str> {
    file.comments.iter().map(|range| &file.text[range.clone()])
}
