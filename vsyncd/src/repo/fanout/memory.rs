//! What earlier runs sent to a place: by names and keyed hashes, never by values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ring::hmac;
use vsync_core::fanout::plan::Known;
use vsync_core::id::Pair;
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;

use crate::disk::state::{Loaded, Sent, SentSecret, StateDir, TargetState};
use crate::repo::trouble::io_problem;
use crate::targets::Mark;

/// The memory of one place, and the key of its hashes. Without the key, which never leaves this machine, a
/// hash cannot be compared with guessed values.
#[derive(Debug)]
pub struct Memory {
    key: hmac::Key,
    file: TargetState,
    sent: Sent,
    found: bool,
}

impl Memory {
    /// Reads what is remembered of the place that a target describes so. What is damaged counts as
    /// forgotten: the target is asked instead. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(state: &StateDir, pair: &Pair, place: &str) -> Result<Self, Problem> {
        let failed = |error| io_problem("cannot read what was sent before", &error);
        let key = state.sync_key().map_err(failed)?;
        let file = state.target(pair, place);
        let (sent, found) = match file.load().map_err(failed)? {
            Loaded::Found(sent) if sent.place == place => (sent, true),
            Loaded::Found(_) | Loaded::Missing => (Sent::default(), false),
            Loaded::Corrupt { moved_to, why } => {
                tracing::warn!(%pair, why, moved_to = %moved_to.display(), "what was sent before is forgotten");
                (Sent::default(), false)
            }
        };
        let sent = Sent { place: place.to_owned(), ..sent };
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()), file, sent, found })
    }

    /// Whether this machine has sent anything to the place before.
    pub fn is_known(&self) -> bool {
        self.found
    }

    /// The keyed hash of a value, in hex.
    pub fn hash(&self, name: &str, value: &Secret<Vec<u8>>) -> String {
        self.keyed(&[b"value", self.sent.place.as_bytes(), name.as_bytes(), value.expose()])
    }

    /// A token for the write of the value with this hash. It is the same when the same write is repeated,
    /// and another one when the value comes back after something else.
    pub fn token(&self, name: &str, hash: &str, seen: Option<&str>) -> String {
        let last = self.sent.secrets.get(name);
        let last = last.map(|secret| secret.mark.as_deref().unwrap_or(&secret.hash)).unwrap_or_default();
        let token = |parts: &[&str]| {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            self.keyed(&parts).chars().take(32).collect::<String>()
        };
        let place = self.sent.place.as_str();
        let own = token(&["token", place, name, hash, last]);
        let plain = |mark: &str| mark.replace('-', "").to_lowercase();
        match seen {
            // Somebody else wrote: this is no repetition, whatever was begun before.
            Some(mark) if mark != last && !plain(mark).contains(&own) => {
                token(&["token", place, name, hash, last, mark])
            }
            _ => own,
        }
    }

    /// Hashes parts such that no two lists of parts meet.
    fn keyed(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.sign().as_ref().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// What may be relied on in planning: of a secret whose last write was not heard of nothing is known,
    /// but that it is ours to take away.
    pub fn known(&self, wanted: &BTreeSet<&str>) -> BTreeMap<String, Known> {
        let reliable = self.sent.secrets.iter();
        let reliable = reliable.filter(|(name, secret)| !secret.unsettled || !wanted.contains(name.as_str()));
        // The mark of a write that was not heard of is not the one that is remembered.
        let mark = |secret: &SentSecret| secret.mark.clone().filter(|_| !secret.unsettled);
        let known = |secret: &SentSecret| Known { hash: secret.hash.clone(), mark: mark(secret) };
        reliable.map(|(name, secret)| (name.clone(), known(secret))).collect()
    }

    /// Every name that was ever sent and not taken away.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.sent.secrets.keys()
    }

    /// A write of this secret begins; `makes` where the target does not have it. What is made counts as ours
    /// from now on, so that it can be taken away also when nothing more is heard of it.
    pub(super) fn begin(&mut self, name: &str, makes: bool) {
        match self.sent.secrets.get_mut(name) {
            Some(secret) => secret.unsettled = true,
            None if makes => drop(self.sent.secrets.insert(name.to_owned(), SentSecret::begun())),
            None => {}
        }
    }

    /// The target made nothing of it.
    pub(super) fn not_made(&mut self, name: &str) {
        self.sent.secrets.retain(|known, secret| known != name || *secret != SentSecret::begun());
    }

    /// The target holds the value with this hash.
    pub(super) fn holds(&mut self, name: &str, hash: String, mark: Option<Mark>) {
        let secret = SentSecret { hash, mark: mark.map(|mark| mark.0), unsettled: false };
        self.sent.secrets.insert(name.to_owned(), secret);
    }

    /// The target holds it no more.
    pub(super) fn forget(&mut self, name: &str) {
        self.sent.secrets.remove(name);
    }

    /// What has to be written to make it last.
    pub(super) fn snapshot(&self) -> (TargetState, Sent) {
        (self.file.clone(), self.sent.clone())
    }
}
