//! `doctor`

use std::process::ExitCode;

use vsync_proto::error::Category;
use vsync_proto::request::Doctor;
use vsync_proto::response::Verdict;

use super::{DONE, Outcome};
use crate::cli::MaybeEnv;
use crate::exit_code;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &MaybeEnv) -> Outcome {
    let answer = session.ask(&Doctor { caller: session.caller_if_any(), env: args.env.clone() })?;
    session.show(&answer, human::doctor);
    if answer.checks.iter().any(|check| check.ok == Verdict::Fail) {
        return Ok(ExitCode::from(exit_code::of(Category::Failed)));
    }
    DONE
}
