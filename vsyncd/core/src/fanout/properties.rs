//! What holds for any plan and any set of secrets.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::plan::{Action, Known, Options, Step, plan};
use super::refusal::{limit, refusals};
use super::target::Target;
use crate::dotenv::Assignment;
use crate::secret::Secret;

type Wanted = Vec<(String, String)>;
type Remembered = BTreeMap<String, Known>;
type Present = BTreeMap<String, Option<String>>;

fn mark() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[xy]")
}

/// Names and hashes are few, so that they meet.
fn situation() -> impl Strategy<Value = (Wanted, Remembered, Present, Options)> {
    let name = || "[A-F]";
    let wanted =
        prop::collection::btree_map(name(), "[12]", 0..6).prop_map(|map| map.into_iter().rev().collect());
    let known = ("[12]", mark()).prop_map(|(hash, mark)| Known { hash, mark });
    let known = prop::collection::btree_map(name(), known, 0..6);
    let present = prop::collection::btree_map(name(), mark(), 0..6);
    let options = any::<(bool, bool)>().prop_map(|(all, prune)| Options { all, prune });
    (wanted, known, present, options)
}

/// The target after the steps, and what is remembered. `holds` answers `Ask`.
fn apply(steps: &[Step], wanted: &Wanted, known: &mut Remembered, present: &mut Present, holds: bool) {
    for step in steps {
        let write = match step.action {
            Action::Create | Action::Update => true,
            Action::Ask => !holds,
            Action::Unchanged | Action::Stale => continue,
            Action::Remove => {
                known.remove(&step.name);
                present.remove(&step.name);
                continue;
            }
        };
        if write {
            present.insert(step.name.clone(), Some("ours".to_owned()));
        }
        let (_, hash) = wanted.iter().find(|(name, _)| *name == step.name).expect("a wanted secret");
        let mark = present[&step.name].clone();
        known.insert(step.name.clone(), Known { hash: hash.clone(), mark });
    }
}

proptest! {
    #![proptest_config(crate::format::properties::config())]

    #[test]
    fn a_second_run_has_nothing_to_do((wanted, mut known, mut present, options) in situation(), holds: bool) {
        let steps = plan(&wanted, &known, &present, options);
        apply(&steps, &wanted, &mut known, &mut present, holds);
        let again = plan(&wanted, &known, &present, Options { all: false, ..options });
        for step in again {
            let stays = step.action == Action::Stale && (!options.prune || step.foreign);
            prop_assert!(stays || (step.action == Action::Unchanged && !step.foreign), "{step:?}");
        }
    }

    #[test]
    fn each_secret_has_one_step_in_order((wanted, known, present, options) in situation()) {
        let steps = plan(&wanted, &known, &present, options);
        let names: Vec<_> = steps.iter().map(|step| step.name.clone()).collect();
        let mut expected: Vec<_> = wanted.iter().map(|(name, _)| name.clone()).collect();
        let is_left = |name: &&String| present.contains_key(*name) && !expected.contains(name);
        let left: Vec<_> = known.keys().filter(is_left).cloned().collect();
        expected.extend(left);
        prop_assert_eq!(names, expected);
    }

    #[test]
    fn only_what_we_wrote_and_nobody_wants_goes((wanted, known, present, options) in situation()) {
        for step in plan(&wanted, &known, &present, options) {
            if step.action == Action::Remove {
                prop_assert!(options.prune && known.contains_key(&step.name) && !step.foreign);
                prop_assert!(wanted.iter().all(|(name, _)| *name != step.name));
            }
            prop_assert!(!(options.all && matches!(step.action, Action::Unchanged | Action::Ask)));
            prop_assert!(!step.foreign || known.contains_key(&step.name));
            prop_assert_eq!(step.action == Action::Create, !present.contains_key(&step.name));
        }
    }

    #[test]
    fn refusals_keep_the_order_and_large_values_never_pass(
        values in prop::collection::vec(("[A-Za-z0-9_./ -]{1,8}", prop::collection::vec(any::<u8>(), 0..9)), 0..9),
        large in 0..9_usize,
    ) {
        for target in Target::ALL {
            let most = usize::try_from(limit(target)).expect("fits");
            let wanted: Vec<_> = values.iter().enumerate().map(|(index, (name, value))| {
                let value = if index == large { vec![b'a'; most + 1] } else { value.clone() };
                Assignment { name: name.clone(), line: index + 1, value: Secret::new(value) }
            }).collect();
            let lines: Vec<_> = refusals(target, &wanted).into_iter().map(|refusal| refusal.line).collect();
            prop_assert!(lines.is_sorted_by(|one, next| one < next));
            prop_assert!(large >= wanted.len() || lines.contains(&(large + 1)));
        }
    }
}
