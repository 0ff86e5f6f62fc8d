//! `status`

use vsync_proto::request::Status;

use super::{DONE, Outcome};
use crate::cli::MaybeEnv;
use crate::clock;
use crate::render::status::{View, report};
use crate::session::Session;

pub(super) fn run(session: &Session, args: &MaybeEnv) -> Outcome {
    let all = args.env.is_none() && session.global.repo.is_none();
    let ask = Status { caller: session.caller_if_any(), env: args.env.clone(), all };
    let answer = session.ask(&ask)?;
    session.show(&answer, |answer| report(answer, View::new(clock::now(), session.global.verbose)));
    DONE
}
