//! `backup list`, `backup restore` and its alias

use vsync_proto::request::{BackupList, BackupRestore};
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli::{BackupVerb, Restore};
use crate::clock;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, verb: &BackupVerb) -> Outcome {
    match verb {
        BackupVerb::List(args) => {
            let answer = session.ask(&BackupList { caller: session.caller()?, env: args.env.clone() })?;
            session.show(&answer, |backups| human::backups(backups, clock::now()));
            DONE
        }
        BackupVerb::Restore(args) => restore(session, args),
    }
}

pub(super) fn restore(session: &Session, args: &Restore) -> Outcome {
    let into = std::path::absolute(&args.dir).map_err(|error| {
        Failure::new(Code::Usage, "the folder has no absolute path").cause(error.to_string())
    })?;
    let into = into.into_os_string().into_string();
    let into = into.map_err(|_| Failure::new(Code::Usage, "the folder's name is not UTF-8"))?;
    let answer = session.ask(&BackupRestore {
        caller: session.caller()?,
        env: args.env.clone(),
        name: args.name.clone(),
        into,
    })?;
    session.tell(&answer, human::restored);
    DONE
}
