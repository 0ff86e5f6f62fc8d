//! `pull`

use vsync_proto::request::{Pull, PullMode};

use super::{DONE, Outcome};
use crate::cli;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &cli::Pull) -> Outcome {
    let mode = match (args.backup, args.force) {
        (_, true) => PullMode::Force,
        (true, false) => PullMode::Backup,
        (false, false) => PullMode::Plain,
    };
    let env = args.env.clone();
    let answer =
        session.ask(&Pull { caller: session.caller()?, env, mode, allow_rollback: args.allow_rollback })?;
    session.tell(&answer, |answer| human::pull(&args.env, answer));
    session.warn(&answer.warnings);
    DONE
}
