//! `track`

use vsync_proto::request::Track;
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli;
use crate::input;
use crate::render::human;
use crate::session::{Session, note};

pub(super) fn run(session: &Session, args: &cli::Track) -> Outcome {
    let mut ask = Track {
        caller: session.caller()?,
        env: args.env.clone(),
        vault_folder: args.vault_folder.clone(),
        confirm: false,
    };
    if !args.yes {
        let found = session.ask(&ask)?;
        if found.registered {
            session.tell(&found, human::tracked);
            return DONE;
        }
        let can_ask = input::on_terminal() && !session.global.json;
        if !can_ask {
            let [repo, folder] = [&found.repo, &found.folder].map(|text| human::one_line(text));
            let origin = found.origin.as_deref().map_or_else(|| "none".to_owned(), human::one_line);
            let text =
                format!("{folder} is not registered for {repo} (origin: {origin}): nobody can be asked here");
            return Err(Failure::new(Code::Usage, text)
                .hint("look at repository, folder and origin, then run the command with --yes"));
        }
        note(&human::track_question(&found));
        if !input::confirm("Look after this folder?")? {
            return Err(Failure::new(Code::NotTracked, "nothing was registered"));
        }
    }
    ask.confirm = true;
    let answer = session.ask(&ask)?;
    session.tell(&answer, human::tracked);
    DONE
}
