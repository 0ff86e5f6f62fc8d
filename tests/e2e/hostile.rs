//! Folders as an adversary, a slip or another program leaves them: said in plain words, with the right
//! exit code, and nothing is lost.

mod crowd;
mod entries;
mod moving;
mod names;
mod places;
mod swapped;

use serde_json::Value;
use vsync_tests::folder::write;
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

/// A machine that has published one version.
fn published(machine: Machine, place: &Place) -> Machine {
    let mut machine = machine;
    machine.start();
    team::init(&machine, place, "dev");
    write(&machine.vault("dev"), "a.env", "A=1\n", 0o600);
    machine.hand_over();
    machine.ok(&["push", "dev"]);
    machine
}

/// Another machine of the team that looks at the remote only when it is asked to.
fn reader(of: &Machine) -> Machine {
    let mut ben = Machine::new("ben").with("VSYNC_POLL_INTERVAL", "1h");
    ben.start();
    team::join(of, &ben, "dev");
    ben
}

/// Waits until status gives this reason, and checks that a push gives it too, that both name `part`, and
/// that there is a hint. Nothing is published by it.
fn refused(machine: &Machine, place: &Place, reason: &str, part: &str) {
    let before = place.objects();
    let shown = machine.wait_status("dev", &format!("{reason}: {part}"), |pair| {
        let why = pair["detail"].as_str().unwrap_or_default();
        pair["state"] == "error" && pair["reason"] == reason && why.contains(part)
    });
    for verb in [&["push", "dev"][..], &["push", "dev", "--force"], &["pull", "dev", "--force"]] {
        let (code, answer) = machine.json(verb);
        assert_eq!((code, &answer["error"]["code"]), (1, &reason.into()), "{part}: {verb:?}: {answer}");
        named(&answer["error"]["message"], part);
        assert!(answer["error"]["hint"].is_string(), "{part}: {answer}");
    }
    assert!(shown["hint"].is_string(), "{shown}");
    assert_eq!(place.objects().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{part}");
    assert_eq!(
        place.pointer().as_ref(),
        before.iter().find(|(key, _)| key.ends_with("/manifest")).map(|(_, body)| body)
    );
    assert!(machine.ctl(&["doctor"]).stdout.contains(part), "doctor does not name it: {part}");
}

fn named(text: &Value, part: &str) {
    assert!(text.as_str().is_some_and(|text| text.contains(part)), "{part} is not in: {text}");
}
