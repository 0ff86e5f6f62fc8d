//! Publishing where the store does not hold writers to their conditions: look, write, and look
//! again after a moment that is different for everybody. Whoever was overwritten by then knows;
//! what is overwritten later is found out at the next look at the pointer.

use bytes::Bytes;
use md5::Digest as _;
use vsync_core::sync::{Problem, RemoteMark};

use super::publish::{NextPointer, TRIES, is_ours, pause};
use super::remote::{Remote, mark};
use crate::store::{Condition, Metadata, StoreError};

/// What is under the name of a bundle.
pub(super) enum There {
    Nothing,
    /// These very bytes, with this entity tag.
    Same(String),
    Other,
}

impl Remote {
    /// Puts a bundle under a name that nobody has; `None` when somebody has it.
    pub(super) async fn write_unguarded(
        &self,
        object: &str,
        packed: &Bytes,
    ) -> Result<Option<String>, Problem> {
        let metadata = Metadata::new();
        let mut last = StoreError::Conflict;
        for attempt in 0..=TRIES {
            pause(attempt).await;
            match self.look_at(object, packed).await {
                Ok(There::Same(etag)) => return Ok(Some(etag)),
                Ok(There::Other) => return Ok(None),
                Ok(There::Nothing) if attempt == TRIES => break,
                Ok(There::Nothing) => {}
                Err(error @ (StoreError::Unreachable(_) | StoreError::Unclear(_))) => {
                    last = error;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            match self.place.store.put(object, packed.clone(), &metadata, Condition::Absent).await {
                Ok(_) => {}
                Err(error @ (StoreError::Conflict | StoreError::Unclear(_))) => last = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    /// Whether the bundle under this push's name is its own. Where the store does not keep names
    /// to their first writer, another push of the same second may have won under the same one.
    pub(super) async fn holds_bundle(&self, next: &NextPointer) -> Result<bool, StoreError> {
        if self.place.guards(&Condition::Absent) {
            return Ok(true);
        }
        let object = self.place.bundle(next.pointer.version);
        Ok(matches!(self.look_at(&object, &next.bundle).await?, There::Same(_)))
    }

    /// What is there, without a download where the description tells.
    pub(super) async fn look_at(&self, object: &str, packed: &Bytes) -> Result<There, StoreError> {
        let Some(head) = self.place.store.head(object).await? else { return Ok(There::Nothing) };
        if head.size != packed.len() as u64 {
            return Ok(There::Other);
        }
        let own: String = md5::Md5::digest(packed).iter().map(|byte| format!("{byte:02x}")).collect();
        if head.etag == own {
            return Ok(There::Same(head.etag));
        }
        match self.place.store.get(object, head.size).await {
            Ok(Some(there)) if there.body == *packed => Ok(There::Same(there.head.etag)),
            // A larger one has taken its place since.
            Ok(Some(_)) | Err(StoreError::TooLarge { .. }) => Ok(There::Other),
            Ok(None) => Ok(There::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Moves the pointer if it is still the one that was to be replaced, and makes sure that it
    /// stays moved for a moment.
    pub(super) async fn point_unguarded(
        &self,
        next: &NextPointer,
        condition: &Condition,
    ) -> Result<RemoteMark, Problem> {
        let object = self.place.pointer();
        let (body, metadata) = (Bytes::from(next.pointer.body()), next.pointer.metadata());
        let mut wrote = false;
        let mut last = None;
        for attempt in 0..=TRIES {
            pause(attempt).await;
            let there = match self.place.store.head(&object).await {
                Ok(there) => there,
                Err(error) if wrote || attempt > 0 => {
                    last = Some(error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(head) = there.as_ref().filter(|head| is_ours(&head.metadata, next)) {
                self.keep_bundle(next).await;
                return Ok(mark(head.etag.clone(), &head.metadata));
            }
            if there.map(|head| mark(head.etag, &head.metadata)) != next.replaces
                && let Some(mark) = self.who_won(next).await?
            {
                return Ok(mark);
            }
            if attempt == TRIES {
                break;
            }
            match self.place.store.put(&object, body.clone(), &metadata, condition.clone()).await {
                Ok(_) | Err(StoreError::Conflict) => wrote = true,
                Err(error @ (StoreError::Unclear(_) | StoreError::Unreachable(_))) => {
                    wrote = true;
                    last = Some(error);
                }
                Err(error) if wrote => return Err(Problem::Unreachable(error.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
        let lost =
            last.map_or_else(|| "the pointer could not be written".to_owned(), |error| error.to_string());
        Err(Problem::Unreachable(lost))
    }

    /// Puts the bundle of a pointer that stands back, where a push that lost took its name at the
    /// same moment and wrote over it.
    async fn keep_bundle(&self, next: &NextPointer) {
        let object = self.place.bundle(next.pointer.version);
        for attempt in 0..TRIES {
            pause(attempt).await;
            let condition = match self.look_at(&object, &next.bundle).await {
                Ok(There::Same(_)) => return,
                Ok(There::Nothing) => Condition::Absent,
                Ok(There::Other) => match self.place.store.head(&object).await {
                    Ok(Some(head)) => Condition::Matches(head.etag),
                    Ok(None) | Err(_) => continue,
                },
                Err(_) => continue,
            };
            tracing::warn!(version = %next.pointer.version, "another push overwrote this bundle; putting it back");
            if let Err(error) =
                self.place.store.put(&object, next.bundle.clone(), &Metadata::new(), condition).await
            {
                tracing::warn!(%error, "cannot put the bundle back");
            }
        }
    }
}
