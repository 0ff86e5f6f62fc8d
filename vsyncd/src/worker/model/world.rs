//! All of it together: machines, people, the bucket; what happens, and what must hold after it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use vsync_core::format::bundle::{Limits, unarchive};
use vsync_core::format::envelope;
use vsync_core::sync::{Command, OnEdit, Outcome, PullMode};

use super::bucket::Bucket;
use super::content::{self, Content};
use super::host::{Answer, Host, VaultKey, pair};
use super::person::{Pen, Person};
use super::step::Step;
use crate::disk::backup;

/// What a step has to show that it is fine.
pub(super) type Checked = Result<(), String>;

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    key: VaultKey,
    pub(super) bucket: Arc<Bucket>,
    pub(super) places: Vec<Place>,
    pen: Pen,
}

/// One machine, its person, and what was last seen there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) person: Person,
    /// The folder as it was after the last step; `None` when it was missing.
    seen: Option<Content>,
    /// Somebody asked to replace what is there, edits included.
    given_up: bool,
    /// The folder agreed with a version once, as far as its machine knows.
    agreed: bool,
    /// Backups that were opened, by name and time.
    backups: BTreeMap<(String, Option<SystemTime>), Content>,
}

impl World {
    /// Machines that are set up; the first has files, and nothing is published.
    pub(super) fn new(key: VaultKey, machines: usize, wall: Timestamp) -> Self {
        let bucket = Bucket::new(Arc::clone(&key.key), machines);
        let place = |number| {
            let mut host = Host::new(number, key.clone(), bucket.client(number), wall);
            host.start();
            let (person, backups) = (Person::default(), BTreeMap::new());
            Place { host, person, seen: None, given_up: false, agreed: false, backups }
        };
        let places = (0..machines).map(place).collect();
        Self { key, bucket, places, pen: Pen::default() }
    }

    /// Lets something happen, and looks whether all is well.
    pub(super) fn step(&mut self, step: &Step) -> Checked {
        match step {
            Step::Do { host, verb } => self.verb(self.at(*host), *verb)?,
            Step::Both(race) => self.race(race)?,
            Step::WaitAll { millis } => self.pass(Duration::from_millis(u64::from(*millis))),
            Step::Cut { host: None, down } => {
                (0..self.places.len()).for_each(|at| self.bucket.cut(at, *down));
            }
            Step::Deliver => self.bucket.deliver(),
            Step::Restore { back } => self.bucket.restore(usize::from(*back)),
            Step::Cut { host: Some(host), down } => self.bucket.cut(self.at(*host), *down),
            Step::Slow { host, millis } => {
                self.bucket.slow(self.at(*host), Duration::from_millis(u64::from(*millis)));
            }
            Step::Fail { host, fault, skip, times } => {
                self.bucket.fail(self.at(*host), *fault, (usize::from(*skip), usize::from(*times)));
            }
            Step::Agree => {
                let right = self.places[0].host.wall();
                self.places.iter().for_each(|place| place.host.set_clock(right));
            }
            Step::Edit { host, .. }
            | Step::Begin { host, .. }
            | Step::Leave { host }
            | Step::Wait { host, .. }
            | Step::Nudge { host, .. }
            | Step::Wake { host }
            | Step::Stop { host }
            | Step::Kill { host }
            | Step::Start { host }
            | Step::Jump { host, .. }
            | Step::Forget { host }
            | Step::OnEdit { host, .. } => {
                let at = self.at(*host);
                self.places[at].step(step, &mut self.pen);
            }
        }
        self.check()
    }

    pub(super) fn at(&self, host: u8) -> usize {
        usize::from(host) % self.places.len()
    }

    /// Lets time pass on every machine.
    pub(super) fn pass(&self, time: Duration) {
        self.places.iter().for_each(|place| place.host.pass(time));
    }

    /// A verb to its end, with nothing beside it: then what it says must be so.
    pub(super) fn verb(&mut self, at: usize, verb: Command) -> Checked {
        let place = &mut self.places[at];
        place.given_up |= gives_up(verb);
        let answer = place.host.verb(verb);
        self.believe(at, &answer).map_err(|why| format!("machine {at}: {verb:?} says {answer:?}, but {why}"))
    }

    fn believe(&self, at: usize, answer: &Answer) -> Checked {
        let version = match answer {
            Ok(Outcome::Pushed { version, .. } | Outcome::Pulled { version, .. }) => *version,
            Ok(Outcome::UpToDate { version, edits: 0, .. }) => *version,
            Ok(Outcome::UpToDate { .. } | Outcome::Diff(_)) | Err(_) => return Ok(()),
        };
        if self.places[at].host.content() != self.bucket.bundle(version) {
            return Err(format!("the folder is not {version}"));
        }
        Ok(())
    }

    /// What must hold at any moment.
    pub(super) fn check(&mut self) -> Checked {
        let found = self.look();
        if found.is_ok() {
            return found;
        }
        // What works on the disk this moment may have been in the way of the look.
        self.pass(Duration::from_millis(1));
        self.look()
    }

    fn look(&mut self) -> Checked {
        if let Some(wrong) = self.bucket.wrong().first() {
            return Err(wrong.clone());
        }
        for (at, place) in self.places.iter_mut().enumerate() {
            let checked =
                place.check_folder(&self.bucket).and_then(|()| place.check_owed(&self.bucket, &self.key));
            checked.map_err(|why| format!("machine {at}: {why}"))?;
        }
        Ok(())
    }
}

/// Whether a verb gives up edits that are in the folder.
fn gives_up(verb: Command) -> bool {
    matches!(verb, Command::Pull { mode: PullMode::Backup | PullMode::Force, .. })
}

impl Place {
    fn step(&mut self, step: &Step, pen: &mut Pen) {
        let host = &mut self.host;
        match step {
            Step::Edit { edit, told, .. } => {
                // Nothing works on the disk then, so nobody is about to remove a replaced folder.
                if matches!(edit, super::step::Edit::Late { .. }) {
                    host.pass(Duration::from_millis(1));
                    if host.content() != self.seen {
                        return;
                    }
                }
                let old = |path: &PathBuf| path.to_string_lossy().contains(".old-");
                let replaced = host.siblings().into_iter().rfind(old);
                let (folder, now) = (host.folder(), host.wall());
                let before = inode(&folder);
                // A save that fails because the folder is exchanged this moment is none.
                let _ = self.person.edit(edit, pen, (&folder, replaced.as_deref()), now);
                self.seen = host.content();
                // A save that went into a folder while it was exchanged comes back with it: what is
                // there then shows only when the exchange is over.
                if inode(&folder) != before {
                    host.pass(Duration::from_millis(1));
                    self.seen = host.content();
                }
                if *told {
                    host.tell();
                }
            }
            Step::Begin { verb, turns, .. } => {
                self.given_up |= gives_up(*verb);
                host.start();
                host.ask(*verb);
                host.nudge(u32::from(*turns));
            }
            Step::Leave { .. } => host.leave(),
            Step::Wait { millis, .. } => host.pass(Duration::from_millis(u64::from(*millis))),
            Step::Nudge { turns, .. } => host.nudge(u32::from(*turns)),
            Step::Wake { .. } => host.wake(),
            Step::Stop { .. } => host.stop(),
            Step::Kill { .. } => host.kill(),
            Step::Start { .. } => host.start(),
            Step::Jump { by, .. } => host.jump(SignedDuration::from_secs(i64::from(*by))),
            Step::Forget { .. } => {
                host.kill();
                host.forget();
                self.agreed = false;
            }
            Step::OnEdit { push, .. } => host.on_edit(if *push { OnEdit::Push } else { OnEdit::Status }),
            _ => {}
        }
    }

    /// The folder is what it was, or one version whole; and edits were given up only on demand.
    fn check_folder(&mut self, bucket: &Bucket) -> Checked {
        if self.host.failed() {
            return Err("the worker ended by itself".to_owned());
        }
        let now = self.host.content();
        if now != self.seen {
            let whole = now.as_ref().is_some_and(|now| bucket.published(now));
            if !whole {
                return Err(format!("the folder was {:?} and is now no version: {now:?}", self.seen));
            }
            let free = match &self.seen {
                None => true,
                Some(before) => before.is_empty() && !self.agreed || bucket.published(before),
            };
            if !free && !self.given_up {
                return Err(format!("edits were replaced unasked: {:?}", self.seen));
            }
            self.seen = now;
        }
        if let Some(view) = self.host.view() {
            self.agreed |= view.report.synced.is_some();
            self.given_up &= self.host.is_asked() || view.report.busy;
        }
        Ok(())
    }

    /// Whatever its person saved and did not replace or delete is somewhere.
    pub(super) fn check_owed(&mut self, bucket: &Bucket, key: &VaultKey) -> Checked {
        // What is in a bundle once is there for ever: that is checked where bundles are written.
        self.person.owed.retain(|(path, bytes)| !bucket.keeps(path, bytes));
        if self.person.owed.is_empty() {
            return Ok(());
        }
        let mut places: Vec<Content> =
            self.host.siblings().iter().filter_map(|path| content::on_disk(path)).collect();
        places.extend(self.host.content());
        self.open_backups(key)?;
        for (path, bytes) in &self.person.owed {
            let mut all = places.iter().chain(self.backups.values());
            if !all.any(|place| content::has(place, path, bytes)) {
                let text = String::from_utf8_lossy(bytes);
                return Err(format!("{path} with {text:?} is lost: {self:?}"));
            }
        }
        Ok(())
    }

    /// Opens the backups that were not opened before, and forgets those that are gone.
    fn open_backups(&mut self, key: &VaultKey) -> Checked {
        let folder = self.host.backups();
        let listed = backup::list(&folder, Some(&pair())).map_err(|error| error.to_string())?;
        let mut known = std::mem::take(&mut self.backups);
        for found in listed {
            let path = folder.join(&found.name);
            let modified = path.metadata().ok().and_then(|about| about.modified().ok());
            let id = (found.name, modified);
            let content = match known.remove(&id) {
                Some(content) => content,
                None => open_backup(&path, key).map_err(|why| format!("the backup {}: {why}", id.0))?,
            };
            self.backups.insert(id, content);
        }
        Ok(())
    }
}

fn inode(folder: &Path) -> Option<u64> {
    folder.symlink_metadata().ok().map(|about| about.ino())
}

fn open_backup(path: &Path, key: &VaultKey) -> Result<Content, String> {
    let sealed = std::fs::read(path).map_err(|error| error.to_string())?;
    let zip = envelope::decrypt(&key.key, &sealed).map_err(|error| error.to_string())?;
    let snapshot = unarchive(&zip, Limits::default(), None).map_err(|error| error.to_string())?;
    Ok(content::of(&snapshot))
}
