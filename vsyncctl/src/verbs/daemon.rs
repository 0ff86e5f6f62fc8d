//! `daemon start`, `stop`, `reload`, `log-level`, `status`

use vsync_proto::client::Client;
use vsync_proto::request::{DaemonInfo, DaemonLogLevel, DaemonReload, DaemonStop};
use vsync_proto::response::Done;
use vsync_proto::{Ask, Code, Failure};

use super::{DONE, Outcome};
use crate::cli::DaemonVerb;
use crate::render::human;
use crate::session::Session;
use crate::start;

pub(super) fn run(session: &Session, verb: &DaemonVerb) -> Outcome {
    match verb {
        DaemonVerb::Start => {
            let before = start::connect_running(&session.global)?.is_some();
            let mut client = session.client()?;
            let answer = ask(&mut client, &DaemonInfo {})?;
            let done = if before { "the daemon runs already" } else { "the daemon runs" };
            session.tell(&answer, |info| {
                human::line(&format!("{done}: pid {}, socket {}", info.pid, info.socket))
            });
        }
        DaemonVerb::Stop => stop(session)?,
        DaemonVerb::Reload => {
            let answer = ask(&mut running(session)?, &DaemonReload {})?;
            session.tell(&answer, human::reloaded);
            session.warn(&answer.warnings);
        }
        DaemonVerb::LogLevel(args) => {
            let answer = ask(&mut running(session)?, &DaemonLogLevel { filter: args.filter.clone() })?;
            session.tell(&answer, |answer| human::line(&format!("the daemon logs {}", answer.filter)));
        }
        DaemonVerb::Status => {
            let answer = ask(&mut running(session)?, &DaemonInfo {})?;
            session.show(&answer, human::daemon_info);
        }
    }
    DONE
}

fn stop(session: &Session) -> Result<(), Failure> {
    let Some(mut client) = start::connect_running(&session.global)? else {
        if session.global.no_start {
            return Err(none());
        }
        session.tell(&Done {}, |_| human::line("no daemon was running"));
        return Ok(());
    };
    let pid = client.hello().pid;
    ask(&mut client, &DaemonStop {})?;
    drop(client);
    start::wait_until_gone(&session.global, pid)?;
    session.tell(&Done {}, |_| human::line(&format!("the daemon (pid {pid}) has stopped")));
    Ok(())
}

fn ask<A: Ask>(client: &mut Client, ask: &A) -> Result<A::Answer, Failure> {
    client.call(ask, &mut |_| {})
}

/// Verbs about a running daemon start none.
fn running(session: &Session) -> Result<Client, Failure> {
    start::connect_running(&session.global)?.ok_or_else(none)
}

fn none() -> Failure {
    Failure::new(Code::DaemonUnreachable, "no daemon is running").hint("start one: vsyncctl daemon start")
}
