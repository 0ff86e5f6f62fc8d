//! Moments between two changes that outlive the process. At each a test may end the daemon with
//! SIGKILL. Only the feature `fail-points` compiles this in, and only tests turn that on; without it
//! each moment is nothing.

use std::path::Path;

/// Of a file that is put in place: its whole content beside it, on the disk, under its name, and the
/// name on the disk.
const PUT: &[&str] = &["filled", "synced", "renamed", "lasting"];
/// Of a file that is put in place and taken away again.
const JOURNAL: &[&str] = &["filled", "synced", "renamed", "lasting", "unlinked", "removed"];
/// Of a file that is put in place, made durable where it lies, and taken away again.
const SETTLED: &[&str] = &["filled", "renamed", "lasting", "unlinked"];
/// Of an object in a folder store.
const OBJECT: &[&str] = &["drafted", "renamed", "lasting"];

/// Every thing that changes, each with its moments. `tests/e2e/kill` reaches all of them, and nothing
/// that is not here.
pub const POINTS: &[(&str, &[&str])] = &[
    ("backup", JOURNAL),
    ("bundle", JOURNAL),
    ("checkouts", PUT),
    ("config", PUT),
    ("displaced", &["renamed"]),
    ("exchange", &["done", "lasting"]),
    ("folder", &["made"]),
    ("ignore", PUT),
    ("kept", PUT),
    ("key", PUT),
    ("leftover", &["removed"]),
    ("ledger", PUT),
    ("marker", &["made", "lasting"]),
    ("notices", PUT),
    ("object-audit", OBJECT),
    ("object-bundle", OBJECT),
    ("object-pointer", OBJECT),
    ("pin", PUT),
    ("profile", JOURNAL),
    ("publish", SETTLED),
    ("published-mark", JOURNAL),
    ("restore", JOURNAL),
    ("row", SETTLED),
    ("secret", &["sent"]),
    ("sent", PUT),
    ("staged", &["made", "written", "synced", "named"]),
    ("stores", PUT),
    ("swap", SETTLED),
    ("sync-key", PUT),
    ("tree", &["emptied", "removed", "lasting"]),
];

/// A moment of the thing that this file holds.
#[cfg(feature = "fail-points")]
pub fn file(path: &Path, moment: &str) {
    armed::reach(&format!("{}.{moment}", thing(path)));
}

/// A moment of a thing.
#[cfg(feature = "fail-points")]
pub fn reach(thing: &str, moment: &str) {
    armed::reach(&format!("{thing}.{moment}"));
}

/// A moment of the thing that this file holds: nothing.
#[cfg(not(feature = "fail-points"))]
#[inline]
pub const fn file(_: &Path, _: &str) {}

/// A moment of a thing: nothing.
#[cfg(not(feature = "fail-points"))]
#[inline]
pub const fn reach(_: &str, _: &str) {}

/// What a file of ours holds, by its name and where it lies.
#[cfg(feature = "fail-points")]
fn thing(path: &Path) -> &str {
    let named = |path: &Path| path.file_name().and_then(std::ffi::OsStr::to_str).map(str::to_owned);
    let above = |levels: usize| path.ancestors().nth(levels).and_then(named).unwrap_or_default();
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    match (name, above(1).as_str(), above(2).as_str()) {
        (
            "checkouts.json" | "kept.json" | "ledger.json" | "notices.json" | "publish.json" | "stores.json"
            | "swap.json",
            ..,
        ) => name.trim_end_matches(".json"),
        (".gitignore", ..) => "ignore",
        (".vsync", ..) => "pin",
        ("sync.key", ..) => "sync-key",
        (_, ".published", _) => "published-mark",
        (_, "audit", _) => "row",
        (_, "backups", _) => "backup",
        (_, "bundles", _) => "bundle",
        (_, "profiles", _) => "profile",
        (_, "restores", _) => "restore",
        (_, "targets", _) => "sent",
        (_, _, "config") => "config",
        (_, _, "keys") => "key",
        (object, ..) if object.ends_with(".obj") => match object {
            "audit.csv.obj" => "object-audit",
            "manifest.obj" => "object-pointer",
            _ => "object-bundle",
        },
        // No name of the list: the test that compares says so.
        _ => name,
    }
}

#[cfg(feature = "fail-points")]
mod armed {
    use std::fs::File;
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::{Mutex, OnceLock, PoisonError};

    use rustix::process::{Signal, getpid, kill_process};

    /// Names a file: `NAME N` in it ends the process when it reaches that moment for the n-th time. Every
    /// moment is added to the file beside it that ends in `.seen`.
    const VARIABLE: &str = "VSYNC_FAIL_POINT";

    /// What the file asked for when it was read last, and how often that was reached since.
    static ASKED: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

    pub(super) fn reach(name: &str) {
        static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
        let Some(file) = FILE.get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from)) else { return };
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = File::options().append(true).create(true).open(file.with_extension("seen"));
        let _ = seen.and_then(|mut seen| seen.write_all(format!("{name}\n").as_bytes()));
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if asked.0 != text {
            *asked = (text, 0);
        }
        let Some((wanted, number)) = asked.0.trim().split_once(' ') else { return };
        if wanted != name {
            return;
        }
        let number = number.parse();
        asked.1 += 1;
        if number == Ok(asked.1) {
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
