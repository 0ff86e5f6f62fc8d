//! What a failing disk does to a daemon: each writing step of each verb, with each error that a disk has.
//! Needs strace, a C compiler and the right to trace, so it counts as ignored unless `VSYNC_TEST_DISK_ERRORS`
//! names the library that `write_fault.c` becomes; `tests/components/disk-errors.sh` does all that.
#![expect(clippy::disallowed_methods, reason = "a story lays out folders as a person would")]

mod bench;
mod disks;
mod errors;
mod matrix;
mod verbs;
mod write_fault;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// The library that makes writes fail.
const LIBRARY: &str = "VSYNC_TEST_DISK_ERRORS";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for verb in verbs::Verb::ALL {
        trials.push(trial(format!("calls::{verb}"), move |library| matrix::calls(library, verb)));
        trials.push(trial(format!("writes::{verb}"), move |library| matrix::writes(library, verb)));
    }
    // In a slice, the first half: each place and each trouble is in it.
    let slice =
        if std::env::var_os(matrix::BUDGET).is_some() { disks::ALL.len() / 2 } else { disks::ALL.len() };
    for (below, trouble) in disks::ALL.into_iter().take(slice) {
        let place = if below.is_empty() { "everything" } else { below };
        trials.push(trial(format!("disks::{place}::{trouble:?}"), move |_| disks::story(below, trouble)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: String, story: impl FnOnce(&str) + Send + 'static) -> Trial {
    let library = std::env::var(LIBRARY).ok().filter(|value| !value.is_empty());
    let absent = library.is_none();
    let run = move || {
        let library = library.ok_or_else(|| Failed::from(format!("{LIBRARY} is not set")))?;
        story(&library);
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(absent)
}
