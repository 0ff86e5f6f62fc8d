//! The objects. Condition and write happen under one lock.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest as _, Md5};

/// An object as it lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawObject {
    /// The body.
    pub body: Bytes,
    /// User metadata: lower-case names without prefix.
    pub metadata: BTreeMap<String, String>,
    /// MD5 of the body in hex, unquoted.
    pub etag: String,
    /// When it was written.
    pub modified: SystemTime,
}

/// What a conditional write asks for.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// `If-Match`: `*` or an entity tag without quotes.
    pub(super) matches: Option<String>,
    /// `If-None-Match`: `*` or an entity tag without quotes.
    pub(super) none_match: Option<String>,
}

/// Why a conditional write was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `If-Match` names an object that does not exist.
    Absent,
    /// There is another object, or there is one at all.
    Failed,
}

/// The bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    objects: Mutex<BTreeMap<String, RawObject>>,
    ignores_conditions: AtomicBool,
    knows_no_conditions: AtomicBool,
    unlisted: AtomicBool,
    rekeyed: AtomicBool,
    hidden: AtomicBool,
}

impl Bucket {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, RawObject>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ignore_conditions(&self, ignore: bool) {
        self.ignores_conditions.store(ignore, Ordering::SeqCst);
    }

    pub(super) fn know_no_conditions(&self, none: bool) {
        self.knows_no_conditions.store(none, Ordering::SeqCst);
    }

    pub(super) fn knows_conditions(&self) -> bool {
        !self.knows_no_conditions.load(Ordering::SeqCst)
    }

    pub(super) fn unlist(&self, unlisted: bool) {
        self.unlisted.store(unlisted, Ordering::SeqCst);
    }

    pub(super) fn is_unlisted(&self) -> bool {
        self.unlisted.load(Ordering::SeqCst)
    }

    pub(super) fn rekey(&self) {
        self.rekeyed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_rekeyed(&self) -> bool {
        self.rekeyed.load(Ordering::SeqCst)
    }

    pub(super) fn hide(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::SeqCst);
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::SeqCst)
    }

    pub(super) fn get(&self, key: &str) -> Option<RawObject> {
        self.objects().get(key).cloned()
    }

    pub(super) fn remove(&self, key: &str) -> bool {
        self.objects().remove(key).is_some()
    }

    pub(super) fn put_raw(&self, key: &str, body: Bytes, metadata: BTreeMap<String, String>) -> String {
        let object = RawObject { etag: md5_hex(&body), body, metadata, modified: SystemTime::now() };
        let etag = object.etag.clone();
        self.objects().insert(key.to_owned(), object);
        etag
    }

    pub(super) fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: BTreeMap<String, String>,
        conditions: &Conditions,
    ) -> Result<String, Refusal> {
        let object = RawObject { etag: md5_hex(&body), body, metadata, modified: SystemTime::now() };
        let etag = object.etag.clone();
        let mut objects = self.objects();
        if !self.ignores_conditions.load(Ordering::SeqCst) {
            conditions.check(objects.get(key))?;
        }
        objects.insert(key.to_owned(), object);
        Ok(etag)
    }

    /// Keys under `prefix` that sort after `after`, with sizes; and whether there are more than
    /// `limit`.
    pub(super) fn list(&self, prefix: &str, after: &str, limit: usize) -> (Vec<(String, usize)>, bool) {
        let objects = self.objects();
        let start = if after.is_empty() { Bound::Unbounded } else { Bound::Excluded(after) };
        let mut found = objects
            .range::<str, _>((start, Bound::Unbounded))
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(key, object)| (key.clone(), object.body.len()));
        let page = found.by_ref().take(limit).collect();
        (page, found.next().is_some())
    }
}

impl Conditions {
    fn check(&self, present: Option<&RawObject>) -> Result<(), Refusal> {
        let is = |wanted: &str, object: &RawObject| wanted == "*" || wanted == object.etag;
        if let Some(wanted) = &self.matches {
            let object = present.ok_or(Refusal::Absent)?;
            if !is(wanted, object) {
                return Err(Refusal::Failed);
            }
        }
        match (&self.none_match, present) {
            (Some(unwanted), Some(object)) if is(unwanted, object) => Err(Refusal::Failed),
            _ => Ok(()),
        }
    }
}

fn md5_hex(body: &[u8]) -> String {
    Md5::digest(body).iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
