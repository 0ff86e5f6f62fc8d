//! At start: what became of a swap that was under way, and what lies around.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use vsync_core::id::Env;

use super::displaced::{Kept, late_writes};
use super::fault::cannot;
use super::folder::{Folder, facts_at, id_of, split};
use super::removal::remove_tree;
use super::scan::ScanLimits;
use super::sibling::{Sibling, SiblingKind, siblings};
use super::state::SwapIntent;
use super::{atomic, rename};

/// What became of the swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// None was under way.
    Nothing,
    /// It happened: the intent's new ledger counts. The replaced folder lies at the path, if it
    /// is still there; it may hold late writes.
    Swapped {
        /// Where, under a staged or old name.
        displaced: Option<PathBuf>,
    },
    /// It did not happen: the ledger from before counts.
    NotSwapped,
}

/// What healing found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healed {
    /// What became of the swap.
    pub outcome: Outcome,
    /// Leftovers that nobody can have written into, now removed.
    pub removed: Vec<PathBuf>,
    /// Folders that no record explains, or that hold something the records do not: to be backed
    /// up before they are removed.
    pub unexplained: Vec<Sibling>,
}

/// Looks at the vault folder and its siblings, finishes or undoes what a crash cut short, and
/// removes staged leftovers. `kept` are the displaced folders on record, which are left alone.
/// Doing it twice does no harm.
///
/// # Errors
/// The system's, with the path.
pub fn heal(
    target: &Path,
    env: &Env,
    swap: Option<&SwapIntent>,
    kept: &[Kept],
    limits: &ScanLimits,
    now: Timestamp,
) -> io::Result<Healed> {
    let (parent, _) = split(target)?;
    if let Some(swap) = swap {
        restore_aside(target, env, swap)?;
    }
    let outcome = match swap {
        None => Outcome::Nothing,
        Some(swap) if id_of(target)? == Some(swap.staged_id) => {
            let found = siblings(parent, env)?.into_iter().find(|sibling| Some(sibling.id) == swap.replaces);
            Outcome::Swapped { displaced: found.map(|sibling| sibling.path) }
        }
        Some(_) => Outcome::NotSwapped,
    };
    let mut healed = Healed { outcome, removed: Vec::new(), unexplained: Vec::new() };
    for sibling in siblings(parent, env)? {
        let displaced =
            matches!(&healed.outcome, Outcome::Swapped { displaced: Some(path) } if *path == sibling.path);
        if displaced || kept.iter().any(|kept| kept.is(sibling.id, &sibling.path)) {
            continue;
        }
        if untouched(&sibling, swap, limits, now) {
            remove_tree(&sibling.path)?;
            healed.removed.push(sibling.path);
        } else {
            healed.unexplained.push(sibling);
        }
    }
    Ok(healed)
}

/// Where the system cannot exchange, a crash may have left the vault folder's name free: then
/// the old folder goes back.
fn restore_aside(target: &Path, env: &Env, swap: &SwapIntent) -> io::Result<()> {
    let (open, name) = match Folder::parent_of(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if swap.replaces.is_none() || facts_at(&open, name)?.is_some() {
        return Ok(());
    }
    let aside = siblings(split(target)?.0, env)?
        .into_iter()
        .find(|sibling| sibling.kind == SiblingKind::Aside && Some(sibling.id) == swap.replaces);
    if let Some(aside) = aside {
        let from = split(&aside.path)?.1;
        rename::folder_to_free(&open, from, name).map_err(cannot("restore", target.display()))?;
        atomic::sync(open)?;
    }
    Ok(())
}

/// True when no file in a sibling can be a person's: it never had the vault folder's place, or
/// it holds exactly what was staged.
fn untouched(sibling: &Sibling, swap: Option<&SwapIntent>, limits: &ScanLimits, now: Timestamp) -> bool {
    match (sibling.kind, swap) {
        (SiblingKind::Part, _) => true,
        (SiblingKind::Staged, Some(swap)) if sibling.id == swap.staged_id => {
            matches!(late_writes(&sibling.path, &swap.ledger, limits, now), Ok(None))
        }
        _ => false,
    }
}
