//! What a run would send: the difference between what is wanted and what is known.

use std::collections::{BTreeMap, BTreeSet};

pub use super::refusal::{Refusal, limit, refusals};

/// What is remembered of a secret that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Keyed hash of the value, in hex.
    pub hash: String,
    /// What the target said about it after the write, where it tells.
    pub mark: Option<String>,
}

/// What a run was asked to do besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Write everything, changed or not.
    pub all: bool,
    /// Take away what an earlier run wrote and the env file no longer has.
    pub prune: bool,
}

/// What is done with one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is not there.
    Create,
    /// It has another value, or may have.
    Update,
    /// It is there and nothing is known about it: ask the target whether it holds the value, then
    /// `Unchanged` or `Update`.
    Ask,
    /// Nothing to do.
    Unchanged,
    /// It is taken away.
    Remove,
    /// An earlier run wrote it and the env file no longer has it; it stays, since nobody asked, or since
    /// somebody else has written it after us.
    Stale,
}

/// One secret of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Whether the target's mark shows that somebody else wrote it since our last run.
    pub foreign: bool,
}

/// What to do: `wanted` are names with the keyed hash of their value, in the file's order; `known` what
/// earlier runs remembered; `present` what the target says is there, with its marks.
///
/// `present` has to cover the names of `known` too: a secret that is not in it is not there. The steps are
/// those of `wanted`, in its order, then those that only `known` has, by name.
pub fn plan(
    wanted: &[(String, String)],
    known: &BTreeMap<String, Known>,
    present: &BTreeMap<String, Option<String>>,
    options: Options,
) -> Vec<Step> {
    let wanted_names: BTreeSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let send = wanted.iter().map(|(name, hash)| {
        let (known, mark) = (known.get(name), present.get(name));
        let foreign = contradicts(known, mark);
        let action = match (known, mark) {
            (_, None) => Action::Create,
            _ if options.all => Action::Update,
            (None, Some(_)) => Action::Ask,
            (Some(known), Some(_)) if known.hash == *hash && !foreign => Action::Unchanged,
            (Some(_), Some(_)) => Action::Update,
        };
        Step { name: name.clone(), action, foreign }
    });
    let gone = known.iter().filter(|(name, _)| !wanted_names.contains(name.as_str()));
    let left = gone.filter_map(|(name, known)| {
        let mark = present.get(name)?;
        let foreign = contradicts(Some(known), Some(mark));
        // What somebody else wrote since is theirs, and no target gives it back.
        let action = if options.prune && !foreign { Action::Remove } else { Action::Stale };
        Some(Step { name: name.clone(), action, foreign })
    });
    send.chain(left).collect()
}

/// Whether the target has another mark than the one our last write got. Where either is not told, nothing
/// contradicts.
fn contradicts(known: Option<&Known>, mark: Option<&Option<String>>) -> bool {
    match (known.and_then(|known| known.mark.as_ref()), mark.and_then(Option::as_ref)) {
        (Some(ours), Some(theirs)) => ours != theirs,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One secret, `A`: what is wanted and known (hash and mark), and its mark in the target.
    fn step(
        wanted: Option<&str>,
        known: Option<(&str, Option<&str>)>,
        present: Option<Option<&str>>,
        options: Options,
    ) -> Option<(Action, bool)> {
        let name = || "A".to_owned();
        let wanted: Vec<_> = wanted.map(|hash| (name(), hash.to_owned())).into_iter().collect();
        let known = known
            .map(|(hash, mark)| (name(), Known { hash: hash.to_owned(), mark: mark.map(str::to_owned) }));
        let present = present.map(|mark| (name(), mark.map(str::to_owned)));
        let steps = plan(&wanted, &known.into_iter().collect(), &present.into_iter().collect(), options);
        assert!(steps.len() <= 1);
        steps.first().map(|step| (step.action, step.foreign))
    }

    const PLAIN: Options = Options { all: false, prune: false };
    const ALL: Options = Options { all: true, prune: false };
    const PRUNE: Options = Options { all: false, prune: true };

    #[test]
    fn a_wanted_secret_is_compared_with_what_is_known_and_there() {
        use Action::{Ask, Create, Unchanged, Update};
        let v1 = Some(("h", Some("v1")));
        for (known, present, wanted) in [
            (None, None, (Create, false)),
            (v1, None, (Create, false)),
            (None, Some(Some("v1")), (Ask, false)),
            (None, Some(None), (Ask, false)),
            (v1, Some(Some("v1")), (Unchanged, false)),
            (v1, Some(None), (Unchanged, false)),
            (Some(("h", None)), Some(Some("v1")), (Unchanged, false)),
            (v1, Some(Some("v2")), (Update, true)),
            (Some(("old", Some("v1"))), Some(Some("v1")), (Update, false)),
            (Some(("old", Some("v1"))), Some(Some("v2")), (Update, true)),
        ] {
            assert_eq!(step(Some("h"), known, present, PLAIN), Some(wanted), "{known:?} {present:?}");
            let all = if present.is_none() { Create } else { Update };
            assert_eq!(step(Some("h"), known, present, ALL), Some((all, wanted.1)));
        }
    }

    #[test]
    fn what_is_no_longer_wanted_stays_until_asked_for() {
        let known = Some(("h", Some("v1")));
        assert_eq!(step(None, known, Some(Some("v1")), PLAIN), Some((Action::Stale, false)));
        assert_eq!(step(None, known, Some(Some("v2")), PRUNE), Some((Action::Stale, true)));
        assert_eq!(step(None, known, Some(Some("v1")), PRUNE), Some((Action::Remove, false)));
        assert_eq!(step(None, Some(("h", None)), Some(Some("v2")), PRUNE), Some((Action::Remove, false)));
        assert_eq!(step(None, known, None, PRUNE), None);
        assert_eq!(step(None, None, Some(None), PRUNE), None);
    }
}
