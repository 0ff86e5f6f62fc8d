//! How long an edit takes to the other machine.

use std::time::{Duration, Instant};

use vsync_tests::folder::{self, noise, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use crate::table::Line;

/// How often the other machine looks.
const POLL: Duration = Duration::from_secs(1);
/// What may pass beyond that.
const MORE: Duration = Duration::from_secs(1);
/// Edits on each store.
const EDITS: u32 = 12;

pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

pub(crate) fn pair(place: &Place, poll: &str) -> (Machine, Machine) {
    let machine = |name| Machine::new(name).with("VSYNC_POLL_INTERVAL", poll);
    let (mut ann, mut ben) = (machine("ann"), machine("ben"));
    ann.start();
    ben.start();
    team::init(&ann, place, "dev");
    team::join(&ann, &ben, "dev");
    (ann, ben)
}

/// From the end of `push` on one machine to the equal folder on the other.
pub(crate) fn edits() -> Vec<Line> {
    let stores = [("a folder store", Place::folder()), ("S3", Place::s3())];
    let measured = stores.map(|(name, place)| {
        let (ann, ben) = pair(&place, "1s");
        let (here, there) = (ann.vault("dev"), ben.vault("dev"));
        let edit = |round: u32| {
            write(&here, ".env.dev", format!("ROUND={round}\n"), 0o600);
            write(&here, "tls/server.key", noise(round.into(), 3000), 0o600);
            let new = folder::read(&here);
            ann.ok(&["push", "dev"]);
            time(|| until("the edit arrives", || there.is_dir() && folder::read(&there) == new))
        };
        let times = (0..EDITS).map(edit).collect();
        Line::at_worst(&format!("push to equal folder through {name}"), times, POLL + MORE)
    });
    measured.into()
}
