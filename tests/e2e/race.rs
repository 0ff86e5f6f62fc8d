//! Many push at the same moment: one wins, and everybody knows who.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use vsync_core::version::Version;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::{Machine, Ran};
use vsync_tests::soak;
use vsync_tests::team::{self, Place};

/// Pushers and rounds in CI; the long form has 16 and 20. On two cores a round of 16 takes
/// seconds, most of them for the start of processes.
const SLICE: (u64, u64) = (8, 4);

/// All machines push at once.
fn push_at_once(team: &[Machine]) -> Vec<Ran> {
    let start = Barrier::new(team.len());
    thread::scope(|scope| {
        let pushers: Vec<_> = team
            .iter()
            .map(|machine| {
                scope.spawn(|| {
                    start.wait();
                    machine.ctl(&["push", "dev"])
                })
            })
            .collect();
        pushers.into_iter().map(|pusher| pusher.join().unwrap()).collect()
    })
}

fn one_wins(place: &Place) {
    let (pushers, rounds) = (soak::rounds(SLICE.0, 16), soak::rounds(SLICE.1, 20));
    let names: Vec<String> = (0..pushers).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let team = team::of(place, &names);
    let mut known = BTreeMap::new();
    for round in 1..=rounds {
        for (number, machine) in team.iter().enumerate() {
            write(&machine.vault("dev"), "who", format!("{number} in round {round}\n"), 0o600);
        }
        let ran = push_at_once(&team);
        let winners: Vec<usize> = (0..ran.len()).filter(|number| ran[*number].code == 0).collect();
        let [winner] = winners[..] else { panic!("round {round}: {winners:?} won: {ran:#?}") };
        let won = team[winner].wait_state("dev", "ok");
        assert_eq!(won["gen"], round, "one generation a round");
        let version = won["version"].as_str().unwrap();
        for (number, lost) in ran.iter().enumerate().filter(|(number, _)| *number != winner) {
            assert_eq!(lost.code, 4, "round {round}, machine {number}: {lost:?}");
            assert!(lost.stderr.contains(version), "round {round}: {version} is not in {}", lost.stderr);
        }
        let here = folder::read(&team[winner].vault("dev"));
        thread::scope(|scope| {
            for machine in team.iter().enumerate().filter(|(number, _)| *number != winner).map(|(_, m)| m) {
                let here = &here;
                scope.spawn(move || {
                    machine.ok(&["pull", "dev", "--backup"]);
                    assert!(folder::read(&machine.vault("dev")) == *here, "not what the winner pushed");
                });
            }
        });
        let present = place.bundles();
        for (name, content) in &known {
            assert_eq!(present.get(name), Some(content), "round {round}: {name} was overwritten");
        }
        known = present;
    }
}

#[test]
fn one_of_many_pushes_wins_on_a_folder_store() {
    one_wins(&Place::folder());
}

#[test]
fn one_of_many_pushes_wins_on_s3() {
    one_wins(&Place::s3());
}

/// Where the store ignores conditions, several may be told that they won. After their next look
/// one at most believes it, and everybody else can say which version won.
#[test]
fn losers_learn_within_one_look_where_conditions_are_ignored() {
    let place = Place::s3();
    place.server().ignore_conditions(true);
    let (pushers, rounds) = (soak::rounds(6, 16), soak::rounds(3, 20));
    let names: Vec<String> = (0..pushers).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let team = team::of(&place, &names);
    for round in 1..=rounds {
        for (number, machine) in team.iter().enumerate() {
            write(&machine.vault("dev"), "who", format!("{number} in round {round}\n"), 0o600);
        }
        let ran = push_at_once(&team);
        for lost in ran.iter().filter(|ran| ran.code != 0) {
            assert!(lost.code == 4 && lost.stderr.contains("version "), "round {round}: {lost:?}");
        }
        let pointer = String::from_utf8(place.pointer().unwrap()).unwrap();
        let believers = team.iter().filter(|machine| {
            let seen = |pair: &serde_json::Value| pair["remote"]["version"] == pointer.as_str();
            machine.wait_status("dev", "the pointer is seen", seen)["state"] == "ok"
        });
        let believers: Vec<&Machine> = believers.collect();
        let [winner] = believers[..] else {
            panic!("round {round}: {} believe it: {ran:#?}", believers.len())
        };
        assert_eq!(winner.status("dev")["version"], pointer.as_str());
        let here = folder::read(&winner.vault("dev"));
        for machine in &team {
            let flags = ["pull", "dev", "--backup", "--allow-rollback"];
            machine.ok(&flags);
            assert!(folder::read(&machine.vault("dev")) == here, "round {round}: not what the winner pushed");
        }
    }
}

/// Pushes that lost leave their bundles behind, each under a name of its own. However many there
/// are in a row, the next push finds a free one.
#[test]
fn names_taken_by_pushes_that_lost_are_skipped() {
    let place = Place::s3();
    let mut ann = Machine::new("ann");
    ann.start();
    team::init(&ann, &place, "dev");
    write(&ann.vault("dev"), "who", "1", 0o600);
    let (_, first) = ann.json(&["push", "dev"]);
    let first: Version = first["version"].as_str().unwrap().parse().unwrap();
    let key = place.bundles().into_keys().next().unwrap();
    let mut taken = first;
    for _ in 0..300 {
        taken = taken.successor();
        place.server().put_raw(&key.replace(&first.to_string(), &taken.to_string()), "lost", &[]);
    }
    write(&ann.vault("dev"), "who", "2", 0o600);
    let (code, next) = ann.json(&["push", "dev"]);
    assert_eq!((code, next["gen"].as_u64()), (0, Some(2)), "{next}");
    assert_eq!(next["version"], taken.successor().to_string());
    assert_eq!(place.bundles().values().filter(|bundle| **bundle == b"lost").count(), 300);
}
