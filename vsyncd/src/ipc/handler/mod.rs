//! What each method does, in terms of the workers and their vaults.

mod caller;
mod doctor;
mod init;
mod profiles;
mod share;
mod status;
mod sync;
mod vault;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use vsync_proto::error::{Code, Failure};
use vsync_proto::hello::{HelloResult, PROTOCOL};
use vsync_proto::request::Call;
use vsync_proto::response::Done;

use super::connection::Outbox;
use super::convert;
use super::server::Service;
use crate::daemon::Control;
use crate::worker::supervisor::Supervisor;

/// Answers the methods.
#[derive(Debug, Clone)]
pub struct Handler {
    supervisor: Arc<Supervisor>,
    control: Arc<Control>,
}

impl Handler {
    /// Answers by these workers and this daemon.
    pub const fn new(supervisor: Arc<Supervisor>, control: Arc<Control>) -> Self {
        Self { supervisor, control }
    }

    /// Does something that changes what is registered: one at a time, and to its end, also when
    /// the client leaves meanwhile.
    async fn change<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let done = self.supervisor.registering(work(self.clone())).await;
        done.map_err(|problem| convert::failure(&problem, ""))?
    }
}

#[async_trait]
impl Service for Handler {
    async fn call(&self, call: Call, out: &Outbox) -> Result<Box<RawValue>, Failure> {
        match call {
            Call::Hello(_) => json(&HelloResult {
                protocol: PROTOCOL,
                daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
            }),
            Call::Status(ask) => json(&self.status(&ask).await?),
            Call::Subscribe(ask) => self.subscribe(&ask, out).await,
            Call::Push(ask) => json(&self.push(ask, out).await?),
            Call::Pull(ask) => json(&self.pull(ask, out).await?),
            Call::Diff(ask) => json(&self.diff(ask).await?),
            Call::Versions(ask) => json(&self.versions(ask).await?),
            Call::Sync(ask) => json(&self.sync(ask, out).await?),
            Call::Init(ask) => json(&self.change(|this| async move { this.init(ask).await }).await?),
            Call::ProfileAdd(ask) => json(&self.profile_add(ask).await?),
            Call::ProfileList(_) => json(&self.profile_list().await?),
            Call::ProfileShow(ask) => json(&self.profile_show(ask).await?),
            Call::ProfileRemove(ask) => json(&self.profile_remove(ask).await?),
            Call::Track(ask) => json(&self.change(|this| async move { this.track(ask).await }).await?),
            Call::Forget(ask) => json(&self.change(|this| async move { this.forget(ask).await }).await?),
            Call::Export(ask) => json(&self.export(ask).await?),
            Call::Import(ask) => json(&self.import(ask, out).await?),
            Call::BackupList(ask) => json(&self.backup_list(ask).await?),
            Call::BackupRestore(ask) => json(&self.backup_restore(ask).await?),
            Call::Doctor(ask) => json(&self.doctor(ask).await?),
            Call::DaemonStop(_) => {
                self.control.stop();
                json(&Done {})
            }
            Call::DaemonReload(_) => json(&self.control.reload(&self.supervisor).await?),
            Call::DaemonLogLevel(ask) => json(&self.control.log_level(&ask.filter)?),
            Call::DaemonInfo(_) => json(&self.control.info(self.supervisor.setup())),
        }
    }
}

fn json<T: Serialize>(result: &T) -> Result<Box<RawValue>, Failure> {
    to_raw_value(result)
        .map_err(|error| Failure::new(Code::Internal, format!("cannot write an answer: {error}")))
}
