//! What may happen, and how likely it is.

use proptest::collection::vec;
use proptest::prelude::*;
use vsync_core::sync::{Command, PullMode};

use super::bucket::Fault;
use super::race::Race;

/// What a person does in a folder. Paths and contents are numbers: few enough to meet again.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Writes into a file, or makes it.
    Write {
        path: u8,
        content: Text,
    },
    /// Saves as careful editors do: another file takes the name.
    Replace {
        path: u8,
        content: Text,
    },
    Delete {
        path: u8,
    },
    Rename {
        from: u8,
        to: u8,
    },
    Mode {
        path: u8,
        mode: u8,
    },
    /// Makes a folder that stays empty.
    Folder {
        path: u8,
    },
    /// Removes everything in the folder.
    Empty,
    /// Removes the vault folder itself.
    Remove,
    /// Writes into a folder that was replaced, as a shell does that stood in it.
    Late {
        path: u8,
        content: Text,
    },
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    /// Something that was never written before.
    New,
    /// Something that others write too.
    Known(u8),
}

/// One thing that happens, to one machine or to all.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A person edits; `told` when the watcher hears of it.
    Edit {
        host: u8,
        edit: Edit,
        told: bool,
    },
    /// A verb, to its end.
    Do {
        host: u8,
        verb: Command,
    },
    /// Two publish at once.
    Both(Race),
    /// A verb is asked for, and left in its middle.
    Begin {
        host: u8,
        verb: Command,
        turns: u16,
    },
    /// The clients go.
    Leave {
        host: u8,
    },
    /// Time passes on one machine.
    Wait {
        host: u8,
        millis: u32,
    },
    /// Time passes everywhere.
    WaitAll {
        millis: u32,
    },
    /// A moment passes on one machine; what it works on stays half done.
    Nudge {
        host: u8,
        turns: u16,
    },
    /// A machine wakes up.
    Wake {
        host: u8,
    },
    Stop {
        host: u8,
    },
    /// The daemon is killed.
    Kill {
        host: u8,
    },
    Start {
        host: u8,
    },
    /// A clock is set by so many seconds.
    Jump {
        host: u8,
        by: i32,
    },
    /// All clocks are set to what the first shows.
    Agree,
    /// The store is out of reach, or back.
    Cut {
        host: Option<u8>,
        down: bool,
    },
    /// The store is slow.
    Slow {
        host: u8,
        millis: u16,
    },
    /// Writes to come go wrong: one, or as many as a verb tries.
    Fail {
        host: u8,
        fault: Fault,
        skip: u8,
        times: u8,
    },
    /// Writes that were on their way all the time arrive.
    Deliver,
    /// An earlier pointer is put back.
    Restore {
        back: u8,
    },
    /// A machine loses its ledger.
    Forget {
        host: u8,
    },
    /// A machine publishes edits by itself, or no more.
    OnEdit {
        host: u8,
        push: bool,
    },
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![4 => Just(Text::New), 1 => (0_u8..3).prop_map(Text::Known)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let path = || 0_u8..8;
    prop_oneof![
        8 => (path(), text()).prop_map(|(path, content)| Edit::Write { path, content }),
        4 => (path(), text()).prop_map(|(path, content)| Edit::Replace { path, content }),
        3 => path().prop_map(|path| Edit::Delete { path }),
        2 => (path(), path()).prop_map(|(from, to)| Edit::Rename { from, to }),
        2 => (path(), 0_u8..3).prop_map(|(path, mode)| Edit::Mode { path, mode }),
        1 => path().prop_map(|path| Edit::Folder { path }),
        1 => Just(Edit::Empty),
        1 => Just(Edit::Remove),
        3 => (path(), text()).prop_map(|(path, content)| Edit::Late { path, content }),
    ]
}

fn verb() -> impl Strategy<Value = Command> {
    let pull = |mode, allow_rollback| Just(Command::Pull { mode, allow_rollback });
    prop_oneof![
        6 => Just(Command::Push { force: false }),
        2 => Just(Command::Push { force: true }),
        4 => pull(PullMode::Plain, false),
        4 => pull(PullMode::Backup, false),
        2 => pull(PullMode::Force, false),
        1 => pull(PullMode::Plain, true),
        1 => pull(PullMode::Backup, true),
        1 => Just(Command::Diff),
    ]
}

fn race() -> impl Strategy<Value = Race> {
    let hosts = (0_u8..3, 0_u8..3);
    // A push needs about four requests until the pointer is replaced.
    let times = (50_u16..500, 0_u16..4000);
    (hosts, times, any::<bool>()).prop_map(|((first, second), (slow, ahead), force)| Race {
        first,
        second,
        slow,
        ahead,
        force,
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::RequestLost),
        4 => Just(Fault::AnswerLost),
        2 => Just(Fault::Late),
        1 => Just(Fault::Busy),
    ]
}

/// Seconds that a clock jumps: mostly little, sometimes more than a day.
fn jump() -> impl Strategy<Value = i32> {
    prop_oneof![3 => -5_i32..6, 2 => -4000_i32..4000, 1 => -200_000_i32..200_000]
}

fn time() -> impl Strategy<Value = u32> {
    prop_oneof![3 => 1_u32..400, 4 => 400_u32..4000, 3 => 4000_u32..40_000, 1 => 40_000_u32..400_000]
}

fn step() -> impl Strategy<Value = Step> {
    let host = || 0_u8..3;
    let turns = || prop_oneof![0_u16..40, 40_u16..3000];
    let people = prop_oneof![
        12 => (host(), edit(), prop::bool::weighted(0.9))
            .prop_map(|(host, edit, told)| Step::Edit { host, edit, told }),
        10 => (host(), verb()).prop_map(|(host, verb)| Step::Do { host, verb }),
        6 => (host(), verb(), turns()).prop_map(|(host, verb, turns)| Step::Begin { host, verb, turns }),
        3 => race().prop_map(Step::Both),
        1 => host().prop_map(|host| Step::Leave { host }),
        1 => (host(), any::<bool>()).prop_map(|(host, push)| Step::OnEdit { host, push }),
    ];
    let time = prop_oneof![
        6 => (host(), time()).prop_map(|(host, millis)| Step::Wait { host, millis }),
        4 => time().prop_map(|millis| Step::WaitAll { millis }),
        3 => (host(), turns()).prop_map(|(host, turns)| Step::Nudge { host, turns }),
        1 => host().prop_map(|host| Step::Wake { host }),
        3 => (host(), jump()).prop_map(|(host, by)| Step::Jump { host, by }),
        2 => Just(Step::Agree),
    ];
    let trouble = prop_oneof![
        1 => host().prop_map(|host| Step::Stop { host }),
        3 => host().prop_map(|host| Step::Kill { host }),
        4 => host().prop_map(|host| Step::Start { host }),
        2 => prop::option::of(host()).prop_map(|host| Step::Cut { host, down: true }),
        3 => prop::option::of(host()).prop_map(|host| Step::Cut { host, down: false }),
        2 => (host(), 0_u16..3000).prop_map(|(host, millis)| Step::Slow { host, millis }),
        5 => (host(), fault(), 0_u8..3, prop_oneof![Just(1_u8), Just(4)])
            .prop_map(|(host, fault, skip, times)| Step::Fail { host, fault, skip, times }),
        2 => Just(Step::Deliver),
        1 => (0_u8..4).prop_map(|back| Step::Restore { back }),
        1 => host().prop_map(|host| Step::Forget { host }),
    ];
    prop_oneof![6 => people, 3 => time, 3 => trouble]
}

/// Machines, and what happens to them.
pub(super) fn story(steps: usize) -> impl Strategy<Value = (usize, Vec<Step>)> {
    (2_usize..4, vec(step(), 1..=steps))
}
