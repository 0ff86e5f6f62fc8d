//! `watch`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use vsync_proto::event::StatusEvent;
use vsync_proto::request::Subscribe;
use vsync_proto::status::PairStatus;
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli::MaybeEnv;
use crate::clock;
use crate::render::json;
use crate::render::status::{View, change, pairs};
use crate::session::{Session, print};

/// How often the picture is redrawn when nothing happens: the ages in it grow.
const REDRAW: Duration = Duration::from_secs(1);
/// Cursor to the top left, and everything below it cleared.
const CLEAR: &str = "\x1b[H\x1b[J";

pub(super) fn run(session: &Session, args: &MaybeEnv) -> Outcome {
    let caller = session.caller_if_any();
    let env = args.env.clone();
    let events = session.client()?.subscribe(&Subscribe { caller, env })?;
    if session.global.json || !io::stdout().is_terminal() {
        for event in events {
            let event = event?;
            if !print(&if session.global.json { json::value(&event) } else { change(&event) }) {
                return DONE;
            }
        }
    } else {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || events.take_while(|event| sender.send(event.clone()).is_ok()).count());
        if !redraw(session, &receiver)? {
            return DONE;
        }
    }
    Err(Failure::new(Code::ShuttingDown, "the daemon ended the watch: it is stopping"))
}

type Key = (String, String, String);

/// True when the daemon ended the watch, false when nobody looks any more.
fn redraw(session: &Session, events: &mpsc::Receiver<Result<StatusEvent, Failure>>) -> Result<bool, Failure> {
    let mut known: BTreeMap<Key, PairStatus> = BTreeMap::new();
    loop {
        let mut next = events.recv_timeout(REDRAW);
        loop {
            match next {
                Ok(event) => note(&mut known, event?),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(true),
            }
            // Whatever else is there belongs into the same picture.
            next = events.recv_timeout(Duration::ZERO);
        }
        let view = View::new(clock::now(), session.global.verbose);
        if !print(&format!("{CLEAR}{}", pairs(known.values(), view))) {
            return Ok(false);
        }
    }
}

fn note(known: &mut BTreeMap<Key, PairStatus>, event: StatusEvent) {
    let pair = event.pair;
    let key = (pair.repo.clone(), pair.env.clone(), pair.root.clone());
    if event.gone {
        known.remove(&key);
    } else {
        known.insert(key, pair);
    }
}
