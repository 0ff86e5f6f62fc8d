//! A small world for the worker: a bucket, a folder and a clock, and a driver that performs
//! effects the way the real one promises to, checking each one as it comes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::super::backoff::cap;
use super::super::event::{Opened, Published, Swapped};
use super::super::*;
use crate::relpath::RelPath;
use crate::vault::diff::Diff;
use crate::vault::ledger::{SyncOp, SyncPoint};
use crate::vault::tree::{ContentHash, Tree, TreeFile};
use crate::version::Version;

pub(super) const POLICY: Policy =
    Policy { poll: Duration::from_secs(15), rescan: Duration::from_secs(180), on_edit: OnEdit::Status };

/// The content of a folder; 0 is an empty one.
pub(super) type Content = u8;

pub(super) fn tree(content: Content) -> Tree {
    let mut tree = Tree::default();
    if content > 0 {
        let hash = ContentHash([content; 32]);
        let file = TreeFile { size: content.into(), mode: 0o600, hash };
        tree.files.insert(RelPath::new(".env").unwrap(), file);
    }
    tree
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Head,
    Scan,
    Look,
    Read,
    Open,
    Swap,
    Adopt,
    Probe,
    Publish,
    Audit,
    Abort,
    Reply,
}

pub(super) const fn kind(effect: &Effect) -> Kind {
    match effect {
        Effect::Head(_) => Kind::Head,
        Effect::Scan { keep: true, .. } => Kind::Scan,
        Effect::Scan { keep: false, .. } => Kind::Look,
        Effect::Read(_) => Kind::Read,
        Effect::Open { .. } => Kind::Open,
        Effect::Swap { .. } => Kind::Swap,
        Effect::Adopt { .. } => Kind::Adopt,
        Effect::Probe { .. } => Kind::Probe,
        Effect::Publish { .. } => Kind::Publish,
        Effect::Audit { .. } => Kind::Audit,
        Effect::Abort(_) => Kind::Abort,
        Effect::Reply(..) => Kind::Reply,
    }
}

fn op_of(effect: &Effect) -> Option<OpId> {
    match effect {
        Effect::Head(op)
        | Effect::Read(op)
        | Effect::Scan { op, .. }
        | Effect::Open { op, .. }
        | Effect::Swap { op, .. }
        | Effect::Adopt { op, .. }
        | Effect::Probe { op, .. }
        | Effect::Publish { op, .. }
        | Effect::Audit { op, .. } => Some(*op),
        Effect::Abort(_) | Effect::Reply(..) => None,
    }
}

pub(super) struct World {
    pub(super) worker: Worker,
    pub(super) now: Now,
    pub(super) pointer: Option<RemotePointer>,
    /// The pointer's body is not a version.
    pub(super) garbled: bool,
    pub(super) bundles: BTreeMap<Version, Content>,
    pub(super) up: bool,
    writes: u64,
    /// `None`: the folder is missing.
    pub(super) folder: Option<Content>,
    pub(super) ledger: Option<(SyncPoint, Content)>,
    /// The last bundle is at hand.
    pub(super) cached: bool,
    journal: Option<(SyncPoint, Content)>,
    kept: Option<Option<Content>>,
    opened: Option<Content>,
    /// The next effect of this kind fails so. A publish that fails as unreachable has happened.
    pub(super) fault: Option<(Kind, Problem)>,
    /// Effects of this kind stay in `flight`.
    pub(super) pause: Option<Kind>,
    pub(super) flight: Vec<Effect>,
    /// Performed, not yet told.
    pub(super) outcomes: Vec<(OpId, Event)>,
    awaited: BTreeMap<OpId, Kind>,
    ops: HashSet<OpId>,
    read: Option<Option<RemoteMark>>,
    pub(super) log: Vec<Effect>,
    pub(super) asked: BTreeSet<CommandId>,
    pub(super) replies: BTreeMap<CommandId, Result<Outcome, Problem>>,
    commands: u64,
    pub(super) stopped: bool,
}

impl World {
    /// A folder that has never been synced, and an empty bucket.
    #[expect(clippy::disallowed_methods, reason = "an instant has no other beginning; the world moves it on")]
    pub(super) fn new(folder: Content) -> Self {
        let now = Now { instant: Instant::now(), wall: "2026-05-23T11:42:01Z".parse().unwrap() };
        Self {
            worker: Worker::new(POLICY, 7, None, None, None, now),
            now,
            pointer: None,
            garbled: false,
            bundles: BTreeMap::new(),
            up: true,
            writes: 0,
            folder: Some(folder),
            ledger: None,
            cached: true,
            journal: None,
            kept: None,
            opened: None,
            fault: None,
            pause: None,
            flight: Vec::new(),
            outcomes: Vec::new(),
            awaited: BTreeMap::new(),
            ops: HashSet::new(),
            read: None,
            log: Vec::new(),
            asked: BTreeSet::new(),
            replies: BTreeMap::new(),
            commands: 0,
            stopped: false,
        }
    }

    /// A folder that agrees with the bucket, generation 4, and has been looked at.
    pub(super) fn synced(content: Content) -> Self {
        let mut world = Self::new(content);
        for _ in 0..4 {
            world.now.wall += SignedDuration::from_secs(60);
            world.other_pushes(content);
        }
        let pointer = world.pointer.clone().unwrap();
        let synced = world.agreement(&pointer, SyncOp::Pull);
        world.now.wall += SignedDuration::from_secs(60);
        world.worker = Worker::new(POLICY, 7, Some(synced.clone()), None, None, world.now);
        world.ledger = Some((synced, content));
        world.tick();
        assert_eq!(world.worker.report().state, State::Ok);
        world.log.clear();
        world
    }

    // ---- what happens in the world

    pub(super) fn edit(&mut self, content: Content) {
        self.folder = Some(content);
        self.send(Event::FolderChanged);
    }

    pub(super) fn other_pushes(&mut self, content: Content) -> Version {
        let version = Version::next(self.now.wall, self.pointer.as_ref().map(|pointer| pointer.version));
        self.other_writes(version, content)
    }

    pub(super) fn other_writes(&mut self, version: Version, content: Content) -> Version {
        let prev = self.pointer.as_ref().map(|pointer| pointer.version);
        let generation = self.pointer.as_ref().and_then(|pointer| pointer.mark.generation).unwrap_or(0) + 1;
        self.bundles.insert(version, content);
        self.pointer = Some(RemotePointer { version, mark: self.mark(Some(generation)), prev });
        self.garbled = false;
        version
    }

    pub(super) fn mark(&mut self, generation: Option<u64>) -> RemoteMark {
        self.writes += 1;
        let push_id = generation.map(|_| format!("{:016x}", self.writes));
        RemoteMark { etag: format!("etag-{}", self.writes), generation, push_id }
    }

    pub(super) fn remote(&self) -> Option<Content> {
        self.bundles.get(&self.pointer.as_ref()?.version).copied()
    }

    fn agreement(&self, pointer: &RemotePointer, op: SyncOp) -> SyncPoint {
        let RemoteMark { etag, generation, push_id } = pointer.mark.clone();
        SyncPoint { version: pointer.version, generation, etag, push_id, op, at: self.now.wall }
    }

    pub(super) fn is_dirty(&self) -> bool {
        let agreed = self.ledger.as_ref().map_or(0, |(_, content)| *content);
        self.folder.is_some_and(|content| content != agreed)
    }

    // ---- the driver

    /// Asks and does all that follows at once.
    pub(super) fn ask(&mut self, command: Command) -> Result<Outcome, Problem> {
        let id = self.request(command);
        self.settle();
        self.replies.remove(&id).expect("an answer")
    }

    pub(super) fn request(&mut self, command: Command) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.asked.insert(id);
        self.send(Event::Command(id, command));
        id
    }

    /// The timer, and all that follows at once.
    pub(super) fn tick(&mut self) {
        self.send(Event::Timer);
        self.settle();
    }

    /// Time passes; the timer comes whenever it is due, and each effect is performed at once.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.instant + time;
        self.settle();
        while self.worker.poll_timeout() <= end {
            self.skip(self.worker.poll_timeout() - self.now.instant);
            self.tick();
        }
        self.skip(end - self.now.instant);
    }

    pub(super) fn skip(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.wall += SignedDuration::try_from(time).unwrap();
    }

    pub(super) fn settle(&mut self) {
        let pause = self.pause;
        self.tell_all();
        let mut turns = 0;
        while let Some(at) = self.flight.iter().position(|effect| Some(kind(effect)) != pause) {
            let effect = self.flight.remove(at);
            self.perform(&effect);
            self.tell_all();
            turns += 1;
            assert!(turns < 1000, "it never comes to rest: {:?}", self.worker.report());
        }
    }

    /// Performs what was paused, and goes on.
    pub(super) fn resume(&mut self) {
        self.pause = None;
        self.settle();
    }

    pub(super) fn tell_all(&mut self) {
        while !self.outcomes.is_empty() {
            self.tell(0);
        }
    }

    /// Tells one outcome. One that nobody waits for must not make a difference.
    pub(super) fn tell(&mut self, at: usize) -> Event {
        let (op, event) = self.outcomes.remove(at);
        if self.awaited.remove(&op).is_none() {
            self.tell_stale(event.clone());
        } else {
            if let Event::Read(_, Ok((pointer, settled))) = &event {
                self.read = settled.is_none().then(|| pointer.as_ref().map(|pointer| pointer.mark.clone()));
            } else if let Event::Read(_, Err(problem)) = &event {
                self.read = match problem {
                    Problem::BadPointer(mark) => Some(Some(mark.clone())),
                    _ => None,
                };
            }
            self.send(event.clone());
        }
        event
    }

    pub(super) fn tell_stale(&mut self, event: Event) {
        let (mut told, mut untold) = (self.worker.clone(), self.worker.clone());
        assert_eq!(told.handle(event.clone(), self.now), untold.handle(Event::Timer, self.now), "{event:?}");
        assert_eq!(format!("{told:?}"), format!("{untold:?}"), "{event:?}");
        self.send(event);
    }

    pub(super) fn send(&mut self, event: Event) {
        self.stopped |= event == Event::Stop;
        let effects = self.worker.handle(event, self.now);
        for effect in effects {
            self.check(&effect);
            match &effect {
                Effect::Reply(id, answer) => {
                    assert!(self.asked.remove(id), "a second answer: {effect:?}");
                    self.replies.insert(*id, answer.clone());
                }
                Effect::Abort(op) => {
                    let was = self.awaited.remove(op);
                    assert!(was.is_some_and(|kind| !WRITING.contains(&kind)), "aborts {was:?}");
                    self.flight.retain(|effect| op_of(effect) != Some(*op));
                }
                started => {
                    let op = op_of(started).unwrap();
                    assert!(self.ops.insert(op), "{op:?} is used twice");
                    self.awaited.insert(op, kind(started));
                    self.flight.push(started.clone());
                }
            }
            self.log.push(effect);
        }
        let writing = self.awaited.values().filter(|kind| WRITING.contains(kind)).count();
        assert!(writing <= 1, "{writing} writing effects");
        let timeout = self.worker.poll_timeout();
        assert!(timeout > self.now.instant, "due and not done");
        if !self.stopped {
            assert!(
                timeout <= self.now.instant + cap(self.worker.policy.poll),
                "the next look is too far off"
            );
        }
    }

    /// What must hold of each effect.
    fn check(&self, effect: &Effect) {
        let finishes = matches!(kind(effect), Kind::Reply | Kind::Abort | Kind::Audit);
        assert!(finishes || !self.stopped, "{effect:?} after the stop");
        if let Effect::Publish { plan, .. } = effect {
            assert_eq!(Some(&plan.replaces), self.read.as_ref(), "replaces what was not read");
            let known = self.ledger.as_ref().map(|(point, _)| point.generation.unwrap_or(0)).unwrap_or(0);
            let there = plan.replaces.as_ref().and_then(|mark| mark.generation).unwrap_or(0);
            assert!(plan.generation > known.max(there), "{plan:?}");
            let trusted = plan.prev.filter(|prev| prev.ahead_of(self.now.wall).as_hours() < 24);
            assert!(trusted.is_none_or(|prev| plan.version > prev), "{plan:?}");
        }
    }

    /// Does one thing and remembers its outcome.
    pub(super) fn perform(&mut self, effect: &Effect) {
        let fault = self.fault.take_if(|(at, _)| *at == kind(effect)).map(|(_, problem)| problem);
        let event = match effect.clone() {
            Effect::Head(op) => {
                let mark = self.pointer.as_ref().map(|pointer| pointer.mark.clone());
                Event::Headed(op, self.answer(fault, mark))
            }
            Effect::Read(op) => {
                let result = self.answer(fault, ()).and_then(|()| self.read_pointer());
                Event::Read(op, result)
            }
            Effect::Scan { op, keep } => {
                if keep {
                    self.kept = Some(self.folder);
                }
                Event::Scanned(op, fault.map_or_else(|| Ok(self.look()), Err))
            }
            Effect::Open { op, pointer } => {
                let result = self.answer(fault, ()).and_then(|()| self.open(&pointer));
                Event::Opened(op, result)
            }
            Effect::Probe { op, version } => {
                Event::Probed(op, self.answer(fault, self.bundles.contains_key(&version)))
            }
            Effect::Swap { op, pointer, backup } => {
                let result = fault.map_or_else(|| self.swap(&pointer, Some(backup)), Err);
                Event::Swapped(op, result)
            }
            Effect::Adopt { op, pointer } => {
                Event::Swapped(op, fault.map_or_else(|| self.swap(&pointer, None), Err))
            }
            Effect::Publish { op, plan, .. } => Event::Published(op, self.publish(&plan, fault)),
            Effect::Audit { op, .. } => Event::Audited(op),
            Effect::Abort(_) | Effect::Reply(..) => return,
        };
        self.outcomes.push((op_of(effect).unwrap(), event));
    }

    fn answer<T>(&self, fault: Option<Problem>, value: T) -> Result<T, Problem> {
        let down = || Problem::Unreachable("connection refused".to_owned());
        if self.up { fault.map_or(Ok(value), Err) } else { Err(down()) }
    }

    fn look(&self) -> Local {
        let agreed = tree(self.ledger.as_ref().map_or(0, |(_, content)| *content));
        let tree = tree(self.folder.unwrap_or(0));
        Local { diff: Diff::between(&agreed, &tree), tree: Arc::new(tree), missing: self.folder.is_none() }
    }

    fn read_pointer(&mut self) -> Result<(Option<RemotePointer>, Option<SyncPoint>), Problem> {
        if let Some(pointer) = &self.pointer
            && self.garbled
        {
            return Err(Problem::BadPointer(pointer.mark.clone()));
        }
        let here = self.pointer.as_ref().map(|pointer| &pointer.mark);
        let settled = self.journal.take().filter(|(point, _)| Some(&point.mark()) == here);
        self.ledger = settled.clone().or(self.ledger.take());
        Ok((self.pointer.clone(), settled.map(|(point, _)| point)))
    }

    fn open(&mut self, pointer: &RemotePointer) -> Result<Opened, Problem> {
        let content = *self.bundles.get(&pointer.version).ok_or(Problem::Torn(pointer.version))?;
        self.opened = Some(content);
        let equal = self.kept.expect("a kept scan") == Some(content);
        Ok(Opened { equal, cached: self.cached && self.ledger.is_some() })
    }

    fn swap(&mut self, pointer: &RemotePointer, backup: Option<bool>) -> Result<Swapped, Problem> {
        if self.kept != Some(self.folder) {
            return Err(Problem::FolderMoved);
        }
        let content = self.opened.take().expect("an opened version");
        let old = self.folder.map_or_else(Tree::default, tree);
        let diff = Diff::between(&old, &tree(content));
        let op = if backup.is_some() { SyncOp::Pull } else { SyncOp::Adopt };
        match backup {
            None => assert_eq!(self.folder, Some(content), "adopts what is not equal"),
            Some(backup) => assert!(backup || !self.is_dirty(), "edits are lost"),
        }
        let synced = self.agreement(pointer, op);
        self.folder = Some(content);
        self.ledger = Some((synced.clone(), content));
        let backup = (backup == Some(true)).then(|| "a backup".to_owned());
        Ok(Swapped { synced, backup, diff })
    }

    fn publish(&mut self, plan: &PublishPlan, fault: Option<Problem>) -> Result<Published, Problem> {
        let content = self.folder.ok_or(Problem::FolderMissing)?;
        if self.kept != Some(self.folder) {
            return Err(Problem::FolderMoved);
        }
        self.answer(fault.clone().filter(|fault| !matches!(fault, Problem::Unreachable(_))), ())?;
        let found = self.pointer.as_ref().map(|pointer| pointer.mark.clone());
        if found != plan.replaces {
            let winner = self.pointer.as_ref().map_or(plan.version, |pointer| pointer.version);
            return Err(Problem::LostRace { winner, author: None });
        }
        let taken = |version: &Version| self.bundles.contains_key(version);
        let mut version = plan.version;
        while taken(&version) {
            version = version.successor();
        }
        let mark = self.mark(Some(plan.generation));
        let pointer = RemotePointer { version, mark, prev: plan.prev };
        self.bundles.insert(version, content);
        let synced = self.agreement(&pointer, SyncOp::Push);
        self.pointer = Some(pointer);
        self.garbled = false;
        if let Some(lost) = fault {
            self.journal = Some((synced, content));
            return Err(lost);
        }
        self.ledger = Some((synced.clone(), content));
        Ok(Published { synced, files: 1, bytes: content.into() })
    }

    // ---- what can be asked afterwards

    pub(super) fn state(&self) -> State {
        self.worker.report().state
    }

    /// The kinds of all effects so far, without answers; forgets them.
    pub(super) fn kinds(&mut self) -> Vec<Kind> {
        std::mem::take(&mut self.log).iter().map(kind).filter(|kind| *kind != Kind::Reply).collect()
    }

    pub(super) fn plan(&self) -> PublishPlan {
        let plan = |effect: &Effect| match effect {
            Effect::Publish { plan, .. } => Some(plan.clone()),
            _ => None,
        };
        self.log.iter().rev().find_map(plan).expect("a publish")
    }
}

const WRITING: [Kind; 3] = [Kind::Swap, Kind::Adopt, Kind::Publish];

pub(super) fn push(force: bool) -> Command {
    Command::Push { force }
}

pub(super) fn pull(mode: PullMode) -> Command {
    Command::Pull { mode, allow_rollback: false }
}
