//! Limits of the process, changed while it runs: open files, and how large a file may grow.

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use vsync_tests::folder::{self, Entry, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use super::{arrives, fails, litter, pair, publish};

/// Lowers the soft limit of a running daemon; the hard one stays, so that it can be raised again.
fn limit(machine: &Machine, resource: Resource, to: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(machine.pid().cast_signed());
    let hard = rustix::process::getrlimit(resource).maximum;
    let before = prlimit(pid, resource, Rlimit { current: to, maximum: hard });
    before.expect("the limit of a process of our own").current
}

/// However few files may be open, the daemon lives, says so where it still can, and recovers.
#[test]
fn few_open_files() {
    let (_place, ann, ben) = pair();
    let mut told = 0;
    for most in [0, 4, 16, 18, 20, 22, 24, 26, 28, 30] {
        write(&ben.vault("dev"), "a.env", format!("A=sesame-{most}\n"), 0o600);
        let old = limit(&ben, Resource::Nofile, Some(most));
        let (code, answer) = ben.json(&["push", "dev"]);
        limit(&ben, Resource::Nofile, old);
        let (word, text) = (answer["error"]["code"].as_str().unwrap_or_default(), answer.to_string());
        match code {
            0 => {}
            1 if word == "io" => {
                told += 1;
                assert!(text.contains("Too many open files") && text.contains("LimitNOFILE"), "{text}");
            }
            // No connection, of the client or to the store, could be had.
            3 => assert_eq!(word, "daemon_unreachable", "{text}"),
            9 => assert_eq!(word, "store_unreachable", "{text}"),
            _ => panic!("{most}: exit {code}, {text}"),
        }
        assert!(!text.contains("sesame"), "{text}");
        let kept = folder::read(&ben.vault("dev"));
        assert!(
            matches!(&kept["a.env"], Entry::File { content, .. } if content.ends_with(format!("-{most}\n").as_bytes()))
        );
    }
    assert!(told > 0, "no step but connecting met the limit");
    let complaints = ben.log().matches("cannot accept a client").count();
    assert!(complaints <= 20, "{complaints} lines about clients that cannot be accepted");
    publish(&ben, 2);
    arrives(&ann, 2);
    arrives(&ben, 2);
    until("nothing is left", || litter(&ben).is_empty());
}

/// No file may grow, not even the log: a signal says so, which must not be the daemon's end.
#[test]
fn files_that_may_not_grow() {
    let (_place, ann, mut ben) = pair();
    let old = limit(&ben, Resource::Fsize, Some(0));
    write(&ben.vault("dev"), "a.env", "A=sesame-2\n", 0o600);
    let before = folder::read(&ben.vault("dev"));
    fails(&ben, &["push", "dev"], "io", "File too large");
    publish(&ann, 3);
    ben.wait_state("dev", "diverged");
    fails(&ben, &["pull", "dev", "--backup"], "io", "File too large");
    assert_eq!(folder::read(&ben.vault("dev")), before);
    assert!(litter(&ben).is_empty(), "{:?}", litter(&ben));
    assert!(ben.ended().is_none(), "the daemon lives");
    limit(&ben, Resource::Fsize, old);
    ben.ok(&["pull", "dev", "--backup"]);
    arrives(&ben, 3);
}

/// A log whose disk is full for ever: lines are lost, nobody falls over it.
#[test]
fn a_log_that_takes_nothing() {
    let place = Place::s3();
    let mut ben = Machine::new("ben");
    let log = ben.path("vsyncd.log");
    std::os::unix::fs::symlink("/dev/full", &log).expect("a log that is always full");
    ben.spawn(&[]);
    // It is open by now, and reading it would never end.
    std::fs::remove_file(&log).expect("the name goes");
    until("the daemon answers", || {
        assert!(ben.ended().is_none(), "it fell over its log");
        ben.ctl(&["daemon", "status"]).code == 0
    });
    team::init(&ben, &place, "dev");
    publish(&ben, 1);
    place.server().offline(true);
    ben.wait_state("dev", "offline");
    place.server().offline(false);
    publish(&ben, 2);
    arrives(&ben, 2);
}
