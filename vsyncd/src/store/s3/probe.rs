//! Asking a store what conditions on writes are worth there. Several stores take the headers
//! and overwrite all the same, so nobody is believed untried.

use bytes::Bytes;

use super::S3Store;
use crate::store::{Condition, Guard, Guards, Metadata, StoreError};

/// What the object says to a person who finds it.
const BODY: &[u8] = b"vsync writes this to learn whether the store keeps conditions on writes\n";
/// An entity tag that no object has.
const WRONG: &str = "00000000000000000000000000000000";

impl S3Store {
    pub(super) async fn find_guards(&self, key: &str) -> Result<Guards, StoreError> {
        let absent = match self.try_condition(key, Condition::Absent).await? {
            // There was none before, or the store did not care.
            Guard::Ignored => self.try_condition(key, Condition::Absent).await?,
            answer => answer,
        };
        let matches = self.try_condition(key, Condition::Matches(WRONG.to_owned())).await?;
        Ok(Guards { absent, matches })
    }

    /// Writes the object under a condition that does not hold, if it exists.
    async fn try_condition(&self, key: &str, condition: Condition) -> Result<Guard, StoreError> {
        if let Some(guard) = self.treatment(key, &condition).await? {
            return Ok(guard);
        }
        // Anything may fail once. It is for the condition's sake only if the same write goes
        // through without it and fails with it again.
        self.send(key, Bytes::from_static(BODY), &Metadata::new(), None).await?;
        Ok(self.treatment(key, &condition).await?.unwrap_or(Guard::Unsupported))
    }

    /// How the store treats one such write; `None` when it fails in a way of its own.
    async fn treatment(&self, key: &str, condition: &Condition) -> Result<Option<Guard>, StoreError> {
        match self.send(key, Bytes::from_static(BODY), &Metadata::new(), Some(condition)).await {
            Ok(_) => Ok(Some(Guard::Ignored)),
            Err(StoreError::Conflict) => Ok(Some(Guard::Kept)),
            Err(StoreError::Failed(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
