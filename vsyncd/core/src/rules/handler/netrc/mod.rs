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

use super::source::{Role, Source};
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
    let result = File::parse(&after).map_err(|_| lost())?;
    if !check::merged(&file, &wanted, &result) {
        return Err(lost());
    }
    Ok(Merged { bytes: source.with_text(&after), changes, managed })
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
    let result = File::parse(&after).map_err(|_| lost())?;
    if !check::removed(&file, &taken, &result) {
        return Err(lost());
    }
    Ok(Merged { bytes: source.with_text(&after), changes, managed })
}

/// The entries of each machine, in the file's order.
struct Index(HashMap<String, Vec<usize>>);

impl Index {
    fn of(file: &File<'_>) -> Self {
        let mut machines: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, entry) in file.entries.iter().enumerate() {
            if let Some(name) = &entry.machine {
                machines.entry(file.word(name).to_string()).or_default().push(at);
            }
        }
        Self(machines)
    }

    fn machine(&self, name: &str) -> &[usize] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The entries that a machine and a login stand for; an empty login is a render without one.
    fn find(&self, file: &File<'_>, machine: &str, login: &str) -> Vec<usize> {
        let all = self.machine(machine);
        if login.is_empty() {
            let nobody = all.iter().find(|at| file.login(&file.entries[**at]).is_none());
            return nobody.or(all.first()).copied().into_iter().collect();
        }
        let fits = |at: &usize| file.login(&file.entries[*at]).is_some_and(|it| it.as_str() == login);
        all.iter().copied().filter(fits).collect()
    }
}
