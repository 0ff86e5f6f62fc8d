//! The audit log: rows wait on disk until the bucket has them, in order.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use vsync_core::format::audit::{self, ReadRow, Row};
use vsync_core::sync::Cause;
use vsync_core::version::Version;

use super::place::Place;
use super::remote::random;
use super::spool::{Spooled, Waiting, save, waiting};
use crate::clock;
use crate::disk::atomic;
use crate::store::{Condition, Metadata, StoreError};
use crate::tasks;

/// How often a row is tried against other writers before it waits.
const TRIES: u32 = 8;
/// How large an audit log is read.
const LIMIT: u64 = 64 << 20;
/// How long a look into the log for a name may take.
const LOOK: Duration = Duration::from_secs(2);
/// When rows are looked for again that another writer's may have replaced.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many rows wait in memory while the disk takes none.
const UNSAVED_MAX: usize = 1000;

/// One vault's audit log and the rows that wait for it.
#[derive(Debug, Clone)]
pub struct AuditLog {
    place: Place,
    spool: Arc<PathBuf>,
    enabled: bool,
    /// Set once it is known that the log beside this vault is not the older client's.
    ours: Arc<OnceLock<()>>,
    /// Rows that the disk did not take.
    unsaved: Arc<Mutex<Vec<Row>>>,
    /// One writer of this process at a time, so that rows keep their order.
    turn: Arc<tokio::sync::Mutex<Turn>>,
    /// False when it is known that no row waits.
    waits: Arc<AtomicBool>,
}

/// How the last flush went.
#[derive(Debug, Default)]
struct Turn {
    failures: u32,
    not_before: Option<Instant>,
}

/// What became of rows that were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// They are in the log.
    There,
    /// They were written, and another writer's may have replaced them at the same moment.
    Unsure,
}

impl AuditLog {
    /// The log of the vault at `place`, with its spool folder.
    pub fn new(place: Place, spool: PathBuf, enabled: bool) -> Self {
        let waits = Arc::new(AtomicBool::new(true));
        let (ours, unsaved, turn) = (Arc::default(), Arc::default(), Arc::default());
        Self { place, spool: Arc::new(spool), enabled, ours, unsaved, turn, waits }
    }

    /// Records a row: first on disk, then in the bucket if that works now. Never fails a verb.
    pub async fn append(&self, row: Row) {
        if !self.enabled {
            return;
        }
        let this = self.clone();
        let kept = tasks::blocking(move || this.keep_soon(&row)).await;
        self.flush_waiting().await;
        let settled = match kept {
            Ok(Some(spooled)) => tasks::blocking(move || spooled.settle()).await,
            other => other.map(|_| ()),
        };
        if let Err(panicked) = settled {
            tracing::warn!(%panicked, "cannot keep an audit row");
        }
    }

    /// Puts a row where it waits for the next flush. Blocks.
    pub fn keep(&self, row: &Row) {
        if let Some(spooled) = self.keep_soon(row) {
            spooled.settle();
        }
    }

    /// As [`AuditLog::keep`], but until what it returns is settled a power cut may lose the row. Blocks.
    pub fn keep_soon(&self, row: &Row) -> Option<Spooled> {
        if !self.enabled {
            return None;
        }
        let mut row = row.clone();
        // A row that is too large to be read back would hold up every later one.
        if serde_json::to_string(&row.meta).is_ok_and(|text| text.len() > audit::META_MAX) {
            row.meta = audit::Meta::from_iter([("_truncated".to_owned(), true.into())]);
        }
        let saved = save(&self.spool, &row);
        let spooled = saved.inspect_err(|error| {
            tracing::warn!(%error, "cannot keep an audit row on disk; it waits in memory");
            let mut unsaved = self.unsaved();
            let surplus = (unsaved.len() + 1).saturating_sub(UNSAVED_MAX);
            unsaved.drain(..surplus);
            unsaved.push(row);
        });
        self.waits.store(true, Ordering::SeqCst);
        spooled.ok()
    }

    fn unsaved(&self) -> MutexGuard<'_, Vec<Row>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits, with the rows that no file could be made of. Those go to disk first where that works
    /// again. Blocks.
    fn waiting(&self) -> std::io::Result<Waiting> {
        self.unsaved().retain(|row| save(&self.spool, row).map(|spooled| spooled.settle()).is_err());
        let mut found = waiting(&self.spool)?;
        found.rows.extend(self.unsaved().iter().cloned());
        Ok(found)
    }

    /// Sends what waits, unless the last try failed a moment ago.
    pub async fn flush_if_due(&self) {
        if !self.waits.load(Ordering::SeqCst) {
            return;
        }
        let due = self.turn.lock().await.not_before;
        if due.is_none_or(|due| due <= clock::monotonic()) {
            self.flush_waiting().await;
        }
    }

    /// Sends what waits, oldest first. What cannot be sent goes on waiting, except where the
    /// store forbids this machine to write the log. What a store took that may not keep writers apart
    /// waits as well, until a later look finds it in the log.
    pub async fn flush_waiting(&self) {
        let mut turn = self.turn.lock().await;
        let this = self.clone();
        // A row that comes while the folder is listed counts for the next time.
        self.waits.store(false, Ordering::SeqCst);
        let listed = tasks::blocking(move || this.waiting()).await;
        if !matches!(&listed, Ok(Ok(waiting)) if waiting.is_nothing()) {
            self.waits.store(true, Ordering::SeqCst);
        }
        let Ok(Ok(Waiting { files, rows, .. })) = listed else { return };
        if rows.is_empty() {
            return;
        }
        match self.send(&rows).await {
            Ok(Sent::There) => *turn = Turn::default(),
            Ok(Sent::Unsure) => {
                *turn = Turn { failures: 0, not_before: Some(clock::monotonic() + LOOK_AGAIN) };
                return;
            }
            Err(StoreError::Denied(why)) if matches!(why.cause, Cause::Right { .. }) => {
                // An expired token or an unknown key is refused too, but those rows are accepted
                // once that is mended.
                tracing::debug!(%why, "this machine may not write the audit log; its rows are dropped");
            }
            Err(error) => {
                tracing::debug!(%error, rows = rows.len(), "audit rows wait");
                turn.failures = (turn.failures + 1).min(5);
                turn.not_before = Some(clock::monotonic() + Duration::from_secs(1 << turn.failures));
                return;
            }
        }
        self.unsaved().retain(|row| !rows.contains(row));
        let removed =
            tasks::blocking(move || files.iter().try_for_each(|file| atomic::remove_soon(file).map(|_| ())));
        // What comes back is recognised by its text when it is sent again.
        if let Ok(Err(error)) = removed.await {
            tracing::warn!(%error, "cannot remove audit rows that were sent");
        }
    }

    /// Whether rows may be written here: the older client keeps its log under the same name,
    /// and its buckets are left alone.
    async fn is_ours(&self) -> Result<bool, StoreError> {
        if self.ours.get().is_some() {
            return Ok(true);
        }
        let store = &self.place.store;
        let ours = store.head(&self.place.pointer()).await?.is_some()
            || store.head(self.place.classic_pointer()).await?.is_none();
        if ours {
            self.ours.get_or_init(|| ());
        }
        Ok(ours)
    }

    async fn send(&self, rows: &[Row]) -> Result<Sent, StoreError> {
        if !self.is_ours().await? {
            tracing::debug!("the audit log is the older client's; rows for it are dropped");
            return Ok(Sent::There);
        }
        let key = self.place.audit();
        let mut last = StoreError::Conflict;
        // One look more than tries: a last write without an answer is looked at too.
        for attempt in 0..=TRIES {
            if attempt > 0 {
                let jitter = random::<1>().map_or(50, |[byte]| u64::from(byte));
                tokio::time::sleep(Duration::from_millis(jitter << attempt.min(3))).await;
            }
            let there = self.place.store.get(&key, LIMIT).await?;
            let condition = match &there {
                Some(object) => Condition::Matches(object.head.etag.clone()),
                None => Condition::Absent,
            };
            let body = audit::append(there.as_ref().map(|object| &object.body[..]), rows)
                .map_err(|error| StoreError::Failed(error.to_string()))?;
            if there.as_ref().is_some_and(|object| object.body == body) {
                return Ok(Sent::There);
            }
            if attempt == TRIES {
                break;
            }
            let metadata = Metadata::new();
            let guarded = self.place.guards(&condition);
            match self.place.store.put(&key, Bytes::from(body), &metadata, condition).await {
                Ok(_) if guarded => return Ok(Sent::There),
                Ok(_) => return Ok(Sent::Unsure),
                Err(error @ (StoreError::Conflict | StoreError::Unclear(_))) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// The rows in the bucket, or `None` when they cannot be had.
    pub async fn read(&self) -> Option<Vec<ReadRow>> {
        match self.place.store.get(&self.place.audit(), LIMIT).await {
            Ok(Some(object)) => Some(audit::read(&object.body)),
            Ok(None) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    /// Who pushed a version, as far as the log already says so.
    pub async fn author_of(&self, version: Version) -> Option<String> {
        let rows = tokio::time::timeout(LOOK, self.read()).await.ok()??;
        let name = version.to_string();
        let row = rows.iter().rev().find(|row| row.action == "push" && row.version_ts == name)?;
        Some(match (row.git_email.as_str(), row.os_user.as_str()) {
            ("", "") => return None,
            ("", user) => format!("{user} on {}", row.hostname),
            (email, _) => format!("{email} on {}", row.hostname),
        })
    }
}
