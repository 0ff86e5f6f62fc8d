//! One run of the program: the flags, the connection, and where output goes.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use vsync_proto::client::Client;
use vsync_proto::event::{Event, Plan};
use vsync_proto::{Ask, Caller, Code, Failure};

use crate::cli::{Color, Global};
use crate::render::{self, progress::Bar};
use crate::start;

/// The flags every verb takes, and what follows from them.
#[derive(Debug)]
pub(crate) struct Session {
    /// The flags.
    pub(crate) global: Global,
}

impl Session {
    /// Takes the flags and sets up colour.
    pub(crate) fn new(global: Global) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self { global }
    }

    /// A connection to the daemon, which is started if there is none.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let client = start::connect(&self.global)?;
        // In a folder that others can write to, the socket may be somebody else's.
        let own = rustix::process::geteuid().as_raw();
        match client.daemon_uid() {
            // Root may speak to any daemon, as it may do anything else to it.
            Some(uid) if uid != own && uid != 0 && own != 0 => {
                let text = format!("the socket belongs to uid {uid}, not to you: nothing was sent");
                Err(Failure::new(Code::PeerRefused, text).hint("use a socket in a folder of your own"))
            }
            _ => Ok(client),
        }
    }

    /// From where the person asks.
    pub(crate) fn caller(&self) -> Result<Caller, Failure> {
        let cwd = std::env::current_dir()
            .map_err(|error| Failure::new(Code::Io, "the working folder is gone").cause(error.to_string()))?;
        let cwd = cwd.into_os_string().into_string();
        let cwd = cwd.map_err(|_| Failure::new(Code::Io, "the name of the working folder is not UTF-8"))?;
        let env: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| Caller::passes(name))
            .collect();
        Ok(Caller { cwd, env, repo: self.global.repo.clone() })
    }

    /// As [`Session::caller`], for verbs that also work without: no folder is no reason to fail.
    pub(crate) fn caller_if_any(&self) -> Option<Caller> {
        self.caller().ok()
    }

    /// Asks the daemon one thing, showing progress on a terminal.
    pub(crate) fn ask<A: Ask>(&self, ask: &A) -> Result<A::Answer, Failure> {
        let mut client = self.client()?;
        let quiet = self.global.quiet || self.global.json || !io::stderr().is_terminal();
        let mut bar = Bar::new(!quiet);
        let outcome = client.call(ask, &mut |step| bar.step(step));
        bar.clear();
        outcome
    }

    /// As [`Session::ask`]; `planned` is shown the plan that comes before anything is sent.
    pub(crate) fn ask_planned<A: Ask>(
        &self,
        ask: &A,
        planned: &mut dyn FnMut(&Plan),
    ) -> Result<A::Answer, Failure> {
        let mut client = self.client()?;
        let quiet = self.global.quiet || self.global.json || !io::stderr().is_terminal();
        let mut bar = Bar::new(!quiet);
        let outcome = client.call_hearing(ask, &mut |event| match event {
            Event::Progress(step) => bar.step(step),
            Event::Plan(plan) => planned(plan),
            Event::Part(_) | Event::Status(_) => {}
        });
        bar.clear();
        outcome
    }

    /// Shows what was asked for.
    pub(crate) fn show<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) {
        print(&if self.global.json { render::json::value(value) } else { human(value) });
    }

    /// Confirms what was done; `-q` leaves it out.
    pub(crate) fn tell<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) {
        if self.global.json || !self.global.quiet {
            self.show(value, human);
        }
    }

    /// Warns on stderr; with `--json` the warnings are part of the value.
    pub(crate) fn warn<S: AsRef<str>>(&self, warnings: impl IntoIterator<Item = S>) {
        if !self.global.json {
            for warning in warnings {
                note(&render::human::warning(warning.as_ref()));
            }
        }
    }
}

/// Set when stdout took less than it was given, for another reason than that its reader left.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes to stdout; false when it takes no more. A reader that left is no failure of the verb.
pub(crate) fn print(text: &str) -> bool {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) => {
            LOST.fetch_or(error.kind() != std::io::ErrorKind::BrokenPipe, Ordering::Relaxed);
            false
        }
    }
}

/// Whether something that was to be shown was not.
pub(crate) fn lost_output() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes to stderr.
pub(crate) fn note(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}
