//! `versions`

use vsync_proto::request::Versions;

use super::{DONE, Outcome};
use crate::cli::OneEnv;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &OneEnv) -> Outcome {
    let answer = session.ask(&Versions { caller: session.caller()?, env: args.env.clone() })?;
    session.show(&answer, |versions| human::versions(versions));
    DONE
}
