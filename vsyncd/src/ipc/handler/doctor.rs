//! Looking for what could go wrong, before it does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vsync_proto::error::Failure;
use vsync_proto::request::Doctor;
use vsync_proto::response::{Check, DoctorResult, Verdict};

use super::Handler;
use super::caller::env_of;
use crate::clock;
use crate::disk::folder::id_of;
use crate::ipc::convert;
use crate::targets::http::each;
use crate::tasks;
use crate::watch::watcher::Watching;
use crate::worker::driver::Handle;
use crate::worker::entry::{Entry, Slot};

/// What helps where no folder can be watched.
const WATCH_HINT: &str = if cfg!(target_os = "linux") {
    "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances with sysctl; it is tried again by itself"
} else {
    "it is tried again by itself"
};

impl Handler {
    pub(super) async fn doctor(&self, ask: Doctor) -> Result<DoctorResult, Failure> {
        let env = ask.env.as_deref().map(env_of).transpose()?;
        let mut checks = vec![self.daemon_check(), self.settings_check()];
        let entries = self.supervisor.entries();
        if entries.is_empty() {
            let text = "no checkout is registered";
            checks.push(warn("checkouts", text, "vsyncctl init, import or track registers one"));
        }
        let meant = entries.into_iter();
        let meant = meant.filter(|entry| env.as_ref().is_none_or(|env| entry.checkout.pair.env == *env));
        // Side by side: a store or a keychain that hangs takes seconds.
        let mut found = BTreeMap::new();
        let check = |(at, entry): (usize, Arc<Entry>)| async move { (at, self.check_entry(&entry).await) };
        each(meant.enumerate().collect(), check, |(at, checks)| {
            found.insert(at, checks);
        })
        .await;
        checks.extend(found.into_values().flatten());
        Ok(DoctorResult { checks })
    }

    fn daemon_check(&self) -> Check {
        let info = self.control.info(self.supervisor.setup());
        ok("daemon", format!("version {}, pid {}, socket {}", info.version, info.pid, info.socket))
    }

    fn settings_check(&self) -> Check {
        let info = self.control.info(self.supervisor.setup());
        match crate::daemon::load_settings(Path::new(&info.config)) {
            Ok(_) if Path::new(&info.config).exists() => ok("settings", info.config),
            Ok(_) => ok("settings", format!("{} (absent: defaults)", info.config)),
            Err(error) => {
                fail("settings", error.to_string(), Some("the settings from before stay in force".into()))
            }
        }
    }

    async fn check_entry(&self, entry: &Entry) -> Vec<Check> {
        let mut checks = Vec::new();
        let pair = entry.checkout.pair.to_string();
        let name = |what: &str| format!("{pair} {what}");
        let env = entry.checkout.pair.env.as_str();
        let handle = match entry.slot() {
            Slot::Running(handle) => handle,
            Slot::Broken(problem, _) => {
                checks.push(fail(name("worker"), problem.to_string(), convert::hint(&problem, env)));
                return checks;
            }
            Slot::Starting => {
                checks.push(warn(name("worker"), "is being loaded", "ask again in a moment"));
                return checks;
            }
        };
        checks.push(self.key_check(&handle, name("key")).await);
        let remote = &handle.effects().remote;
        let asked = clock::monotonic();
        checks.push(match remote.pointer(false).await {
            Ok(read) => {
                let millis = asked.elapsed().as_millis();
                let what = match &read {
                    Some(read) => format!("version {}", read.pointer.version),
                    None => "nothing published yet".to_owned(),
                };
                ok(name("store"), format!("{}: {what} ({millis} ms)", remote.place.store.describe()))
            }
            Err(problem) => fail(name("store"), problem.to_string(), convert::hint(&problem, env)),
        });
        checks.push(conditions(remote.place.store.conditional()));
        let folder = entry.checkout.folder.clone();
        let folder_check = tasks::blocking(move || look_at(&folder)).await;
        if let Ok((verdict, text, hint)) = folder_check {
            checks.push(Check { name: name("folder"), ok: verdict, detail: text, hint });
        }
        let view = handle.view();
        checks.push(watch_check(
            name("watch"),
            &view.watching,
            self.supervisor.setup().settings().poll.rescan,
        ));
        let report = view.report;
        checks.push(match &report.problem {
            None => ok(name("state"), format!("{:?}", report.state).to_lowercase()),
            Some(problem) => Check {
                name: name("state"),
                ok: Verdict::Warn,
                detail: problem.to_string(),
                hint: convert::hint(problem, env),
            },
        });
        checks
    }

    async fn key_check(&self, handle: &Handle, name: String) -> Check {
        let remote = &handle.effects().remote;
        let kind = remote.key_store();
        // Asks the key store itself: the worker may have the key in memory.
        let keys = self.supervisor.setup().keys(kind);
        let problem = match keys.text(&handle.checkout.pair).await {
            Ok(_) => return ok(name, format!("found in the key store '{kind}'")),
            Err(problem) => problem,
        };
        let hint = convert::hint(&problem, handle.checkout.pair.env.as_str());
        if keys.has_derived(&handle.checkout.pair) {
            let text =
                format!("in memory until the daemon ends; the key store '{kind}' gives none now: {problem}");
            return Check { name, ok: Verdict::Warn, detail: text, hint };
        }
        fail(name, problem.to_string(), hint)
    }
}

/// The vault folder and what lies between it and an atomic exchange.
fn look_at(folder: &Path) -> (Verdict, String, Option<String>) {
    use std::os::unix::fs::MetadataExt as _;
    let shown = folder.display().to_string();
    let about = match folder.symlink_metadata() {
        Ok(about) => about,
        Err(error) => {
            return (Verdict::Warn, format!("{shown}: {error}"), Some("the next pull makes it".into()));
        }
    };
    if about.is_symlink() {
        return (Verdict::Fail, format!("{shown} is a symlink"), Some("name the folder it points to".into()));
    }
    let above = folder.parent().and_then(|parent| id_of(parent).ok().flatten());
    if above.is_some_and(|above| above.device != about.dev()) {
        let hint = "mount the folder above it instead: a mount point cannot be exchanged";
        return (Verdict::Fail, format!("{shown} is a mount point"), Some(hint.into()));
    }
    if about.mode() & 0o077 != 0 {
        let text = format!("{shown} can be read by other users (mode {:04o})", about.mode() & 0o7777);
        return (
            Verdict::Warn,
            text,
            Some(format!("chmod 700 {shown}, unless dir_mode in vsyncd.yaml asks for it")),
        );
    }
    (Verdict::Ok, shown, None)
}

/// Whether edits are heard of.
fn watch_check(name: String, watching: &Watching, rescan: Duration) -> Check {
    match watching {
        Watching::Heard => ok(name, "edits are seen at once"),
        Watching::Absent => ok(name, "there is no folder to watch yet"),
        Watching::Refused(why) => {
            let text =
                format!("the system refuses to watch the folder ({why}): edits are seen every {rescan:?}");
            warn(name, text, WATCH_HINT)
        }
    }
}

/// Whether two pushes at the same moment are kept apart by the store.
fn conditions(kept: Option<bool>) -> Check {
    match kept {
        Some(true) => ok("conditional_writes", "yes"),
        None => ok("conditional_writes", "not known: the first push from here finds out"),
        Some(false) => {
            let hint =
                "of two pushes at the same moment one may be overwritten; it is found and named afterwards";
            warn("conditional_writes", "no", hint)
        }
    }
}

fn ok(name: impl Into<String>, detail: impl Into<String>) -> Check {
    Check { name: name.into(), ok: Verdict::Ok, detail: detail.into(), hint: None }
}

fn warn(name: impl Into<String>, detail: impl Into<String>, hint: &str) -> Check {
    Check { name: name.into(), ok: Verdict::Warn, detail: detail.into(), hint: Some(hint.to_owned()) }
}

fn fail(name: impl Into<String>, detail: impl Into<String>, hint: Option<String>) -> Check {
    Check { name: name.into(), ok: Verdict::Fail, detail: detail.into(), hint }
}
