//! INI: `[section]` and `key = value` lines, with the files of npm, pip, git, AWS, MySQL and systemd in mind.
//!
//! Names are compared exactly, also where a reader ignores case. Where a key is repeated, the last one is
//! managed; a render that repeats a key itself manages as many of the last ones as it has.

mod block;
mod check;
mod edit;
mod file;
mod quote;
mod remove;
mod style;
#[cfg(test)]
mod tests;
mod wanted;

use super::source::{Role, Source, as_read};
use super::{MergeError, Merged};
use crate::rules::key_path::KeyPath;
use file::File;
use zeroize::Zeroizing;

const FORMAT: &str = "ini";

pub(super) fn merge(existing: &[u8], incoming: &[u8]) -> Result<Merged, MergeError> {
    let source = Source::read(existing, FORMAT, Role::File)?;
    let render = Source::read(incoming, FORMAT, Role::Data)?;
    let bad = |fault| render.fault(fault);
    let file = File::parse(source.text).map_err(|fault| source.fault(fault))?;
    let data = File::parse(render.text).map_err(bad)?;
    let wanted = wanted::list(&data, &file).map_err(bad)?;
    let managed = wanted.iter().flat_map(wanted::Wanted::places).collect();
    let (splice, changes) = edit::plan(&file, &data, &wanted)?;
    if changes.is_empty() {
        return Ok(Merged { bytes: Zeroizing::new(existing.to_vec()), changes, managed });
    }
    let lost = || MergeError::CheckFailed { path: changes[0].path.clone() };
    let after = splice.apply(file.text).ok_or_else(lost)?;
    let bytes = source.with_text(&after);
    let result = File::parse(as_read(&bytes).ok_or_else(lost)?).map_err(|_| lost())?;
    check::merged(&file, &wanted, &result)?;
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
    check::removed(&file, &taken, &result)?;
    Ok(Merged { bytes, changes, managed })
}
