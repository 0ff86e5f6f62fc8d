//! How long an edit takes to the other machine, and how long much content takes.

use std::time::{Duration, Instant};

use vsync_tests::folder::{self, noise, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use crate::{Line, Of};

/// How often the other machine looks.
const POLL: Duration = Duration::from_secs(1);
/// What may pass beyond that.
const MORE: Duration = Duration::from_secs(1);
/// Edits on each store.
const EDITS: u32 = 12;

fn time(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn pair(place: &Place, poll: &str) -> (Machine, Machine) {
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
        Line::promised(&format!("push to equal folder through {name}"), times, Of::Worst, POLL + MORE)
    });
    measured.into()
}

/// 1 000 files, and 50 MiB.
pub(crate) fn bulk() -> Vec<Line> {
    let mut lines = Vec::new();
    for (what, files, bytes) in [("1000 files", 1000, 2048), ("50 MiB", 1, 50 << 20)] {
        let place = Place::s3();
        let (ann, ben) = pair(&place, "1h");
        for number in 0..files {
            write(&ann.vault("dev"), &format!("{}/{number}", number % 10), noise(number, bytes), 0o600);
        }
        let push = time(|| drop(ann.ok(&["push", "dev"])));
        let pull = time(|| drop(ben.ok(&["pull", "dev"])));
        assert!(folder::read(&ann.vault("dev")) == folder::read(&ben.vault("dev")), "the folders differ");
        lines.push(Line::figure(&format!("push of {what} to S3 on this machine"), vec![push]));
        lines.push(Line::figure(&format!("pull of {what} from there"), vec![pull]));
    }
    lines
}
