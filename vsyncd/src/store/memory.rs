//! Objects in memory, for tests of what sits on a store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::etag::entity_tag;
use super::{Condition, Guards, Metadata, Object, ObjectHead, Store, StoreError};

/// A store that lives as long as its last clone. Clones share the objects.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<BTreeMap<String, Object>>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError> {
        Ok(self.objects().get(key).map(|object| object.head.clone()))
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        match self.objects().get(key) {
            Some(object) if object.head.size > limit => {
                Err(StoreError::TooLarge { size: object.head.size, limit })
            }
            found => Ok(found.cloned()),
        }
    }

    async fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let etag = entity_tag(metadata, &body);
        let head = ObjectHead { etag: etag.clone(), metadata: metadata.clone(), size: body.len() as u64 };
        let mut objects = self.objects();
        condition.check(objects.get(key).map(|object| object.head.etag.as_str()))?;
        objects.insert(key.to_owned(), Object { head, body });
        Ok(etag)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let objects = self.objects();
        let under = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(under.map(|(key, object)| (key.clone(), object.head.size)).collect())
    }

    fn guards(&self) -> Option<Guards> {
        Some(Guards::ALL)
    }

    async fn probe(&self, _key: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{Bench, conformance_tests};

    conformance_tests!(Bench::new(MemoryStore::new(), ()));
}
