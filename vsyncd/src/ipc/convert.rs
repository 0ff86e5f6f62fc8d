//! Between the daemon's values and the socket's messages: the only place that knows both.

use std::time::Instant;

use jiff::Timestamp;
use vsync_core::sync::{Outcome, Problem, Report, State};
use vsync_core::vault::diff::Diff;
use vsync_core::vault::ledger::{Ledger, SyncOp};
use vsync_proto::error::{Code, Failure};
use vsync_proto::response::{ChangedFile, DiffResult, PullOutcome, PullResult, PushOutcome, PushResult};
use vsync_proto::status::{
    KeyStore, LastSync, Layout, LocalChanges, Notice, PairStatus, RemoteStatus, State as ShownState,
};

use super::advice;
use crate::config::settings::KeyStoreKind;
use crate::watch::watcher::Watching;
use crate::worker::checkout::Checkout;
use crate::worker::driver::View;

/// The word for a problem.
pub const fn code(problem: &Problem) -> Code {
    match problem {
        Problem::Unreachable(_) => Code::StoreUnreachable,
        Problem::BucketMissing(_) => Code::BucketMissing,
        Problem::Denied(_) => Code::AccessDenied,
        Problem::ClockSkew(_) => Code::ClockSkew,
        Problem::StoreFailed(_) => Code::StoreFailed,
        Problem::ClassicLayout(_) => Code::ClassicLayout,
        Problem::NothingPublished => Code::NothingPublished,
        Problem::KeyMissing(_) => Code::KeyMissing,
        Problem::KeychainUnavailable(_) => Code::KeychainUnavailable,
        Problem::KeychainLocked(_) => Code::KeychainLocked,
        Problem::WrongKey => Code::WrongKey,
        Problem::KeyRotated => Code::KeyRotated,
        Problem::Tampered(_) => Code::Tampered,
        Problem::Torn(_) => Code::Torn,
        Problem::RollbackSuspected { .. } => Code::RollbackSuspected,
        Problem::FutureDated(_) => Code::FutureDated,
        Problem::BadPointer(_) => Code::BadTimestamp,
        Problem::CorruptArchive(_) => Code::CorruptArchive,
        Problem::UnsafeArchive(_) => Code::UnsafeArchive,
        Problem::UnsupportedVersion(_) => Code::UnsupportedVersion,
        Problem::TooLarge(_) => Code::TooLarge,
        Problem::Edited(_) => Code::Edited,
        Problem::Diverged { .. } => Code::Diverged,
        Problem::RemoteAhead { .. } => Code::RemoteAhead,
        Problem::LostRace { .. } => Code::LostRace,
        Problem::NotPlain { .. } => Code::VaultNotPlain,
        Problem::NameClash(..) => Code::NameClash,
        Problem::FolderChanging(_) | Problem::FolderMoved => Code::FolderChanging,
        Problem::FolderMissing | Problem::FolderNotUsable(_) => Code::FolderNotUsable,
        Problem::DiskFull(_) | Problem::QuotaFull(_) => Code::DiskFull,
        Problem::ReadOnly(_)
        | Problem::TooManyFiles(_)
        | Problem::DiskFailed(_)
        | Problem::NotAllowed(_)
        | Problem::Io(_) => Code::Io,
        Problem::Config(_) => Code::Config,
        Problem::ShuttingDown => Code::ShuttingDown,
        Problem::Cancelled => Code::Cancelled,
        Problem::Internal(_) => Code::Internal,
    }
}

/// What to do about a problem of this environment.
pub fn hint(problem: &Problem, env: &str) -> Option<String> {
    Some(match problem {
        Problem::Unreachable(_) => "the last good content stays; it is tried again by itself".to_owned(),
        Problem::BucketMissing(_) => {
            "check the store of this environment: is it mounted, does it exist?".to_owned()
        }
        Problem::Denied(refusal) => advice::on(refusal),
        Problem::ClockSkew(_) => "set this machine's clock".to_owned(),
        Problem::StoreFailed(_) => {
            "check endpoint, region and bucket: is that an S3 store? vsyncctl doctor shows them".to_owned()
        }
        Problem::ClassicLayout(_) => {
            "this release reads and writes only the documented layout and leaves that bucket alone".to_owned()
        }
        Problem::NothingPublished => format!("vsyncctl push {env} publishes the folder"),
        Problem::KeyMissing(_) => format!("vsyncctl import {env} FILE brings the key with a share file"),
        Problem::KeychainUnavailable(_) => {
            "--key-store file at init or import keeps the key in a file that only you can read".to_owned()
        }
        Problem::KeychainLocked(_) => {
            "unlock it: answer its prompt, log in to the desktop, or open its password manager; \
             what waits for it goes on by itself"
                .to_owned()
        }
        Problem::WrongKey | Problem::KeyRotated => {
            format!("ask for the present share file and run: vsyncctl import {env} FILE")
        }
        Problem::Tampered(_)
        | Problem::CorruptArchive(_)
        | Problem::UnsafeArchive(_)
        | Problem::BadPointer(_) => {
            format!(
                "nothing was changed here; find out who wrote to the bucket; \
                 vsyncctl push {env} --force publishes this folder over it"
            )
        }
        Problem::Torn(_) => format!(
            "nothing was changed here; vsyncctl push {env} publishes this folder, or restore the object in the bucket"
        ),
        Problem::RollbackSuspected { .. } => format!(
            "if the older version is wanted: vsyncctl pull {env} --allow-rollback; \
             else vsyncctl push {env} --force publishes this folder over it"
        ),
        Problem::FutureDated(_) => {
            format!("check this machine's clock; vsyncctl push {env} --force publishes over it")
        }
        Problem::UnsupportedVersion(_) => "update vsync on this machine".to_owned(),
        Problem::TooLarge(_) => "raise the limits in vsyncd.yaml if this is meant".to_owned(),
        Problem::Edited(_) => format!(
            "vsyncctl push {env} publishes the edits; \
             vsyncctl pull {env} --force replaces them and keeps them in a backup, and so does --backup when the \
             remote has moved"
        ),
        Problem::Diverged { .. } => format!(
            "vsyncctl diff {env} shows your edits; vsyncctl pull {env} --backup takes the remote version and keeps \
             yours in a backup; vsyncctl push {env} --force publishes yours over it"
        ),
        Problem::RemoteAhead { .. } | Problem::LostRace { .. } => format!(
            "vsyncctl pull {env} --backup takes it and keeps your edits in a backup; \
             vsyncctl push {env} --force publishes over it"
        ),
        Problem::NotPlain { .. } => "move it out of the vault folder".to_owned(),
        Problem::NameClash(..) => "rename one of them".to_owned(),
        Problem::FolderChanging(_) | Problem::FolderMoved => {
            "try again when nothing writes into the folder".to_owned()
        }
        Problem::FolderNotUsable(_) => {
            "nothing was changed; it goes on by itself once that is put right".to_owned()
        }
        Problem::FolderMissing => format!("vsyncctl pull {env} brings it back"),
        Problem::Internal(_) => "the daemon's log has more; please report it".to_owned(),
        other => return advice::on_disk(other).map(str::to_owned),
    })
}

/// A problem as a client gets it.
pub fn failure(problem: &Problem, env: &str) -> Failure {
    let failure = Failure::new(code(problem), problem.to_string());
    match hint(problem, env) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// An instant as clients read it, to the second.
pub fn instant(at: Timestamp) -> String {
    at.round(jiff::Unit::Second).unwrap_or(at).to_string()
}

const fn shown(state: State) -> ShownState {
    match state {
        State::Ok => ShownState::Ok,
        State::Edited => ShownState::Edited,
        State::Diverged => ShownState::Diverged,
        State::Behind => ShownState::Behind,
        State::Held => ShownState::Held,
        State::Offline => ShownState::Offline,
        State::Error => ShownState::Error,
    }
}

/// Names on the socket for the kinds of key store.
pub const fn key_store(kind: KeyStoreKind) -> KeyStore {
    match kind {
        KeyStoreKind::File => KeyStore::File,
        KeyStoreKind::Keychain => KeyStore::Keychain,
    }
}

/// The kind of key store that a client names.
pub const fn key_store_kind(named: KeyStore) -> KeyStoreKind {
    match named {
        KeyStore::File => KeyStoreKind::File,
        KeyStore::Keychain => KeyStoreKind::Keychain,
    }
}

/// What is shown of a checkout whose worker runs.
pub fn running(
    checkout: &Checkout,
    view: &View,
    keys: KeyStoreKind,
    now: (Instant, Timestamp),
) -> PairStatus {
    let report = &view.report;
    let env = checkout.pair.env.as_str();
    let mut status = bare(checkout, shown(report.state), report.since, keys);
    status.layout = match report.problem {
        Some(Problem::ClassicLayout(_)) => Some(Layout::Classic),
        _ => Some(Layout::Documented),
    };
    if let Some(synced) = &report.synced {
        status.r#gen = synced.generation;
        status.version = Some(synced.version.to_string());
        let op = match synced.op {
            SyncOp::Push => "push",
            SyncOp::Pull => "pull",
            SyncOp::Adopt => "adopt",
        };
        status.last_sync = Some(LastSync { op: op.to_owned(), at: instant(synced.at) });
    }
    status.reason = report.problem.as_ref().map(code);
    status.detail = report.problem.as_ref().map(ToString::to_string);
    status.hint = match &report.problem {
        Some(problem) => hint(problem, env),
        None => state_hint(report, env),
    };
    if let Some(local) = &report.local
        && !local.missing
    {
        status.local = changes(&local.diff);
    }
    status.remote = remote(report, now.1);
    status.atomic = view.atomic;
    status.watched = match view.watching {
        Watching::Heard => Some(true),
        Watching::Refused(_) => Some(false),
        Watching::Absent => None,
    };
    status.notices = view
        .notices
        .iter()
        .map(|notice| Notice {
            at: instant(notice.at),
            text: notice.text.clone(),
            backup: notice.backup.clone(),
        })
        .collect();
    status.next_poll_s = Some(report.next_poll.saturating_duration_since(now.0).as_secs());
    status
}

/// What is shown of a checkout whose worker cannot run.
pub fn broken(checkout: &Checkout, problem: &Problem, since: Timestamp, keys: KeyStoreKind) -> PairStatus {
    let mut status = bare(checkout, ShownState::Error, since, keys);
    status.reason = Some(code(problem));
    status.detail = Some(problem.to_string());
    status.hint = hint(problem, checkout.pair.env.as_str());
    status
}

/// What is shown of a checkout about which nothing is known yet.
pub fn bare(checkout: &Checkout, state: ShownState, since: Timestamp, keys: KeyStoreKind) -> PairStatus {
    PairStatus {
        repo: checkout.pair.repo.to_string(),
        env: checkout.pair.env.to_string(),
        root: checkout.root.display().to_string(),
        folder: checkout.folder.display().to_string(),
        layout: Some(Layout::Documented),
        r#gen: None,
        version: None,
        state,
        since: Some(instant(since)),
        reason: None,
        hint: None,
        local: LocalChanges::default(),
        remote: RemoteStatus::default(),
        last_sync: None,
        conditional_writes: None,
        atomic: None,
        key_store: Some(key_store(keys)),
        notices: Vec::new(),
        next_poll_s: None,
        detail: None,
        watched: None,
    }
}

fn state_hint(report: &Report, env: &str) -> Option<String> {
    match report.state {
        State::Edited => Some(format!("vsyncctl push {env} publishes the edits")),
        State::Behind => Some("the remote version is on its way".to_owned()),
        _ => None,
    }
}

fn remote(report: &Report, now: Timestamp) -> RemoteStatus {
    let mark = report.remote.as_ref().and_then(Option::as_ref);
    let age = report.checked_at.map(|at| now.duration_since(at).as_secs().max(0).unsigned_abs());
    RemoteStatus {
        r#gen: mark.and_then(|mark| mark.generation),
        version: report.remote_version.map(|version| version.to_string()),
        checked_at: report.checked_at.map(instant),
        age_s: age,
    }
}

fn changes(diff: &Diff) -> LocalChanges {
    let names =
        |paths: &[vsync_core::relpath::RelPath]| paths.iter().map(|path| path.as_str().to_owned()).collect();
    LocalChanges { added: names(&diff.added), modified: names(&diff.modified), deleted: names(&diff.deleted) }
}

/// A push's outcome; `None` for an outcome that no push has.
pub fn pushed(outcome: Outcome) -> Option<PushResult> {
    match outcome {
        Outcome::Pushed { version, generation, replaced, files, bytes, warnings } => Some(PushResult {
            outcome: PushOutcome::Published,
            version: version.to_string(),
            r#gen: generation,
            replaced: replaced.map(|version| version.to_string()),
            files: files as u64,
            bytes,
            warnings,
        }),
        Outcome::UpToDate { version, generation, .. } => Some(PushResult {
            outcome: PushOutcome::UpToDate,
            version: version.to_string(),
            r#gen: generation,
            replaced: None,
            files: 0,
            bytes: 0,
            warnings: Vec::new(),
        }),
        Outcome::Pulled { .. } | Outcome::Diff(_) => None,
    }
}

/// A pull's outcome; `None` for an outcome that no pull has.
pub fn pulled(outcome: Outcome) -> Option<PullResult> {
    match outcome {
        Outcome::Pulled { version, generation, diff, backup } => Some(PullResult {
            outcome: if diff.is_empty() { PullOutcome::Adopted } else { PullOutcome::Pulled },
            version: version.to_string(),
            r#gen: generation,
            added: diff.added.len() as u64,
            modified: diff.modified.len() as u64,
            deleted: diff.deleted.len() as u64,
            backup,
            warnings: Vec::new(),
        }),
        Outcome::UpToDate { version, generation, edits } => {
            let mut warnings = Vec::new();
            if edits > 0 {
                warnings.push(format!(
                    "the folder has local edits ({edits}) and the remote has not moved: nothing was replaced; \
                     --force replaces them"
                ));
            }
            Some(PullResult {
                outcome: PullOutcome::UpToDate,
                version: version.to_string(),
                r#gen: generation,
                added: 0,
                modified: 0,
                deleted: 0,
                backup: None,
                warnings,
            })
        }
        Outcome::Pushed { .. } | Outcome::Diff(_) => None,
    }
}

/// A look's outcome, with the sizes of what is there and of what was.
pub fn looked(outcome: Outcome, ledger: &Ledger) -> Option<DiffResult> {
    let Outcome::Diff(local) = outcome else { return None };
    let entry =
        |path: &vsync_core::relpath::RelPath, size| ChangedFile { path: path.as_str().to_owned(), size };
    let now =
        |path: &vsync_core::relpath::RelPath| entry(path, local.tree.files.get(path).map(|file| file.size));
    let before =
        |path: &vsync_core::relpath::RelPath| entry(path, ledger.files.get(path).map(|file| file.size));
    Some(DiffResult {
        added: local.diff.added.iter().map(now).collect(),
        modified: local.diff.modified.iter().map(now).collect(),
        deleted: local.diff.deleted.iter().map(before).collect(),
        base_version: ledger.synced.as_ref().map(|synced| synced.version.to_string()),
    })
}
