//! netrc: `machine … login … password …`, for curl, git, ftp and the libraries of scripting languages.
//!
//! Entries match on machine and login. A render without a login matches the machine's entry that has none,
//! else its first one. Entries that stand twice are kept equal, since readers disagree on which one counts.
//! `default` and macros of a render are passed over.

mod check;
mod edit;
mod file;
mod quote;
mod remove;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::source::{Role, Source, as_read};
use super::{MergeError, Merged};
use crate::rules::key_path::KeyPath;
use file::File;

const FORMAT: &str = "netrc";

pub(super) fn merge(existing: &[u8], incoming: &[u8]) -> Result<Merged, MergeError> {
    let source = Source::read(existing, FORMAT, Role::File)?;
    let render = Source::read(incoming, FORMAT, Role::Data)?;
    let bad = |fault| render.fault(fault);
    let file = File::parse(source.text).map_err(|fault| source.fault(fault))?;
    let data = File::parse(render.text).map_err(bad)?;
    let wanted = wanted::list(&data).map_err(bad)?;
    let managed = wanted.iter().flat_map(wanted::Wanted::places).collect();
    let (splice, changes) = edit::plan(&file, &data, &wanted);
    if changes.is_empty() {
        return Ok(Merged { bytes: Zeroizing::new(existing.to_vec()), changes, managed });
    }
    let lost = || MergeError::CheckFailed { path: changes[0].path.clone() };
    let after = splice.apply(file.text).ok_or_else(lost)?;
    let bytes = source.with_text(&after);
    let result = File::parse(as_read(&bytes).ok_or_else(lost)?).map_err(|_| lost())?;
    if !check::merged(&file, &wanted, &result) {
        return Err(lost());
    }
    Ok(Merged { bytes, changes, managed })
}

pub(super) fn remove(existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    let source = Source::read(existing, FORMAT, Role::File)?;
    let file = File::parse(source.text).map_err(|fault| source.fault(fault))?;
    let taken = remove::find(&file, places);
    let changes = taken.changes();
    let managed = Vec::new();
    if changes.is_empty() {
        return Ok(Merged { bytes: Zeroizing::new(existing.to_vec()), changes, managed });
    }
    let lost = || MergeError::CheckFailed { path: changes[0].path.clone() };
    let after = taken.splice(&file).apply(file.text).ok_or_else(lost)?;
    let bytes = source.with_text(&after);
    let result = File::parse(as_read(&bytes).ok_or_else(lost)?).map_err(|_| lost())?;
    if !check::removed(&file, &taken, &result) {
        return Err(lost());
    }
    Ok(Merged { bytes, changes, managed })
}

/// The entries of each machine, and those of each login, in the file's order.
struct Index {
    machines: HashMap<String, Vec<usize>>,
    /// An empty login stands for entries without one.
    logins: HashMap<(String, String), Vec<usize>>,
}

impl Index {
    fn of(file: &File<'_>) -> Self {
        let (mut machines, mut logins): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) = Default::default();
        for (at, entry) in file.entries.iter().enumerate() {
            let Some(name) = &entry.machine else { continue };
            let name = file.word(name).to_string();
            let login = file.login(entry);
            if login.as_ref().is_none_or(|login| !login.is_empty()) {
                let login = login.map(|login| login.to_string()).unwrap_or_default();
                logins.entry((name.clone(), login)).or_default().push(at);
            }
            machines.entry(name).or_default().push(at);
        }
        Self { machines, logins }
    }

    fn machine(&self, name: &str) -> &[usize] {
        self.machines.get(name).map_or(&[], Vec::as_slice)
    }

    /// The entries that a machine and a login stand for; an empty login is a render without one. `alone`:
    /// nothing is asked of another login of the machine, and so its first entry may be meant.
    fn find(&self, machine: &str, login: &str, alone: bool) -> &[usize] {
        let found = self.logins.get(&(machine.to_owned(), login.to_owned())).map_or(&[][..], Vec::as_slice);
        match (login, found) {
            ("", []) if alone => self.machine(machine).get(..1).unwrap_or_default(),
            ("", [nobody, ..]) => std::slice::from_ref(nobody),
            _ => found,
        }
    }
}
