//! `push`

use vsync_proto::request::Push;

use super::{DONE, Outcome};
use crate::cli;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &cli::Push) -> Outcome {
    let answer = session.ask(&Push {
        caller: session.caller()?,
        env: args.env.clone(),
        force: args.force,
        note: args.note.clone(),
        meta: args.meta.iter().cloned().collect(),
        no_audit: args.no_audit,
    })?;
    session.tell(&answer, |answer| human::push(&args.env, answer));
    session.warn(&answer.warnings);
    DONE
}
