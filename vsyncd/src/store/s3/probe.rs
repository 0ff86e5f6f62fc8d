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
        if absent == Guard::Unsupported {
            // There has to be an object for the other condition to fail on.
            self.send(key, Bytes::from_static(BODY), &Metadata::new(), None).await?;
        }
        let matches = self.try_condition(key, Condition::Matches(WRONG.to_owned())).await?;
        Ok(Guards { absent, matches })
    }

    /// Writes the object under a condition that does not hold, if it exists.
    async fn try_condition(&self, key: &str, condition: Condition) -> Result<Guard, StoreError> {
        match self.send(key, Bytes::from_static(BODY), &Metadata::new(), Some(&condition)).await {
            Ok(_) => Ok(Guard::Ignored),
            Err(StoreError::Conflict) => Ok(Guard::Kept),
            Err(StoreError::Failed(_)) => Ok(Guard::Unsupported),
            Err(error) => Err(error),
        }
    }
}
