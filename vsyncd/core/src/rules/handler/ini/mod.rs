//! INI: `[section]` and `key = value` lines, with the files of npm, pip, git, AWS, MySQL and systemd in mind.
//!
//! Names are compared exactly, also where a reader ignores case. Where a key is repeated, the last one is
//! managed; a render that repeats a key itself manages as many of the last ones as it has.

mod block;
mod check;
mod edit;
mod file;
mod places;
mod quote;
mod style;
#[cfg(test)]
mod tests;
mod wanted;

use super::{MergeError, Merged, Position};
use crate::rules::key_path::KeyPath;
use file::{File, Flaw};
use zeroize::Zeroizing;

const FORMAT: &str = "ini";

pub(super) fn merge(existing: &[u8], incoming: &[u8]) -> Result<Merged, MergeError> {
    let file = parse(existing).map_err(|flaw| malformed(existing, &flaw))?;
    let bad = |flaw: Flaw| {
        let at = Position::of(incoming, flaw.0);
        MergeError::BadIncoming { format: FORMAT, at, what: flaw.1 }
    };
    let data = parse(incoming).map_err(bad)?;
    let wanted = wanted::list(&data, &file).map_err(bad)?;
    let managed = wanted.iter().flat_map(wanted::Wanted::places).collect();
    let (splice, changes) = edit::plan(&file, &data, &wanted)?;
    if changes.is_empty() {
        return Ok(Merged { bytes: Zeroizing::new(existing.to_vec()), changes, managed });
    }
    let lost = || MergeError::CheckFailed { path: changes[0].path.clone() };
    let bytes = splice.apply(file.text).ok_or_else(lost)?;
    let result = parse(&bytes).map_err(|_| lost())?;
    check::merged(&file, &wanted, &result)?;
    Ok(Merged { bytes, changes, managed })
}

pub(super) fn remove(existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    let file = parse(existing).map_err(|flaw| malformed(existing, &flaw))?;
    let taken = places::find(&file, places);
    let changes = taken.changes();
    let managed = Vec::new();
    if changes.is_empty() {
        return Ok(Merged { bytes: Zeroizing::new(existing.to_vec()), changes, managed });
    }
    let lost = || MergeError::CheckFailed { path: changes[0].path.clone() };
    let bytes = taken.splice(&file).apply(file.text).ok_or_else(lost)?;
    let result = parse(&bytes).map_err(|_| lost())?;
    check::removed(&file, &taken, &result)?;
    Ok(Merged { bytes, changes, managed })
}

fn parse(bytes: &[u8]) -> Result<File<'_>, Flaw> {
    match std::str::from_utf8(bytes) {
        Ok(text) => File::parse(text),
        Err(error) => Err(Flaw(error.valid_up_to(), "not UTF-8")),
    }
}

fn malformed(existing: &[u8], flaw: &Flaw) -> MergeError {
    MergeError::Malformed { format: FORMAT, at: Position::of(existing, flaw.0), what: flaw.1 }
}
