//! From a folder in memory to the bucket: bundle first, then the pointer, and nothing half told.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use vsync_core::format::bundle;
use vsync_core::format::pointer::{self, Pointer, PushId};
use vsync_core::sync::{Problem, PublishPlan, RemoteMark};
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;

use super::remote::{Remote, mark, now_ms, random};
use super::unguarded::There;
use crate::store::{Condition, Metadata, StoreError};
use crate::tasks;

/// How often an unclear answer is followed up before it is left to the next start or poll.
pub(super) const TRIES: u32 = 4;
/// How many free names one push tries that others take first.
const TRIED_NAMES: u32 = 30;

/// A bundle that is in the bucket, without a pointer to it yet.
#[derive(Debug)]
pub struct Uploaded {
    /// The version it got.
    pub version: Version,
    /// Its entity tag.
    pub etag: String,
    /// Its bytes, to be kept here, and to be put back where the store let somebody else overwrite
    /// them.
    pub packed: Bytes,
}

/// What the pointer will say.
#[derive(Debug, Clone)]
pub struct NextPointer {
    /// Everything.
    pub pointer: Pointer,
    /// Its push id, by which our own write is recognised.
    pub push_id: String,
    pub(super) bundle: Bytes,
    pub(super) replaces: Option<RemoteMark>,
}

impl Remote {
    /// Seals and uploads the folder under the first free name from the planned version on.
    ///
    /// # Errors
    /// [`Problem::LostRace`] when names are taken because another push won; what the store or
    /// the archive says.
    pub async fn upload(&self, snapshot: Snapshot, plan: &PublishPlan) -> Result<Uploaded, Problem> {
        let key = self.key().await?;
        // A key that may not write this object may still write the others.
        if let Err(error) = self.place.store.probe(&self.place.probe()).await {
            tracing::debug!(%error, "it stays unknown whether the store keeps conditions on writes");
        }
        let mut version = plan.version;
        let mut snapshot = snapshot;
        for _ in 0..TRIED_NAMES {
            let iv = random::<12>()?;
            let key = key.clone();
            let packed = tasks::blocking(move || {
                let packed = bundle::pack(&snapshot, version, &key, iv);
                (packed, snapshot)
            });
            let (packed, back) = packed.await?;
            snapshot = back;
            let packed = Bytes::from(packed.map_err(|error| match error.kind() {
                "too_large" => Problem::TooLarge(error.to_string()),
                _ => Problem::Io(error.to_string()),
            })?);
            if packed.len() as u64 > self.limits.bundle {
                let text =
                    format!("the bundle has {} bytes, the limit is {}", packed.len(), self.limits.bundle);
                return Err(Problem::TooLarge(text));
            }
            match self.write_once(version, &packed).await? {
                Some(etag) => return Ok(Uploaded { version, etag, packed }),
                None => version = self.next_name(version, plan).await?,
            }
        }
        Err(Problem::StoreFailed(format!("no free version name after {}", plan.version)))
    }

    /// The first free name after one that is taken, if this push can still win. Bundles of pushes
    /// that lost stay in the bucket, so many names in a row may be taken.
    async fn next_name(&self, taken: Version, plan: &PublishPlan) -> Result<Version, Problem> {
        let there = self.head(false).await?;
        if there != plan.replaces {
            return Err(match self.pointer(false).await? {
                Some(there) => self.lost_to(there.pointer.version).await,
                None => pointer_removed(),
            });
        }
        let listed = self.place.store.list(&format!("{}v=", self.place.prefix())).await?;
        let names: BTreeSet<_> = listed.iter().filter_map(|(key, _)| self.place.version_of(key)).collect();
        let mut next = taken.successor();
        while names.contains(&next) && next != next.successor() {
            next = next.successor();
        }
        Ok(next)
    }

    pub(super) async fn lost_to(&self, winner: Version) -> Problem {
        Problem::LostRace { winner, author: self.audit.author_of(winner).await }
    }

    /// Puts a bundle that must be new; `None` when the name is taken by other bytes.
    async fn write_once(&self, version: Version, packed: &Bytes) -> Result<Option<String>, Problem> {
        let object = self.place.bundle(version);
        let metadata = Metadata::new();
        if !self.place.guards(&Condition::Absent) {
            return self.write_unguarded(&object, packed).await;
        }
        let mut last = StoreError::Conflict;
        for attempt in 0..TRIES {
            pause(attempt).await;
            match self.place.store.put(&object, packed.clone(), &metadata, Condition::Absent).await {
                Ok(etag) => return Ok(Some(etag)),
                // It may have arrived all the same.
                Err(error @ (StoreError::Conflict | StoreError::Unclear(_))) => {
                    match self.look_at(&object, packed).await {
                        Ok(There::Same(etag)) => return Ok(Some(etag)),
                        Ok(There::Other) => return Ok(None),
                        Ok(There::Nothing) => last = error,
                        Err(error) => last = error,
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    /// What the pointer to an uploaded bundle will say.
    ///
    /// # Errors
    /// When the key or random bytes cannot be had.
    pub async fn next_pointer(
        &self,
        plan: &PublishPlan,
        uploaded: &Uploaded,
    ) -> Result<NextPointer, Problem> {
        let push_id = PushId(random::<8>()?);
        let pointer = Pointer {
            version: uploaded.version,
            generation: Some(plan.generation),
            prev_generation: Some(plan.generation - 1),
            rotated_at: Some(now_ms()),
            prev: plan.prev,
            push_id: Some(push_id),
            bundle_etag: Some(uploaded.etag.clone()),
            key_id: Some(self.key().await?.id()),
        };
        Ok(NextPointer {
            pointer,
            push_id: push_id.to_string(),
            bundle: uploaded.packed.clone(),
            replaces: plan.replaces.clone(),
        })
    }

    /// Moves the pointer, if it is still the one that was to be replaced. Gives its new mark.
    ///
    /// # Errors
    /// [`Problem::LostRace`] when another push won; [`Problem::Unreachable`] when the outcome
    /// could not be learned: the pointer may have moved.
    pub async fn point(&self, next: &NextPointer) -> Result<RemoteMark, Problem> {
        let object = self.place.pointer();
        let body = Bytes::from(next.pointer.body());
        let metadata = next.pointer.metadata();
        let condition = match &next.replaces {
            Some(mark) => Condition::Matches(mark.etag.clone()),
            None => Condition::Absent,
        };
        if !self.place.guards(&condition) {
            return self.point_unguarded(next, &condition).await;
        }
        let mut unclear: Option<StoreError> = None;
        for attempt in 0..TRIES {
            pause(attempt).await;
            match self.place.store.put(&object, body.clone(), &metadata, condition.clone()).await {
                Ok(etag) => return Ok(mark(etag, &metadata)),
                Err(StoreError::Conflict) => {
                    if let Some(mark) = self.who_won(next).await? {
                        return Ok(mark);
                    }
                }
                // Nothing arrived, or its answer did not: the condition makes asking again safe.
                Err(error @ (StoreError::Unclear(_) | StoreError::Unreachable(_))) => {
                    unclear = Some(error);
                    match self.place.store.head(&object).await {
                        Ok(Some(head)) if is_ours(&head.metadata, next) => {
                            return Ok(mark(head.etag, &head.metadata));
                        }
                        Ok(_) | Err(_) => {}
                    }
                }
                // An earlier try may have arrived: then only a look can tell, not this refusal.
                Err(error) if unclear.is_some() => return Err(Problem::Unreachable(error.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
        let refused = "the store refuses to replace a pointer that nobody has changed".to_owned();
        Err(unclear.map_or(Problem::StoreFailed(refused), Problem::from))
    }

    /// After a refusal: the mark when the pointer is ours all the same, `None` when it is still the
    /// one that was to be replaced.
    pub(super) async fn who_won(&self, next: &NextPointer) -> Result<Option<RemoteMark>, Problem> {
        for attempt in 0..TRIES {
            pause(attempt).await;
            let read = self.pointer(false).await;
            let unmoved = match &read {
                Ok(there) => there.as_ref().map(|there| &there.remote.mark) == next.replaces.as_ref(),
                Err(Problem::BadPointer(mark)) => next.replaces.as_ref() == Some(mark),
                Err(_) => false,
            };
            match read {
                Ok(Some(there)) if there.remote.mark.push_id.as_ref() == Some(&next.push_id) => {
                    return Ok(Some(there.remote.mark));
                }
                _ if unmoved => return Ok(None),
                Ok(Some(there)) if there.pointer.prev == Some(next.pointer.version) => {
                    match self.holds_bundle(next).await {
                        // Ours was in place, and somebody has published over it since.
                        Ok(true) => return Ok(Some(replaced(next))),
                        Ok(false) => return Err(self.lost_to(there.pointer.version).await),
                        Err(_) => {}
                    }
                }
                Ok(Some(there)) => return Err(self.lost_to(there.pointer.version).await),
                Ok(None) => return Err(pointer_removed()),
                Err(Problem::Unreachable(_)) => {}
                Err(problem @ Problem::BadPointer(_)) => return Err(problem),
                // What is there could not be seen, so ours may be.
                Err(problem) => return Err(Problem::Unreachable(problem.to_string())),
            }
        }
        Err(Problem::Unreachable("another push won; its version could not be read".to_owned()))
    }
}

/// The mark of a pointer that was in place and is no more. Only its push id is known.
fn replaced(next: &NextPointer) -> RemoteMark {
    let (generation, push_id) = (next.pointer.generation, Some(next.push_id.clone()));
    RemoteMark { etag: String::new(), generation, push_id }
}

pub(super) fn pointer_removed() -> Problem {
    Problem::StoreFailed("the pointer was removed meanwhile".to_owned())
}

pub(super) fn is_ours(metadata: &Metadata, next: &NextPointer) -> bool {
    metadata.get(pointer::PUSH_ID) == Some(&next.push_id)
}

/// Waits before a repeated try; nothing before the first.
pub(super) async fn pause(attempt: u32) {
    if attempt > 0 {
        let jitter = random::<1>().map_or(0, |[byte]| u64::from(byte));
        tokio::time::sleep(Duration::from_millis((100 << attempt.min(4)) + jitter)).await;
    }
}
