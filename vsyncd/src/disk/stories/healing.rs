//! What a start makes of every point at which a swap can have been cut short.

use jiff::SignedDuration;
use vsync_core::vault::ledger::Ledger;

use super::{Vault, dev, now, snapshot, stamp};
use crate::disk::atomic::Unsettled;
use crate::disk::displaced::Kept;
use crate::disk::exchange::{exchange, keep};
use crate::disk::folder::Folder;
use crate::disk::heal::{Healed, Outcome, heal};
use crate::disk::scan::ScanLimits;
use crate::disk::sibling::SiblingKind;
use crate::disk::stage::{Modes, Staged, stage_announced};
use crate::disk::state::SwapIntent;

impl Vault {
    fn intent(&self, staged: &Staged) -> SwapIntent {
        let replaces = Folder::open(&self.target()).ok().map(|folder| folder.id());
        SwapIntent {
            row: None,
            before: None,
            staged: staged.path.clone(),
            staged_id: staged.id,
            replaces,
            replaced: if replaces.is_some() { self.ledger() } else { Ledger::default() },
            version: stamp(),
            ledger: staged.ledger(None),
        }
    }

    fn heal(&self, swap: Option<&SwapIntent>, kept: &[Kept]) -> Healed {
        heal(&self.target(), &dev(), swap, kept, &ScanLimits::default(), now()).unwrap()
    }
}

/// What is announced is journaled before it has a name: a crash on either side of the journal's
/// writing leaves a folder that healing removes without a backup.
#[test]
fn a_staged_folder_is_announced_before_it_takes_its_name() {
    let vault = Vault::holding(&[("a", "old")]);
    let new = snapshot(&[("a", "new")]);
    let modes = Modes::default();
    let stage = |announce: &dyn Fn(&Staged) -> std::io::Result<Option<Unsettled>>| {
        stage_announced(&vault.target(), &dev(), stamp(), (&new, &new.tree()), (&modes, None), announce)
    };
    let staged = stage(&|staged: &Staged| {
        assert!(!staged.path.exists());
        assert_eq!(vault.siblings(), [SiblingKind::Part]);
        Ok(None)
    });
    assert!(staged.unwrap().path.join("a").exists());
    assert_eq!(vault.siblings(), [SiblingKind::Staged]);

    let refused = stage(&|_: &Staged| Err(std::io::ErrorKind::StorageFull.into()));
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(vault.siblings(), [SiblingKind::Staged], "what was not announced is gone");
}

#[test]
fn healing_tells_every_crash_point_apart() {
    let old = &[("a", "old")];
    let new = snapshot(&[("a", "new")]);

    // While staging: an unfinished folder and no intent.
    let vault = Vault::holding(old);
    let staged = vault.stage(&new);
    let mut part = staged.path.clone().into_os_string();
    part.push(".part");
    std::fs::rename(&staged.path, part).unwrap();
    let healed = vault.heal(None, &[]);
    assert_eq!((healed.outcome, healed.removed.len()), (Outcome::Nothing, 1));
    assert_eq!((vault.siblings(), vault.read("a").unwrap()), (vec![], "old".into()));

    // Staged whole, intent written, not exchanged.
    let vault = Vault::holding(old);
    let staged = vault.stage(&new);
    let intent = vault.intent(&staged);
    let healed = vault.heal(Some(&intent), &[]);
    assert_eq!((healed.outcome, healed.removed.len()), (Outcome::NotSwapped, 1));
    assert_eq!((vault.siblings(), vault.read("a").unwrap()), (vec![], "old".into()));

    // Exchanged, the displaced folder still under the staged name.
    let vault = Vault::holding(old);
    let staged = vault.stage(&new);
    let intent = vault.intent(&staged);
    exchange(&staged, &vault.target()).unwrap();
    let healed = vault.heal(Some(&intent), &[]);
    assert_eq!(healed.outcome, Outcome::Swapped { displaced: Some(staged.path.clone()) });
    assert_eq!(vault.read("a").unwrap(), "new");

    // ... renamed, not yet on record; healing twice says the same.
    let kept = keep(&staged.path, &dev(), stamp()).unwrap();
    for _ in 0..2 {
        let healed = vault.heal(Some(&intent), &[]);
        assert_eq!(healed.outcome, Outcome::Swapped { displaced: Some(kept.clone()) });
        assert!(healed.removed.is_empty() && healed.unexplained.is_empty());
    }

    // ... on record, the intent gone.
    let id = Folder::open(&kept).unwrap().id();
    let deadline = now() + SignedDuration::from_secs(60);
    let record = Kept { path: kept.clone(), id, deadline, expected: intent.replaced.clone(), held: false };
    let healed = vault.heal(None, std::slice::from_ref(&record));
    assert!(healed.removed.is_empty() && healed.unexplained.is_empty());
    assert_eq!(vault.siblings(), [SiblingKind::Old]);

    // ... another folder on record that the system gave the same number: it explains nothing.
    let namesake = Kept { path: kept.with_file_name("gone"), ..record };
    let healed = vault.heal(None, &[namesake]);
    assert_eq!(healed.unexplained[0].path, kept);

    // ... all records lost: kept for a backup.
    let healed = vault.heal(None, &[]);
    assert_eq!(healed.unexplained[0].path, kept);
    assert_eq!(vault.siblings(), [SiblingKind::Old]);
}

#[test]
fn healing_the_first_swap_and_a_system_without_exchange() {
    // Before and after the very first exchange.
    let vault = Vault::new();
    let staged = vault.stage(&snapshot(&[("a", "new")]));
    let intent = vault.intent(&staged);
    exchange(&staged, &vault.target()).unwrap();
    assert_eq!(vault.heal(Some(&intent), &[]).outcome, Outcome::Swapped { displaced: None });
    let vault = Vault::new();
    let staged = vault.stage(&snapshot(&[("a", "new")]));
    let intent = vault.intent(&staged);
    assert_eq!(vault.heal(Some(&intent), &[]).outcome, Outcome::NotSwapped);
    assert_eq!(vault.siblings(), []);

    // Rename aside, rename in: after the first, and after the second.
    for second in [false, true] {
        let vault = Vault::holding(&[("a", "old")]);
        let staged = vault.stage(&snapshot(&[("a", "new")]));
        let intent = vault.intent(&staged);
        let mut aside = staged.path.clone().into_os_string();
        aside.push(".aside");
        std::fs::rename(vault.target(), &aside).unwrap();
        if second {
            std::fs::rename(&staged.path, vault.target()).unwrap();
        }
        let healed = vault.heal(Some(&intent), &[]);
        if second {
            assert_eq!(healed.outcome, Outcome::Swapped { displaced: Some(aside.into()) });
            assert_eq!(vault.read("a").unwrap(), "new");
        } else {
            assert_eq!(healed.outcome, Outcome::NotSwapped);
            assert_eq!((vault.siblings(), vault.read("a").unwrap()), (vec![], "old".into()));
        }
    }
}

#[test]
fn healing_keeps_what_a_person_may_have_written() {
    let vault = Vault::holding(&[("a", "old")]);
    let staged = vault.stage(&snapshot(&[("a", "new")]));
    let intent = vault.intent(&staged);
    std::fs::write(staged.path.join("mine"), "x").unwrap();
    let healed = vault.heal(Some(&intent), &[]);
    assert_eq!(healed.outcome, Outcome::NotSwapped);
    assert_eq!(healed.unexplained[0].path, staged.path);
    assert!(staged.path.join("mine").exists());
    // Without any record nothing tells a staged folder from a displaced one.
    let healed = vault.heal(None, &[]);
    assert_eq!(healed.unexplained.len(), 1);
}
