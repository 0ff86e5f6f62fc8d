//! Two machines publish at the same moment.

use std::time::Duration;

use vsync_core::sync::Command;

use super::step::{Edit, Step, Text};
use super::world::{Checked, World};

/// Who races, and how.
#[derive(Debug, Clone)]
pub(super) struct Race {
    /// The one whose requests are slow.
    pub(super) first: u8,
    pub(super) second: u8,
    /// How long a request of the first is under way, in milliseconds.
    pub(super) slow: u16,
    /// How long the first has been at it when the second begins, in milliseconds.
    pub(super) ahead: u16,
    pub(super) force: bool,
}

impl World {
    /// Both edit, at the same time of their clocks; the second publishes within the push of the
    /// first.
    pub(super) fn race(&mut self, race: &Race) -> Checked {
        let push = Command::Push { force: race.force };
        let (first, second) = (self.at(race.first), self.at(race.second));
        if first == second {
            return Ok(());
        }
        self.step(&Step::Agree)?;
        for host in [race.first, race.second] {
            let edit = Edit::Replace { path: host, content: Text::New };
            self.step(&Step::Edit { host, edit, told: false })?;
        }
        self.bucket.slow(first, Duration::from_millis(u64::from(race.slow)));
        let host = &mut self.places[first].host;
        host.start();
        host.ask(push);
        host.pass(Duration::from_millis(u64::from(race.ahead)));
        self.verb(second, push)?;
        self.check()?;
        self.places[first].host.answer();
        self.bucket.slow(first, Duration::ZERO);
        Ok(())
    }
}
