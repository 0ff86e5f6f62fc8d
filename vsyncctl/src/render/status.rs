//! `status` and `watch`: what is here, what is remote, since when, what holds it back, which
//! command helps.

use std::fmt::Write as _;

use anstyle::Style;
use vsync_proto::event::StatusEvent;
use vsync_proto::status::{KeyStore, Layout, LocalChanges, PairStatus, State, StatusReport};

use super::age::{ago, span};
use super::text::{BAD, FAINT, GOOD, NOTICE, TITLE, columns, paint, paragraph, plain, wrap};

/// Edited names are listed without `-v` up to this many.
const FEW: usize = 5;
/// Width of the label column.
const INDENT: usize = 10;

/// How the picture is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Seconds since 1970: what ages are counted from.
    pub(crate) now: i64,
    /// Columns.
    pub(crate) width: usize,
    /// Show everything.
    pub(crate) verbose: bool,
}

impl View {
    /// A picture as wide as the terminal.
    pub(crate) fn new(now: i64, verbose: bool) -> Self {
        Self { now, width: columns(), verbose }
    }
}

/// The whole answer.
pub(crate) fn report(report: &StatusReport, view: View) -> String {
    let mut out = pairs(&report.pairs, view);
    if view.verbose {
        let daemon = &report.daemon;
        let uptime = span(i64::try_from(daemon.uptime_s).unwrap_or(i64::MAX));
        let mut text = format!("{}, pid {}, for {uptime}", daemon.version, daemon.pid);
        if let Some(log) = &daemon.log {
            let _ = write!(text, ", log {log}");
        }
        let _ = write!(out, "\n{}", paragraph("vsyncd", INDENT, &text, view.width, Style::new()));
    }
    out
}

/// A block per pair.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = &'a PairStatus>, view: View) -> String {
    let blocks: Vec<_> = pairs.into_iter().map(|pair| block(pair, view)).collect();
    if blocks.is_empty() { beginning(view) } else { blocks.join("\n") }
}

fn beginning(view: View) -> String {
    let mut out = String::new();
    for line in wrap("No environment is looked after yet. To begin:", view.width) {
        let _ = writeln!(out, "{line}");
    }
    for (command, what) in [
        ("vsyncctl init ENV --profile NAME", "make a new one (vsyncctl profile add comes first)"),
        ("vsyncctl import ENV FILE", "join one that somebody exported"),
        ("vsyncctl track ENV", "look after a known one in this checkout too"),
    ] {
        let _ = writeln!(out, "  {}", paint(TITLE, command));
        out.push_str(&paragraph("", 6, what, view.width, FAINT));
    }
    out
}

fn block(pair: &PairStatus, view: View) -> String {
    let mut out = header(pair, view);
    let mut row = |label: &str, text: &str, style: Style| {
        out.push_str(&paragraph(&format!("  {label}"), INDENT, text, view.width, style));
    };
    row("here", &here(pair, view), Style::new());
    row("remote", &remote(pair, view), Style::new());
    if !pair.local.is_empty() {
        row("edits", &edits(&pair.local, view), NOTICE);
    }
    row("folder", &pair.folder, Style::new());
    if view.verbose {
        row("store", &details(pair), Style::new());
    }
    if let Some(reason) = pair.reason {
        let why = pair.detail.as_deref().map_or_else(|| reason.meaning().to_owned(), super::human::one_line);
        row("why", &format!("{why} ({reason})"), Style::new());
    }
    for notice in &pair.notices {
        let backup =
            notice.backup.as_ref().map(|name| format!("; saved in backup {name}")).unwrap_or_default();
        row("note", &format!("{}: {}{backup}", ago(&notice.at, view.now), notice.text), NOTICE);
    }
    if let Some(hint) = &pair.hint {
        row("next", hint, TITLE);
    }
    out
}

fn header(pair: &PairStatus, view: View) -> String {
    let name = format!("{}/{}", plain(&pair.repo), plain(&pair.env));
    let state = pair.state.as_str();
    let mut side =
        pair.since.as_ref().map(|since| format!("since {}", moment(since, view.now))).unwrap_or_default();
    if name.chars().count() + state.len() + side.chars().count() + 4 > view.width {
        side.clear();
    }
    let line = format!("{}  {}", paint(TITLE, &name), paint(style_of(pair.state), state));
    if side.is_empty() { format!("{line}\n") } else { format!("{line}  {}\n", paint(FAINT, &side)) }
}

/// "since 3 min" reads better than "since 3 min ago".
fn moment(since: &str, now: i64) -> String {
    let said = ago(since, now);
    said.strip_suffix(" ago").map_or(said.clone(), str::to_owned)
}

const fn style_of(state: State) -> Style {
    match state {
        State::Ok => GOOD,
        State::Edited | State::Behind | State::Offline => NOTICE,
        State::Diverged | State::Held | State::Error => BAD,
    }
}

fn here(pair: &PairStatus, view: View) -> String {
    let version = version(pair.version.as_deref(), pair.r#gen);
    match (&pair.version, &pair.last_sync) {
        (None, _) => "nothing synced yet".to_owned(),
        (Some(_), Some(sync)) => format!("{version}, {} {}", past(&sync.op), ago(&sync.at, view.now)),
        (Some(_), None) => version,
    }
}

fn past(op: &str) -> &str {
    match op {
        "push" => "pushed",
        "pull" => "pulled",
        "adopt" => "adopted",
        other => other,
    }
}

fn remote(pair: &PairStatus, view: View) -> String {
    let remote = &pair.remote;
    let what = match &remote.version {
        Some(_) if remote.version == pair.version && remote.r#gen == pair.r#gen => "the same".to_owned(),
        Some(name) => version(Some(name), remote.r#gen),
        None if remote.checked_at.is_some() => "nothing published".to_owned(),
        None => "unknown".to_owned(),
    };
    match (&remote.checked_at, remote.age_s) {
        (_, Some(age)) => format!("{what}, checked {} ago", span(i64::try_from(age).unwrap_or(i64::MAX))),
        (Some(at), None) => format!("{what}, checked {}", ago(at, view.now)),
        (None, None) => format!("{what}, not checked yet"),
    }
}

fn version(name: Option<&str>, generation: Option<u64>) -> String {
    let name = name.unwrap_or("unknown");
    generation.map_or_else(|| name.to_owned(), |generation| format!("{name} (gen {generation})"))
}

/// `+1 ~2 -0`
pub(crate) fn counts(local: &LocalChanges) -> String {
    format!("+{} ~{} -{}", local.added.len(), local.modified.len(), local.deleted.len())
}

fn edits(local: &LocalChanges, view: View) -> String {
    let mut text = counts(local);
    if local.len() > FEW && !view.verbose {
        return text + " (names: -v)";
    }
    let signed = [('+', &local.added), ('~', &local.modified), ('-', &local.deleted)];
    let names = signed.iter().flat_map(|(sign, names)| names.iter().map(move |name| format!("{sign}{name}")));
    for (at, name) in names.enumerate() {
        let _ = write!(text, "{} {name}", if at == 0 { ":" } else { "," });
    }
    text
}

fn details(pair: &PairStatus) -> String {
    let word = |known: Option<bool>| known.map_or("unknown", |yes| if yes { "yes" } else { "no" });
    let layout = pair.layout.map_or("unknown", |layout| match layout {
        Layout::Documented => "documented",
        Layout::Classic => "classic",
    });
    let key_store = pair.key_store.map_or("unknown", |store| match store {
        KeyStore::Keychain => "keychain",
        KeyStore::File => "file",
    });
    let next = pair.next_poll_s.map(|left| format!(", next look in {left} s")).unwrap_or_default();
    format!(
        "layout {layout}, conditional writes {}, atomic {}, {}key in {key_store}{next}",
        word(pair.conditional_writes),
        word(pair.atomic),
        if pair.watched == Some(false) { "not watched, " } else { "" },
    )
}

/// A change as one line, for logs and pipes.
pub(crate) fn change(event: &StatusEvent) -> String {
    let pair = &event.pair;
    let mut line = format!("{}/{}", pair.repo, pair.env);
    if event.gone {
        let _ = write!(line, " forgotten");
    } else {
        let _ = write!(line, " {} {}", pair.state.as_str(), version(pair.version.as_deref(), pair.r#gen));
    }
    if let Some(reason) = pair.reason {
        let _ = write!(line, " {reason}");
    }
    if !pair.local.is_empty() {
        let _ = write!(line, " {}", counts(&pair.local));
    }
    plain(&line) + "\n"
}

#[cfg(test)]
mod tests;
