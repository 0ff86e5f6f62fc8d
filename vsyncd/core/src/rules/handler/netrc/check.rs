//! Whether the edited file reads as the old one with what was asked for, and nothing else.

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
pub(super) fn merged(old: &File<'_>, wanted: &[Wanted<'_>], new: &File<'_>) -> bool {
    let mut model = seen(old);
    let mut fresh = Vec::new();
    for wanted in wanted {
        let of_machine = |entry: &&mut Seen<'_>| entry.machine.as_ref() == Some(&wanted.machine);
        let mut own: Vec<&mut Seen<'_>> = model.iter_mut().filter(of_machine).collect();
        if wanted.login.is_empty() {
            let nobody = own.iter().position(|entry| entry.login().is_none()).unwrap_or(0);
            own = own.into_iter().skip(nobody).take(1).collect();
        } else {
            own.retain(|entry| entry.login() == Some(wanted.login.as_str()));
        }
        if own.is_empty() {
            let login = (!wanted.login.is_empty()).then(|| ("login", wanted.login.clone()));
            let fields = login.into_iter().chain(wanted.fields.iter().cloned()).collect();
            fresh.push(Seen { machine: Some(wanted.machine.clone()), fields });
        }
        for entry in own {
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
