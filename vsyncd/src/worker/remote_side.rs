//! The effects that look at the bucket: see, read, open.

use std::sync::Arc;

use jiff::Timestamp;
use vsync_core::sync::event::Opened;
use vsync_core::sync::{OpId, Problem, RemoteMark, RemotePointer};
use vsync_core::vault::ledger::{Ledger, SyncOp, SyncPoint};
use vsync_core::version::Version;

use super::effects::{Effects, OpenedVersion};
use super::progress::Stage;
use crate::clock;
use crate::disk::state::{FolderFile, Loaded, PublishIntent};
use crate::repo::open::Fetched;
use crate::repo::remote::PointerRead;
use crate::repo::trouble::io_problem;
use crate::store::meter::{Meter, metered};
use crate::tasks;

impl Effects {
    /// Looks at the pointer.
    ///
    /// # Errors
    /// What the store says.
    pub async fn head(&self) -> Result<Option<RemoteMark>, Problem> {
        // Where nothing was ever here, it may be a vault of the older client.
        let undecided = self.ledger().synced.is_none();
        let mark = self.remote.head(undecided).await?;
        // No job runs now, so nothing that one left is needed any more.
        let unused = self.slots().opened.take();
        self.cache_later(unused.and_then(|opened| opened.bundle));
        Ok(mark)
    }

    /// Reads the pointer, settles a publish whose outcome was not known by it, and tells the
    /// agreement that the ledger holds then.
    ///
    /// # Errors
    /// What the store says, or the pointer itself.
    pub async fn read(self: &Arc<Self>) -> Result<(Option<RemotePointer>, Option<SyncPoint>), Problem> {
        let undecided = self.ledger().synced.is_none();
        let read = self.remote.pointer(undecided).await?;
        self.settle_publish(read.as_ref()).await?;
        if let Some(read) = &read {
            self.tell_of_overwriting(&read.remote).await?;
        }
        let pointer = read.as_ref().map(|read| read.remote.clone());
        self.slots().pointer = read;
        Ok((pointer, self.ledger().synced.clone()))
    }

    /// Leaves a notice, once, when what was pushed from here was overwritten instead of followed.
    async fn tell_of_overwriting(self: &Arc<Self>, pointer: &RemotePointer) -> Result<(), Problem> {
        let ours = self.ledger().synced.clone().filter(|ours| ours.op == SyncOp::Push);
        let Some(ours) = ours.filter(|ours| ours.is_skipped_by(pointer)) else { return Ok(()) };
        let (version, winner) = (ours.version, pointer.version);
        let text =
            format!("version {version}, pushed from here, was overwritten at the same moment by {winner}");
        if self.notices().iter().any(|notice| notice.text.starts_with(&text)) {
            return Ok(());
        }
        self.remote.place.store.doubt().await;
        let author = self.remote.audit.author_of(winner).await;
        let by = author.map(|author| format!(" (pushed by {author})")).unwrap_or_default();
        let this = Arc::clone(self);
        Ok(tasks::blocking(move || this.notice("lost_race", format!("{text}{by}"), None)).await?)
    }

    /// Finds out what became of a publish that nobody heard the end of.
    async fn settle_publish(self: &Arc<Self>, read: Option<&PointerRead>) -> Result<(), Problem> {
        let this = Arc::clone(self);
        let work = self.work.token();
        let journal = tasks::blocking(move || {
            let _work = work;
            this.settle_state()?;
            this.publish_journal()
        });
        let (Some(intent), Some(read)) = (journal.await??, read.cloned()) else { return Ok(()) };
        // Somebody has published over a version of that name: it is ours where the bundle is.
        let followed = read.pointer.prev == Some(intent.version) && self.holds(&intent).await?;
        let this = Arc::clone(self);
        let work = self.work.token();
        tasks::blocking(move || {
            let _work = work;
            this.settle(intent, followed, &read)
        })
        .await?
    }

    async fn holds(&self, intent: &PublishIntent) -> Result<bool, Problem> {
        let place = &self.remote.place;
        let there = place.store.head(&place.bundle(intent.version)).await?;
        Ok(there.is_some_and(|there| intent.bundle_etag.as_ref().is_none_or(|ours| there.etag == *ours)))
    }

    fn publish_journal(&self) -> Result<Option<PublishIntent>, Problem> {
        let failed = |error| io_problem("cannot read the publish journal", &error);
        Ok(match self.state.load(FolderFile::Publish).map_err(failed)? {
            Loaded::Found(intent) => Some(intent),
            Loaded::Missing => None,
            Loaded::Corrupt { moved_to, why } => {
                tracing::warn!(moved_to = %moved_to.display(), why, "the publish journal was damaged");
                None
            }
        })
    }

    fn settle(&self, intent: PublishIntent, followed: bool, read: &PointerRead) -> Result<(), Problem> {
        let mark = &read.remote.mark;
        let counted = mark.push_id.as_ref() == Some(&intent.push_id);
        let still_old = Some(&mark.etag) == intent.replaced_etag.as_ref();
        if still_old && !counted {
            return Ok(());
        }
        // A journal that could not be cleared must not take a later agreement back.
        let known = self.ledger().synced.clone();
        if (counted || followed) && (known.is_none() || known == intent.before) {
            let (version, generation) = (intent.version, intent.generation);
            let synced = SyncPoint {
                version: intent.version,
                generation: intent.generation,
                // Of a pointer that was replaced since, only its push id is known.
                etag: if counted { mark.etag.clone() } else { String::new() },
                push_id: Some(intent.push_id),
                op: SyncOp::Push,
                at: clock::now(),
            };
            // Its row may be kept already: it is the same, and is sent once.
            if let Some(row) = &intent.row {
                self.remote.audit.keep(row);
            }
            self.set_ledger(Ledger { synced: Some(synced), ..intent.ledger })?;
            self.remote.note_push(version, generation);
            self.remote.record_push();
        }
        let cleared = self.state.clear(FolderFile::Publish);
        cleared.map_err(|error| io_problem("cannot clear the publish journal", &error))
    }

    /// Fetches and opens what the pointer names, and compares it with the kept scan.
    ///
    /// # Errors
    /// Why it cannot be had, or must not be used.
    pub async fn open(self: &Arc<Self>, op: OpId, pointer: &RemotePointer) -> Result<Opened, Problem> {
        let read = self.pointer_read(pointer)?;
        let synced = self.ledger().synced.clone();
        let proven = synced.is_some();
        self.progress.report(Stage::Download, 0, None);
        let progress = self.progress.clone();
        let meter: Meter = Arc::new(move |done, total| progress.report(Stage::Download, done, total));
        let Fetched { snapshot, bundle } = metered(meter, self.remote.open(&read, proven)).await?;
        let this = Arc::clone(self);
        let mark = pointer.mark.clone();
        let work = self.work.token();
        tasks::blocking(move || {
            let _work = work;
            let tree = snapshot.tree();
            let equal = this.slots().scan.as_ref().is_some_and(|scan| scan.tree == tree);
            let cached = synced.is_some_and(|synced| this.remote.has_cached(synced.version));
            this.slots().put(op, |slots| slots.opened = Some(OpenedVersion { mark, snapshot, tree, bundle }));
            Opened { equal, cached }
        })
        .await
        .map_err(Problem::from)
    }

    /// Asks whether a version's bundle is in the bucket.
    ///
    /// # Errors
    /// What the store says.
    pub async fn probe(&self, version: Version) -> Result<bool, Problem> {
        let place = &self.remote.place;
        Ok(place.store.head(&place.bundle(version)).await?.is_some())
    }

    pub(super) fn pointer_read(&self, pointer: &RemotePointer) -> Result<PointerRead, Problem> {
        let slots = self.slots();
        let read = slots.pointer.as_ref().filter(|read| read.remote == *pointer);
        read.cloned().ok_or_else(|| Problem::Internal("the pointer was not read in this job".to_owned()))
    }

    /// What a pointer's agreement looks like from now on.
    pub(super) fn agreement(pointer: &RemotePointer, op: SyncOp, at: Timestamp) -> SyncPoint {
        SyncPoint {
            version: pointer.version,
            generation: pointer.mark.generation,
            etag: pointer.mark.etag.clone(),
            push_id: pointer.mark.push_id.clone(),
            op,
            at,
        }
    }
}
