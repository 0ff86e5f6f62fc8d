//! How long a person waits for the prompt.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

use crate::table::Line;

/// Runs of each process, taken in turns so that a busy moment hits all of them.
const RUNS: usize = 40;
/// What the client may take longer than a process that does nothing.
const MORE: Duration = Duration::from_millis(5);

fn run(mut command: Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let ended = command.status().expect("the process starts");
    let took = begun.elapsed();
    assert!(ended.success(), "{command:?} failed");
    took
}

/// `vsyncctl --version` and `vsyncctl status` beside `true`, in the same minute.
pub(crate) fn whole_processes() -> Vec<Line> {
    let mut machine = Machine::new("ann");
    machine.start();
    team::init(&machine, &Place::folder(), "dev");
    let (mut nothing, mut version, mut status) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        nothing.push(run(machine.command(Path::new("/bin/true"))));
        version.push(run(machine.ctl_command(&["--version"])));
        status.push(run(machine.ctl_command(&["status"])));
    }
    vec![
        Line::beyond("vsyncctl --version, over /bin/true", version, nothing.clone(), MORE),
        Line::beyond("vsyncctl status, over /bin/true", status, nothing, MORE),
    ]
}
