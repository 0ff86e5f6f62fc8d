//! Killed while it publishes.

use super::*;

/// The pointer of the folder store, as bytes.
fn pointer(place: &Place) -> Option<Entry> {
    objects(place).into_iter().find(|(name, _)| name.ends_with("/manifest")).map(|(_, entry)| entry)
}

#[test]
fn a_push_that_dies_is_done_or_not_done() {
    let place = Place::folder();
    let (mut ann, ben) = pair(&place);
    let vault = ann.vault("dev");
    let mut longest = Duration::ZERO;
    for round in 1..=3 {
        fill(&vault, round);
        longest = longest.max(time(|| drop(ann.ok(&["push", "dev"]))));
    }
    let mut chance = Chance::new(7);
    let (mut cut, mut counted) = (0, 0);
    for round in 4..4 + kills() {
        let before = pointer(&place);
        let bundles = objects(&place);
        let new = fill(&vault, round);
        let ran = killed(&mut ann, &["push", "dev"], chance.within(longest));
        cut += u64::from(ran.code != 0);
        assert_eq!(folder::read(&vault), new, "round {round}: a push changed the folder");
        assert_nothing_readable(&ann, &vault);
        let moved = pointer(&place) != before;
        ann.start();
        let (code, pushed) = ann.json(&["push", "dev"]);
        assert_eq!(code, 0, "round {round}: {pushed}");
        counted += u64::from(ran.code != 0 && moved);
        let outcome = if moved { "up_to_date" } else { "published" };
        assert_eq!(pushed["outcome"], outcome, "round {round}: {pushed} after {ran:?}");
        assert_eq!(ann.wait_state("dev", "ok")["gen"], round, "one generation a round");
        for (name, entry) in bundles.iter().filter(|(name, _)| name.contains("/v=")) {
            assert_eq!(objects(&place).get(name), Some(entry), "round {round}: {name} was overwritten");
        }
        ben.ok(&["pull", "dev"]);
        assert!(folder::read(&ben.vault("dev")) == new, "round {round}: ben's folder differs");
        assert_eq!(unrecorded(&ann, &vault), Vec::<PathBuf>::new());
    }
    println!("{cut} of {} pushes were cut short, {counted} of them after the pointer", kills());
    assert!(cut > 0, "no kill hit a push");
}

/// Whatever becomes of a forced push: the folder is as its user left it, and what others
/// published stays in the bucket.
#[test]
fn a_forced_push_that_dies_loses_nothing() {
    let place = Place::folder();
    let (mut ann, ben) = pair(&place);
    let (here, there) = (ann.vault("dev"), ben.vault("dev"));
    fill(&here, 1);
    let longest = time(|| drop(ann.ok(&["push", "dev"]))) * 2;
    let mut chance = Chance::new(11);
    let mut cut = 0;
    for round in 2..2 + kills() {
        ben.ok(&["pull", "dev", "--backup"]);
        fill(&there, round + 500);
        let new = fill(&here, round);
        ben.ok(&["push", "dev"]);
        let before = objects(&place);
        let ran = killed(&mut ann, &["push", "dev", "--force"], chance.within(longest));
        cut += u64::from(ran.code != 0);
        assert!(folder::read(&here) == new, "round {round}: a push changed the folder");
        ann.start();
        ann.ok(&["push", "dev", "--force"]);
        ann.wait_state("dev", "ok");
        let after = objects(&place);
        for (name, entry) in before.iter().filter(|(name, _)| name.contains("/v=")) {
            assert_eq!(after.get(name), Some(entry), "round {round}: {name} is gone or overwritten");
        }
        ben.ok(&["pull", "dev", "--backup"]);
        assert!(folder::read(&there) == new, "round {round}: ben's folder differs");
    }
    println!("{cut} of {} forced pushes were cut short", kills());
    assert!(cut > 0, "no kill hit a push");
}
