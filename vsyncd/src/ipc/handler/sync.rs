//! The verb that sends the env file's secrets to where they are used.

mod answer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use vsync_core::dotenv::Policy;
use vsync_core::fanout::plan::{Options, refusals};
use vsync_core::fanout::target::Target as Kind;
use vsync_core::format::audit::{Action, Meta, merge_meta};
use vsync_core::format::envconfig::EnvConfig;
use vsync_core::sync::{Command, Outcome, Problem};
use vsync_core::version::Version;
use vsync_proto::error::{Code, Failure};
use vsync_proto::event::{self, Plan, Progress, Unit};
use vsync_proto::request::Sync as Ask;
use vsync_proto::response::SyncResult;

use super::Handler;
use super::caller::internal;
use crate::ipc::connection::Outbox;
use crate::ipc::convert;
use crate::repo::author::Author;
use crate::repo::fanout::{self, FanoutError, Memory, Run, Source, Summary};
use crate::repo::remote::Remote;
use crate::targets::routing::{Routing, Surroundings};
use crate::targets::{self, Target};
use crate::tasks;
use crate::worker::driver::Request;
use crate::worker::entry::Entry;
use crate::worker::place;

/// How long the client waits for the audit row's first try; it goes out later otherwise.
const AUDIT_PATIENCE: Duration = Duration::from_secs(5);

/// How the folder compares with what was last pushed.
struct Standing {
    /// It is not the same.
    differs: bool,
    /// The version that it is, where it is one.
    version: Option<Version>,
    warnings: Vec<String>,
}

impl Handler {
    pub(super) async fn sync(&self, ask: Ask, out: &Outbox) -> Result<SyncResult, Failure> {
        let kind = answer::kind(ask.target);
        let meta = meta_of(&ask)?;
        let entry = self.entry_of(&ask.caller, &ask.env).await?;
        let policy = Policy::explicit(ask.inline_file_suffix.clone(), ask.exclude_property.clone());
        let said = |error: FanoutError| answer::failure(&error, &ask.env);
        let setup = self.supervisor.setup();
        // Before the folder is read: of two runs the later one has the later content.
        let begun = setup.turns.take(&entry.checkout.folder.join(kind.as_str())).await;
        let mut source = self.source(&entry, &ask, kind, &policy).await?;
        let refused = refusals(kind, &source.wanted);
        if !refused.is_empty() && !ask.dry_run {
            return Err(said(FanoutError::Refused { target: kind.as_str(), refusals: refused }));
        }
        source.wanted.retain(|one| !refused.iter().any(|refusal| refusal.name == one.name));
        let standing = self.standing(&entry).await;
        let flags = answer::flags(&ask, &entry.checkout.pair);
        let routing = fanout::settle(kind, &flags, &self.config_for(&entry).await?, &source);
        let around = Surroundings {
            env: ask.caller.env.clone(),
            values: std::mem::take(&mut source.values),
            vault_root: entry.checkout.folder.clone(),
        };
        let target =
            targets::open::open(kind, &routing, &around).await.map_err(|error| said(error.into()))?;
        let target: Arc<dyn Target> = Arc::from(target);
        let place = target.describe();
        let turn = setup.turns.take(setup.state.target(&entry.checkout.pair, &place).path()).await;
        let memory = self.memory(&entry, &place).await.map_err(|problem| said(problem.into()))?;
        if let Some(strange) = fanout::stranger(kind, &flags, &routing, &around)
            && !memory.is_known()
        {
            return Err(said(strange.into()));
        }
        let options = Options { all: ask.all, prune: ask.prune || ask.replace };
        let wanted = std::mem::take(&mut source.wanted);
        let run = Run::look(Arc::clone(&target), memory, wanted, options).await.map_err(said)?;
        let mut result = SyncResult {
            target: place,
            policy: policy.to_string(),
            credential: target.credential(),
            dry_run: ask.dry_run,
            folder_differs: standing.differs,
            steps: answer::steps(run.steps(), &refused, &source.outside),
            counts: answer::counts(run.counts(), refused.len()),
            failures: Vec::new(),
            warnings: source.warnings.into_iter().chain(standing.warnings).collect(),
        };
        out.notify(event::PLAN, &plan(&result, out)).await;
        if ask.dry_run {
            return Ok(result);
        }
        if let Err(error) = self.keep_route(&entry, kind, flags).await {
            result.warnings.push(format!("the routing could not be saved for the next run: {error}"));
        }
        let (remote, root) = (self.remote_of(&entry).await, entry.checkout.root.clone());
        let author = Author::find(&root, &setup.paths);
        let work = |tell: watch::Sender<(u64, u64)>| async move {
            let _turns = (begun, turn);
            let summary = run
                .apply(|done, total| {
                    tell.send_replace((done, total));
                })
                .await?;
            if let Ok(remote) = remote {
                let row = author.row(Action::Sync, standing.version, counted(meta, kind, &summary));
                record(&remote, row).await;
            }
            Ok(summary)
        };
        let summary = self.to_the_end(out, work).await.map_err(said)?;
        result.counts = answer::counts(summary.counts, 0);
        result.failures = answer::failures(summary.failures);
        result.warnings.extend(summary.warnings);
        Ok(result)
    }

    async fn source(&self, entry: &Entry, ask: &Ask, kind: Kind, policy: &Policy) -> Result<Source, Failure> {
        let (checkout, env) = (Arc::clone(&entry.checkout), entry.checkout.pair.env.clone());
        let own = || self.supervisor.setup().paths.home.display().to_string();
        let home = ask.caller.env.get("HOME").filter(|home| !home.is_empty()).cloned().unwrap_or_else(own);
        let policy = policy.clone();
        let read = tasks::blocking(move || {
            place::check(&checkout)?;
            let read = fanout::read(&checkout.folder, &env, &home, &policy, kind)?;
            // What was read counts only if it was not read through a link that came in between.
            place::check(&checkout)?;
            Ok(read)
        });
        read.await.map_err(internal)?.map_err(|error: FanoutError| answer::failure(&error, &ask.env))
    }

    async fn config_for(&self, entry: &Entry) -> Result<EnvConfig, Failure> {
        let (pairs, pair) = (self.supervisor.setup().pairs.clone(), entry.checkout.pair.clone());
        let unknown = Failure::new(Code::UnknownPair, format!("this machine knows no environment {pair}"));
        let loaded = tasks::blocking(move || pairs.load(&pair)).await.map_err(internal)?;
        let loaded =
            loaded.map_err(|error| convert::failure(&error.into(), entry.checkout.pair.env.as_str()))?;
        loaded.map(|loaded| loaded.value).ok_or(unknown)
    }

    async fn memory(&self, entry: &Entry, place: &str) -> Result<Memory, Problem> {
        let (state, pair) = (self.supervisor.setup().state.clone(), entry.checkout.pair.clone());
        let place = place.to_owned();
        tasks::blocking(move || Memory::open(&state, &pair, &place)).await?
    }

    /// Asks the worker whether the folder is what was last pushed.
    async fn standing(&self, entry: &Entry) -> Standing {
        let unknown = |problem: Problem| Standing {
            differs: true,
            version: None,
            warnings: vec![format!("whether the folder is what was last pushed cannot be told: {problem}")],
        };
        let handle = match entry.handle().await {
            Ok(handle) => handle,
            Err(problem) => return unknown(problem),
        };
        let local = match handle.command(Command::Diff, Request::default()).await {
            Ok(Outcome::Diff(local)) => local,
            Ok(_) => return unknown(Problem::Internal("the worker answered something else".to_owned())),
            Err(problem) => return unknown(problem),
        };
        let env = &entry.checkout.pair.env;
        let synced = handle.effects().ledger().synced.as_ref().map(|synced| synced.version);
        let remote = handle.view().report.remote_version;
        let mut warnings = Vec::new();
        if synced.is_none() {
            warnings.push(format!("the folder was never pushed; vsyncctl push {env} publishes it"));
        } else if !local.diff.is_empty() {
            warnings.push(format!(
                "the folder has edits that were not pushed; vsyncctl push {env} publishes them"
            ));
        }
        if let (Some(here), Some(there)) = (synced, remote)
            && there > here
        {
            warnings.push(format!("the remote has {there}, which is newer than this folder ({here})"));
        }
        let differs = !warnings.is_empty();
        Standing { differs, version: synced.filter(|_| !differs), warnings }
    }

    /// Saves what the flags say of the place, now that the target has taken it.
    async fn keep_route(&self, entry: &Entry, kind: Kind, flags: Routing) -> Result<(), String> {
        let (pairs, pair) = (self.supervisor.setup().pairs.clone(), entry.checkout.pair.clone());
        let keep = move || pairs.edit(&pair, |config| fanout::remember(kind, &flags, config));
        let kept = tasks::blocking(keep).await.map_err(|panicked| panicked.to_string())?;
        let there = kept.map_err(|error| error.to_string())?;
        if there { Ok(()) } else { Err("the configuration is gone".to_owned()) }
    }

    /// Where the audit row goes; the worker's own view of the vault where it runs.
    async fn remote_of(&self, entry: &Entry) -> Result<Arc<Remote>, Problem> {
        if let Ok(handle) = entry.handle().await {
            return Ok(Arc::clone(&handle.effects().remote));
        }
        let (setup, pair) = (self.supervisor.setup().clone(), entry.checkout.pair.clone());
        Ok(Arc::new(tasks::blocking(move || setup.remote(&pair)).await??))
    }

    /// Does what has begun to its end, also when the client leaves, and tells how far it is while it stays.
    async fn to_the_end<F>(
        &self,
        out: &Outbox,
        work: impl FnOnce(watch::Sender<(u64, u64)>) -> F,
    ) -> Result<Summary, FanoutError>
    where
        F: Future<Output = Result<Summary, FanoutError>> + Send + 'static,
    {
        let (tell, mut told) = watch::channel((0, 0));
        let mut done = std::pin::pin!(self.supervisor.finishing("sync", work(tell)));
        loop {
            tokio::select! {
                biased;
                done = &mut done => return done?,
                Ok(()) = told.changed() => {
                    let (done, total) = *told.borrow_and_update();
                    let stage = "send".to_owned();
                    let id = out.id().clone();
                    let progress = Progress { id, stage, done, total: Some(total), unit: Unit::Secrets };
                    out.notify_or_drop(event::PROGRESS, &progress);
                }
            }
        }
    }
}

fn plan(result: &SyncResult, out: &Outbox) -> Plan {
    Plan {
        id: out.id().clone(),
        target: result.target.clone(),
        policy: result.policy.clone(),
        credential: result.credential.clone(),
        steps: result.steps.clone(),
    }
}

/// Keeps the row first: a run is over when its secrets are where they belong, whatever the store does.
async fn record(remote: &Remote, row: vsync_core::format::audit::Row) {
    if tokio::time::timeout(AUDIT_PATIENCE, remote.audit.append(row)).await.is_err() {
        tracing::debug!("the audit row of a sync waits");
    }
}

fn meta_of(ask: &Ask) -> Result<Meta, Failure> {
    let env = |name: &str| ask.caller.env.get(name).map(String::as_str);
    merge_meta(env("VSYNC_AUDIT_META"), env("VSYNC_AUDIT_NOTE"), &[], None)
        .map_err(|error| Failure::new(Code::BadRequest, error.to_string()))
}

/// The audit's cell: the target and how many; never a name or value of a secret.
fn counted(mut meta: Meta, kind: Kind, summary: &Summary) -> Meta {
    let counts = summary.counts;
    meta.insert("target".to_owned(), kind.as_str().into());
    for (name, count) in [
        ("created", counts.created),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("removed", counts.removed),
        ("failed", counts.failed),
    ] {
        meta.insert(name.to_owned(), count.into());
    }
    meta
}
