//! Results and failures in words.

use std::fmt::Write as _;

use vsync_proto::Failure;
use vsync_proto::response::*;
use vsync_proto::status::KeyStore;

use super::age::{ago, span};
use super::text::{BAD, FAINT, GOOD, NOTICE, TITLE, count, paint, plain, size, table};
use crate::verbs::Exported;

/// A sentence as a line of its own.
pub(crate) fn line(text: &str) -> String {
    plain(text) + "\n"
}

/// Text from elsewhere, safe to be part of a line.
pub(crate) fn one_line(text: &str) -> String {
    plain(text)
}

/// `error:`, `caused by:` and `hint:` lines.
pub(crate) fn failure(failure: &Failure) -> String {
    let mut out = format!("{} {}\n", paint(BAD, "error:"), plain(&failure.message));
    for cause in &failure.causes {
        let _ = writeln!(out, "{} {}", paint(TITLE, "caused by:"), plain(cause));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "{} {}", paint(GOOD, "hint:"), plain(hint));
    }
    out
}

/// A `warning:` line.
pub(crate) fn warning(text: &str) -> String {
    format!("{} {}\n", paint(NOTICE, "warning:"), plain(text))
}

fn generation(known: Option<u64>) -> String {
    known.map(|number| format!(" (gen {number})")).unwrap_or_default()
}

/// What a push did.
pub(crate) fn push(env: &str, result: &PushResult) -> String {
    let named = format!("{}{}", result.version, generation(result.r#gen));
    match result.outcome {
        PushOutcome::UpToDate => line(&format!("{env} is up to date: {named}")),
        PushOutcome::Published => {
            let what = format!("{}, {}", count(result.files, "file"), size(result.bytes));
            let replaced =
                result.replaced.as_ref().map(|old| format!(", replacing {old}")).unwrap_or_default();
            line(&format!("{env} is published as {named}: {what}{replaced}"))
        }
    }
}

/// What a pull did.
pub(crate) fn pull(env: &str, result: &PullResult) -> String {
    let named = format!("{}{}", result.version, generation(result.r#gen));
    let mut out = match result.outcome {
        PullOutcome::UpToDate => line(&format!("{env} is up to date: {named}")),
        PullOutcome::Adopted => line(&format!("{env} equals {named} already")),
        PullOutcome::Pulled => {
            let counts = format!("+{} ~{} -{}", result.added, result.modified, result.deleted);
            line(&format!("{env} is now at {named}: {counts}"))
        }
    };
    if let Some(backup) = &result.backup {
        out += &line(&format!("what was replaced is in backup {backup}"));
    }
    out
}

/// What was edited here.
pub(crate) fn diff(result: &DiffResult) -> String {
    let mut rows = Vec::new();
    for (sign, files) in [("+", &result.added), ("~", &result.modified), ("-", &result.deleted)] {
        for file in files {
            let size = file.size.map(size).unwrap_or_default();
            rows.push(vec![sign.to_owned(), plain(&file.path), size]);
        }
    }
    let base = result.base_version.as_deref().unwrap_or("the empty folder");
    if rows.is_empty() { line(&format!("no edits since {base}")) } else { table(&rows) }
}

/// The published versions.
pub(crate) fn versions(versions: &[VersionEntry]) -> String {
    if versions.is_empty() {
        return line("nothing has been published yet");
    }
    let rows: Vec<_> = versions
        .iter()
        .map(|entry| {
            let marks = [(entry.current, "current"), (entry.here, "here")];
            let marks: Vec<_> = marks.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
            let number = entry.r#gen.map(|number| format!("gen {number}")).unwrap_or_default();
            let by = entry.by.as_ref().map(publisher).unwrap_or_default();
            vec![entry.version.clone(), number, size(entry.size), marks.join(" "), by]
        })
        .map(|row| row.iter().map(|cell| plain(cell)).collect())
        .collect();
    table(&rows)
}

fn publisher(by: &Publisher) -> String {
    let who = match (&by.user, &by.host) {
        (Some(user), Some(host)) => Some(format!("{user}@{host}")),
        (user, host) => user.clone().or_else(|| host.clone()),
    };
    let parts = [who, by.email.clone().filter(|email| !email.is_empty()).map(|email| format!("<{email}>"))];
    let mut text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if let Some(note) = by.note.as_ref().filter(|note| !note.is_empty()) {
        let _ = write!(text, "{}{note}", if text.is_empty() { "" } else { ": " });
    }
    text
}

const fn key_place(store: KeyStore) -> &'static str {
    match store {
        KeyStore::Keychain => "in the keychain",
        KeyStore::File => "in a file of the state folder",
    }
}

/// What `init` made.
pub(crate) fn init(result: &InitResult) -> String {
    let mut out = line(&format!("{}/{} is ready", result.repo, result.env));
    for made in &result.created {
        out += &line(&format!("  made    {made}"));
    }
    out += &line(&format!("  folder  {}", result.folder));
    out += &line(&format!("  store   {}, under {}", result.store, result.prefix));
    out += &line(&format!("  key     {}", key_place(result.key_store)));
    out += &line(&format!("put files into the folder, then: vsyncctl push {}", result.env));
    out
}

/// What `import` took in.
pub(crate) fn import(result: &ImportResult) -> String {
    let mut out = line(&format!("{}/{} is taken in", result.repo, result.env));
    out += &line(&format!("  folder  {}", result.folder));
    out += &line(&format!("  key     {}", key_place(result.key_store)));
    out += &match &result.pulled {
        Some(pulled) => pull(&result.env, pulled),
        None => line("nothing was pulled yet"),
    };
    out
}

/// What `export` wrote.
pub(crate) fn exported(result: &Exported) -> String {
    let text = format!("{}/{} is written to {}", result.repo, result.env, result.file);
    line(&text) + &line("send the file and its passphrase by different ways")
}

/// What `track` asks about.
pub(crate) fn track_question(found: &TrackResult) -> String {
    let origin = found.origin.as_deref().unwrap_or("none");
    let mut out = line(&format!("repository  {}", found.repo));
    out += &line(&format!("checkout    {}", found.root));
    out += &line(&format!("folder      {}", found.folder));
    out += &line(&format!("origin      {origin}"));
    out
}

/// What `track` registered.
pub(crate) fn tracked(result: &TrackResult) -> String {
    line(&format!("{}/{} is looked after in {}", result.repo, result.env, result.folder))
}

/// What `forget` unregistered.
pub(crate) fn forgotten(result: &ForgetResult) -> String {
    let text = format!("{}/{} is no longer looked after; {} stays", result.repo, result.env, result.folder);
    line(&text)
}

/// All profiles.
pub(crate) fn profiles(profiles: &[Profile]) -> String {
    if profiles.is_empty() {
        return line("there are no profiles; vsyncctl profile add makes one");
    }
    let row = |profile: &Profile| {
        [&profile.name, &profile.bucket, &profile.endpoint].map(|cell| plain(cell)).to_vec()
    };
    table(&profiles.iter().map(row).collect::<Vec<_>>())
}

/// One profile.
pub(crate) fn profile(profile: &Profile) -> String {
    let prefix = profile.prefix.as_deref().unwrap_or_default();
    let rows = [
        ("name", profile.name.as_str()),
        ("endpoint", &profile.endpoint),
        ("region", &profile.region),
        ("bucket", &profile.bucket),
        ("access key", &profile.access_key_id),
        ("prefix", prefix),
    ];
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    table(&shown.map(|(label, value)| vec![(*label).to_owned(), plain(value)]).collect::<Vec<_>>())
}

/// The backups.
pub(crate) fn backups(backups: &[BackupEntry], now: i64) -> String {
    if backups.is_empty() {
        return line("there are no backups");
    }
    let row = |entry: &BackupEntry| {
        vec![plain(&entry.name), plain(&entry.env), size(entry.size), ago(&entry.at, now)]
    };
    table(&backups.iter().map(row).collect::<Vec<_>>())
}

/// What was unpacked.
pub(crate) fn restored(result: &BackupRestoreResult) -> String {
    let what = format!("{}, {}", count(result.files, "file"), size(result.bytes));
    line(&format!("{what} are in {}", result.into))
}

/// What `doctor` found.
pub(crate) fn doctor(result: &DoctorResult) -> String {
    let mut out = String::new();
    for check in &result.checks {
        let mark = match check.ok {
            Verdict::Ok => paint(GOOD, "ok  "),
            Verdict::Warn => paint(NOTICE, "warn"),
            Verdict::Fail => paint(BAD, "fail"),
        };
        let _ = writeln!(out, "{mark}  {}: {}", plain(&check.name), plain(&check.detail));
        if let Some(hint) = &check.hint {
            let _ = writeln!(out, "      {}", paint(FAINT, hint));
        }
    }
    out
}

/// What a reload changed.
pub(crate) fn reloaded(result: &ReloadResult) -> String {
    if result.changed.is_empty() {
        return line("the settings are as they were");
    }
    result.changed.iter().map(|change| line(&format!("changed: {change}"))).collect()
}

/// Where the daemon runs.
pub(crate) fn daemon_info(info: &DaemonInfoResult) -> String {
    let uptime = span(i64::try_from(info.uptime_s).unwrap_or(i64::MAX));
    let rows = [
        ("version", info.version.clone()),
        ("pid", info.pid.to_string()),
        ("running", format!("for {uptime}")),
        ("socket", info.socket.clone()),
        ("log", info.log.clone().unwrap_or_else(|| "where it was started".to_owned())),
        ("settings", info.config.clone()),
        ("state", info.state_dir.clone()),
    ];
    table(&rows.map(|(label, value)| vec![label.to_owned(), plain(&value)]))
}
