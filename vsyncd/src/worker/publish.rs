//! Publishing a folder, such that a crash at any step is either no push or a whole one.

use std::sync::Arc;

use vsync_core::format::audit::{Action, Row};
use vsync_core::sync::event::Published;
use vsync_core::sync::{Problem, PublishPlan};
use vsync_core::vault::ledger::{SyncOp, SyncPoint};
use vsync_core::vault::snapshot::Snapshot;

use super::driver::Request;
use super::effects::Effects;
use super::progress::Stage;
use crate::clock;
use crate::disk::load::load;
use crate::disk::scan::{self, Scan, ScanError};
use crate::disk::state::{FolderFile, PublishIntent};
use crate::repo::trouble::{io_problem, scan_problem};
use crate::tasks;

/// How often a folder that changes while it is read is read again.
const TRIES: u32 = 3;

impl Effects {
    /// Publishes the scanned folder.
    ///
    /// # Errors
    /// [`Problem::LostRace`] when another push won. After [`Problem::Unreachable`] it is not
    /// known whether the pointer moved; the journal stays and the next look settles it.
    pub async fn publish(
        self: &Arc<Self>,
        plan: &PublishPlan,
        request: Request,
    ) -> Result<Published, Problem> {
        let this = Arc::clone(self);
        let (scan, snapshot) = tasks::blocking(move || this.read_folder()).await??;
        let (files, bytes) = (scan.tree.files.len(), scan.tree.bytes());
        self.progress.report(Stage::Upload, 0, Some(bytes));
        let uploaded = self.remote.upload(snapshot, plan).await?;
        self.progress.report(Stage::Upload, bytes, Some(bytes));
        let next = self.remote.next_pointer(plan, &uploaded).await?;
        let synced = SyncPoint {
            version: uploaded.version,
            generation: Some(plan.generation),
            etag: String::new(),
            push_id: Some(next.push_id.clone()),
            op: SyncOp::Push,
            at: clock::now(),
        };
        let row = || self.author.row(Action::Push, Some(uploaded.version), request.meta);
        let row = (!request.no_audit).then(row);
        let intent = PublishIntent {
            version: uploaded.version,
            generation: Some(plan.generation),
            replaced_etag: plan.replaces.as_ref().map(|mark| mark.etag.clone()),
            push_id: next.push_id.clone(),
            bundle_etag: Some(uploaded.etag.clone()),
            ledger: scan.ledger(Some(synced.clone())),
            before: self.ledger().synced.clone(),
            row: row.clone(),
        };
        let this = Arc::clone(self);
        let journaled = tasks::blocking(move || {
            // What an earlier swap or push left to be written down comes first: its journal goes now.
            this.settle_state()?;
            let saved = this.state.save_unsettled(FolderFile::Publish, &intent);
            let saved = saved.and_then(|journal| journal.settle());
            saved.map_err(|error| io_problem("cannot journal the publish", &error))
        });
        journaled.await??;
        let pointed = self.remote.point(&next).await;
        self.cache_later(pointed.is_ok().then_some((uploaded.version, uploaded.packed)));
        let this = Arc::clone(self);
        tasks::blocking(move || this.conclude(pointed, synced, &scan, row.as_ref(), (files, bytes))).await?
    }

    /// Reads the folder into memory. It may have changed since the scan: then it is scanned and
    /// read again, and what is published is what was read.
    fn read_folder(&self) -> Result<(Arc<Scan>, Snapshot), Problem> {
        let scan = self.slots().scan.take();
        let mut scan = scan.ok_or_else(|| Problem::Internal("nothing was scanned".to_owned()))?;
        for _ in 0..TRIES {
            let bytes = scan.tree.bytes();
            self.progress.report(Stage::Read, 0, Some(bytes));
            match load(&self.checkout.folder, &scan) {
                Ok(snapshot) => {
                    self.progress.report(Stage::Read, bytes, Some(bytes));
                    return Ok((scan, snapshot));
                }
                Err(ScanError::Changing { .. }) => {
                    let ledger = self.ledger();
                    let limits = &self.rules.limits;
                    let again = scan::scan(&self.checkout.folder, &ledger, limits, clock::now());
                    scan = Arc::new(again.map_err(|error| scan_problem(&error))?);
                    super::place::check(&self.checkout)?;
                }
                Err(error) => return Err(scan_problem(&error)),
            }
        }
        Err(Problem::FolderChanging(self.checkout.folder.display().to_string()))
    }

    fn conclude(
        &self,
        pointed: Result<vsync_core::sync::RemoteMark, Problem>,
        synced: SyncPoint,
        scan: &Scan,
        row: Option<&Row>,
        (files, bytes): (usize, u64),
    ) -> Result<Published, Problem> {
        let mark = match pointed {
            Ok(mark) => mark,
            // The pointer may have moved all the same: the journal waits for the next look.
            Err(problem @ Problem::Unreachable(_)) => return Err(problem),
            Err(problem) => {
                self.clear_publish();
                return Err(problem);
            }
        };
        let synced = SyncPoint { etag: mark.etag, ..synced };
        // Before the ledger: from then on nobody would write it any more.
        let row = row.and_then(|row| self.remote.audit.keep_soon(row));
        self.conclude_push(scan.ledger(Some(synced.clone())), row);
        self.remote.note_push(synced.version, synced.generation);
        Ok(Published { synced, files, bytes })
    }

    fn clear_publish(&self) {
        if let Err(error) = self.state.clear(FolderFile::Publish) {
            tracing::warn!(%error, "cannot clear the publish journal; the next look settles it");
        }
    }

    /// Sends the audit rows that were kept, that of a push or a pull among them, and records a push in the
    /// vault's configuration meanwhile. The rows' first try is over when this returns.
    pub async fn send_rows(&self, push: bool) {
        let remote = Arc::clone(&self.remote);
        let here = tasks::blocking(move || {
            if push {
                remote.record_push();
            }
        });
        if let (Err(panicked), ()) = tokio::join!(here, self.remote.audit.flush_waiting()) {
            tracing::warn!(%panicked, "cannot record the push in the vault's configuration");
        }
    }
}
