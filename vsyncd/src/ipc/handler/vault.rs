//! Verbs on one vault: push, pull, diff, versions, backups.

use std::path::{Path, PathBuf};

use vsync_core::format::audit::{Meta, merge_meta};
use vsync_core::id::Pair;
use vsync_core::sync::{Command, Problem, PullMode};
use vsync_proto::error::{Code, Failure};
use vsync_proto::event::{self, Progress, Unit};
use vsync_proto::request::{self, BackupList, BackupRestore, Caller, Diff, Pull, Push, Versions};
use vsync_proto::response::{
    BackupEntry, BackupRestoreResult, DiffResult, Publisher, PullResult, PushResult, VersionEntry,
};

use super::Handler;
use super::caller::{checkout_of, env_of, internal};
use super::status::repo_meant;
use crate::disk::backup::{self, Backup};
use crate::ipc::connection::Outbox;
use crate::ipc::convert;
use crate::repo;
use crate::repo::trouble::io_problem;
use crate::tasks;
use crate::worker::driver::{Handle, Request};
use crate::worker::progress::Stage;

impl Handler {
    pub(super) async fn push(&self, ask: Push, out: &Outbox) -> Result<PushResult, Failure> {
        let request = Request { meta: meta_of(&ask)?, no_audit: ask.no_audit };
        let entry = self.entry_of(&ask.caller, &ask.env).await?;
        let said = |problem: Problem| convert::failure(&problem, &ask.env);
        let handle = entry.handle().await.map_err(said)?;
        let work = handle.command(Command::Push { force: ask.force }, request);
        let outcome = match shown(&handle, out, work).await {
            Err(Problem::RemoteAhead { remote, here, author: None }) => {
                let author = handle.effects().remote.audit.author_of(remote).await;
                Err(Problem::RemoteAhead { remote, here, author })
            }
            outcome => outcome,
        };
        convert::pushed(outcome.map_err(said)?).ok_or_else(odd)
    }

    pub(super) async fn pull(&self, ask: Pull, out: &Outbox) -> Result<PullResult, Failure> {
        let mode = match ask.mode {
            request::PullMode::Plain => PullMode::Plain,
            request::PullMode::Backup => PullMode::Backup,
            request::PullMode::Force => PullMode::Force,
        };
        let entry = self.entry_of(&ask.caller, &ask.env).await?;
        let said = |problem: Problem| convert::failure(&problem, &ask.env);
        let handle = entry.handle().await.map_err(said)?;
        let command = Command::Pull { mode, allow_rollback: ask.allow_rollback };
        let work = handle.command(command, Request::default());
        let outcome = shown(&handle, out, work).await.map_err(said)?;
        convert::pulled(outcome).ok_or_else(odd)
    }

    pub(super) async fn diff(&self, ask: Diff) -> Result<DiffResult, Failure> {
        let entry = self.entry_of(&ask.caller, &ask.env).await?;
        let said = |problem: Problem| convert::failure(&problem, &ask.env);
        let handle = entry.handle().await.map_err(said)?;
        let outcome = handle.command(Command::Diff, Request::default()).await.map_err(said)?;
        let ledger = handle.effects().ledger();
        convert::looked(outcome, &ledger).ok_or_else(odd)
    }

    pub(super) async fn versions(&self, ask: Versions) -> Result<Vec<VersionEntry>, Failure> {
        let entry = self.entry_of(&ask.caller, &ask.env).await?;
        let said = |problem: Problem| convert::failure(&problem, &ask.env);
        let handle = entry.handle().await.map_err(said)?;
        let (listed, pointer) = handle.effects().remote.versions().await.map_err(said)?;
        let here = handle.effects().ledger().synced.clone();
        let current = pointer.as_ref().map(|read| read.pointer.version);
        let entries = listed.into_iter().map(|listed| {
            let is_current = Some(listed.version) == current;
            let generation = if is_current {
                pointer.as_ref().and_then(|read| read.pointer.generation)
            } else {
                here.as_ref()
                    .filter(|synced| synced.version == listed.version)
                    .and_then(|synced| synced.generation)
            };
            VersionEntry {
                version: listed.version.to_string(),
                size: listed.size,
                current: is_current,
                here: here.as_ref().is_some_and(|synced| synced.version == listed.version),
                r#gen: generation,
                by: listed.pushed.map(publisher),
            }
        });
        Ok(entries.collect())
    }

    pub(super) async fn backup_list(&self, ask: BackupList) -> Result<Vec<BackupEntry>, Failure> {
        let pair = match &ask.env {
            Some(env) => Some(self.pair_of(&ask.caller, env).await?),
            None => None,
        };
        let repo = repo_meant(Some(&ask.caller), true).await?;
        let mut listed = self.backups(pair.clone()).await?;
        // Older names carry no repository: they may be this one's.
        listed.retain(|backup| repo.is_none() || backup.repo.is_none() || backup.repo == repo);
        let entries = listed.into_iter().map(|backup| BackupEntry {
            name: backup.name,
            repo: backup.repo.map(|repo| repo.to_string()).unwrap_or_default(),
            env: backup.env.to_string(),
            at: convert::instant(backup.at.instant()),
            size: backup.size,
        });
        Ok(entries.collect())
    }

    async fn backups(&self, pair: Option<Pair>) -> Result<Vec<Backup>, Failure> {
        let dir = self.supervisor.setup().paths.backups();
        let listed = tasks::blocking(move || backup::list(&dir, pair.as_ref())).await.map_err(internal)?;
        listed.map_err(|error| convert::failure(&io_problem("cannot list the backups", &error), ""))
    }

    /// The vault that the client means, registered here or not.
    async fn pair_of(&self, caller: &Caller, env: &str) -> Result<Pair, Failure> {
        if let Ok(entry) = self.entry_of(caller, env).await {
            return Ok(entry.checkout.pair.clone());
        }
        Ok(Pair::new(checkout_of(caller).await?.repo, env_of(env)?))
    }

    pub(super) async fn backup_restore(&self, ask: BackupRestore) -> Result<BackupRestoreResult, Failure> {
        let pair = self.pair_of(&ask.caller, &ask.env).await?;
        let into = PathBuf::from(&ask.into);
        if !into.is_absolute() {
            return Err(Failure::new(Code::BadRequest, "the folder to restore into is not an absolute path"));
        }
        let listed = self.backups(Some(pair.clone())).await?;
        let Some(found) = listed.into_iter().find(|backup| backup.name == ask.name) else {
            let text = format!("there is no backup '{}' of {pair}", ask.name);
            return Err(Failure::new(Code::NoSuchBackup, text)
                .hint(format!("vsyncctl backup list {} shows them", pair.env)));
        };
        let said = |problem: Problem| convert::failure(&problem, &ask.env);
        let setup = self.supervisor.setup().clone();
        let wanted = pair.clone();
        let maker = setup.clone();
        let remote = tasks::blocking(move || maker.remote(&wanted)).await.map_err(internal)?.map_err(said)?;
        let key = remote.key().await.map_err(said)?;
        let file = self.supervisor.setup().paths.backups().join(&found.name);
        let folder = remote.vault_folder.clone();
        if into.symlink_metadata().is_ok() {
            let text = format!("{} is there already; a backup is restored into a new folder", into.display());
            return Err(Failure::new(Code::AlreadyExists, text).hint("name a folder that does not exist yet"));
        }
        self.check_restore(&into)?;
        let restore = |key| {
            let (file, folder, env) = (file.clone(), folder.clone(), pair.env.clone());
            let place = (into.clone(), setup.state.clone());
            repo::backup::restore(file, key, remote.limits, folder, env, place)
        };
        let mut restored = restore(key).await;
        if restored.as_ref().is_err_and(|problem| *problem == Problem::WrongKey) {
            for key in remote.retired_keys().await.map_err(said)? {
                restored = restore(key).await;
                if restored.is_ok() {
                    break;
                }
            }
        }
        let restored = restored.map_err(said)?;
        Ok(BackupRestoreResult { files: restored.files, bytes: restored.bytes, into: ask.into })
    }

    /// A restored folder inside a vault would be published with it.
    fn check_restore(&self, into: &Path) -> Result<(), Failure> {
        let inside =
            self.supervisor.entries().into_iter().find(|entry| into.starts_with(&entry.checkout.folder));
        match inside {
            None => Ok(()),
            Some(entry) => Err(Failure::new(
                Code::FolderNotUsable,
                format!("{} lies inside the vault folder of {}", into.display(), entry.checkout.pair),
            )),
        }
    }
}

/// Waits for a verb and tells the client how far it is meanwhile.
pub(super) async fn shown<T>(handle: &Handle, out: &Outbox, work: impl Future<Output = T>) -> T {
    let mut steps = handle.progress();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            step = steps.recv() => match step {
                Ok(step) => {
                    let unit = if step.stage == Stage::Scan { Unit::Files } else { Unit::Bytes };
                    let stage = step.stage.as_str().to_owned();
                    let id = out.id().clone();
                    let progress = Progress { id, stage, done: step.done, total: step.total, unit };
                    out.notify_or_drop(event::PROGRESS, &progress);
                }
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return work.await,
            },
        }
    }
}

fn odd() -> Failure {
    Failure::new(Code::Internal, "the worker answered something else than was asked")
}

fn publisher(row: vsync_core::format::audit::ReadRow) -> Publisher {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let note = serde_json::from_str::<serde_json::Value>(&row.meta).ok();
    let note = note.and_then(|meta| meta.get("note")?.as_str().map(str::to_owned));
    Publisher { host: some(row.hostname), user: some(row.os_user), email: some(row.git_email), note }
}

fn meta_of(ask: &Push) -> Result<Meta, Failure> {
    let env = |name: &str| ask.caller.env.get(name).map(String::as_str);
    let pairs: Vec<String> = ask.meta.iter().map(|(name, value)| format!("{name}={value}")).collect();
    merge_meta(env("VSYNC_AUDIT_META"), env("VSYNC_AUDIT_NOTE"), &pairs, ask.note.as_deref())
        .map_err(|error| Failure::new(Code::BadRequest, error.to_string()))
}
