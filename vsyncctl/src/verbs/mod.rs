//! One file per verb. Each builds a request, asks, and shows the answer.

mod backup;
mod daemon;
mod diff;
mod doctor;
mod export;
mod forget;
mod import;
mod init;
mod profile;
mod pull;
mod push;
mod status;
mod sync;
mod track;
mod versions;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use vsync_proto::{Code, Failure};

pub(crate) use export::Exported;

use crate::cli::{Cli, Verb};
use crate::session::{self, Session};
use crate::{exit_code, render};

/// What a verb ends with.
type Outcome = Result<ExitCode, Failure>;

const DONE: Outcome = Ok(ExitCode::SUCCESS);

/// Reads the command line, runs the verb and reports a failure.
pub(crate) fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &args),
    };
    let json = cli.global.json;
    let session = Session::new(cli.global);
    let done = dispatch(&session, &cli.verb).unwrap_or_else(|failure| report(json, &failure));
    if session::lost_output() {
        let failure = Failure::new(Code::Io, "the result could not be written to standard output");
        session::note(&render::human::failure(&failure));
        return exit_code::from(&failure);
    }
    done
}

fn dispatch(session: &Session, verb: &Verb) -> Outcome {
    match verb {
        Verb::Status(args) => status::run(session, args),
        Verb::Watch(args) => watch::run(session, args),
        Verb::Diff(args) => diff::run(session, args),
        Verb::Push(args) => push::run(session, args),
        Verb::Pull(args) => pull::run(session, args),
        Verb::Versions(args) => versions::run(session, args),
        Verb::Sync(args) => sync::run(session, args),
        Verb::Init(args) => init::run(session, args),
        Verb::Import(args) => import::run(session, args),
        Verb::Export(args) => export::run(session, args),
        Verb::Track(args) => track::run(session, args),
        Verb::Forget(args) => forget::run(session, args),
        Verb::Profile(verb) => profile::run(session, verb),
        Verb::Backup(verb) => backup::run(session, verb),
        Verb::RestoreBackup(args) => backup::restore(session, args),
        Verb::Doctor(args) => doctor::run(session, args),
        Verb::Daemon(verb) => daemon::run(session, verb),
    }
}

fn report(json: bool, failure: &Failure) -> ExitCode {
    if json {
        session::print(&render::json::failure(failure));
    } else {
        session::note(&render::human::failure(failure));
    }
    exit_code::from(failure)
}

/// A command line that could not be read, or one that asked for help.
fn usage(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let asked_for = !error.use_stderr();
    let flags = args.iter().skip(1).take_while(|arg| *arg != "--");
    if asked_for || !flags.into_iter().any(|arg| arg == "--json") {
        let _ = error.print();
        return if asked_for { ExitCode::SUCCESS } else { exit_code::from(&Failure::new(Code::Usage, "")) };
    }
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default().trim_start_matches("error: ");
    let words: Vec<_> = text.split_whitespace().collect();
    report(true, &Failure::new(Code::Usage, words.join(" ")).hint("vsyncctl --help"))
}
