//! Killed while it sets up.

use super::*;

/// The two files of the repository that `init` writes.
fn lines(machine: &Machine) -> (String, String) {
    let read = |name: &str| fs::read_to_string(machine.repo().join(name)).unwrap_or_default();
    (read(".gitignore"), read(".vsync"))
}

#[test]
fn an_init_that_dies_is_done_or_can_be_done_again() {
    let reference = {
        let mut machine = Machine::new("ref");
        machine.start();
        let place = Place::folder();
        let length = time(|| team::init(&machine, &place, "dev"));
        (lines(&machine), length)
    };
    let ((ignore, pin), length) = reference;
    let (mut aim, mut complete, mut round) = (Aim::new(17, length), 0, 0);
    while let Some(moment) = aim.next() {
        round += 1;
        let place = Place::folder();
        let Place::Folder(root) = &place else { unreachable!() };
        let url = format!("file://{}", root.path().join("store").display());
        let mut machine = Machine::new("ann");
        machine.start();
        let ran = killed(&mut machine, &["init", "dev", "--store", &url], moment);
        aim.note(ran.code != 0);
        let (ignore_now, pin_now) = lines(&machine);
        assert!(ignore_now.is_empty() || ignore_now == ignore, "round {round}: {ignore_now:?}");
        assert!(pin_now.is_empty() || pin_now == pin, "round {round}: {pin_now:?}");
        for below in ["state", "config", "repo/infra"] {
            assert_private(&machine.path(below));
        }
        machine.start();
        if machine.status("dev").is_null() {
            assert_ne!(ran.code, 0, "round {round}: init said it was done");
            machine.ok(&["init", "dev", "--store", &url]);
        } else {
            complete += u64::from(ran.code != 0);
            let again = machine.ctl(&["init", "dev", "--store", &url]);
            assert_ne!(again.code, 0, "round {round}: init over a vault that is set up");
        }
        assert_eq!(lines(&machine), (ignore.clone(), pin.clone()), "round {round}");
        let new = fill(&machine.vault("dev"), round);
        machine.ok(&["push", "dev"]);
        assert_eq!(machine.wait_state("dev", "ok")["gen"], 1);
        let mut ben = Machine::new("ben");
        ben.start();
        team::join(&machine, &ben, "dev");
        assert!(folder::read(&ben.vault("dev")) == new, "round {round}: the key or the salt is another");
    }
    println!("{complete} inits died after everything was set up");
}
