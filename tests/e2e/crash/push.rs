//! Killed while it publishes.

use super::*;

/// What was published stays as it was published.
fn assert_kept(before: &BTreeMap<String, Vec<u8>>, place: &Place) {
    let after = place.bundles();
    for (name, content) in before {
        assert!(after.get(name) == Some(content), "{name} is gone or overwritten");
    }
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
    let (mut aim, mut counted, mut round) = (Aim::new(7, longest), 0, 3);
    while let Some(moment) = aim.next() {
        round += 1;
        let (before, bundles) = (place.pointer(), place.bundles());
        let new = fill(&vault, round);
        let ran = killed(&mut ann, &["push", "dev"], moment);
        aim.note(ran.code != 0);
        assert_eq!(folder::read(&vault), new, "round {round}: a push changed the folder");
        assert_nothing_readable(&ann, &vault);
        let moved = place.pointer() != before;
        ann.start();
        let (code, pushed) = ann.json(&["push", "dev"]);
        assert_eq!(code, 0, "round {round}: {pushed}");
        counted += u64::from(ran.code != 0 && moved);
        let outcome = if moved { "up_to_date" } else { "published" };
        assert_eq!(pushed["outcome"], outcome, "round {round}: {pushed} after {ran:?}");
        assert_eq!(ann.wait_state("dev", "ok")["gen"], round, "one generation a round");
        assert_kept(&bundles, &place);
        ben.ok(&["pull", "dev"]);
        assert!(folder::read(&ben.vault("dev")) == new, "round {round}: ben's folder differs");
        assert_eq!(unrecorded(&ann, &vault), Vec::<PathBuf>::new());
    }
    println!("{counted} pushes died after their pointer was written");
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
    let (mut aim, mut round) = (Aim::new(11, longest), 1);
    while let Some(moment) = aim.next() {
        round += 1;
        ben.ok(&["pull", "dev", "--backup"]);
        fill(&there, round + 500);
        let new = fill(&here, round);
        ben.ok(&["push", "dev"]);
        let before = place.bundles();
        let ran = killed(&mut ann, &["push", "dev", "--force"], moment);
        aim.note(ran.code != 0);
        assert!(folder::read(&here) == new, "round {round}: a push changed the folder");
        ann.start();
        ann.ok(&["push", "dev", "--force"]);
        ann.wait_state("dev", "ok");
        assert_kept(&before, &place);
        ben.ok(&["pull", "dev", "--backup"]);
        assert!(folder::read(&there) == new, "round {round}: ben's folder differs");
    }
}
