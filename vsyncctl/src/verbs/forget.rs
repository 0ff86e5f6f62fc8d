//! `forget`

use vsync_proto::request::Forget;

use super::{DONE, Outcome};
use crate::cli::OneEnv;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &OneEnv) -> Outcome {
    let answer = session.ask(&Forget { caller: session.caller()?, env: args.env.clone() })?;
    session.tell(&answer, human::forgotten);
    DONE
}
