//! The bucket that all machines share, the lines to it, and what must hold of every write.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use md5::Digest as _;
use vsync_core::format::bundle::{self, Limits};
use vsync_core::format::envelope::Key;
use vsync_core::format::pointer::{self, Pointer};
use vsync_core::version::Version;

use super::content::{self, Content};
use crate::store::{Condition, Guards, Metadata, Object, ObjectHead, Store, StoreError};

/// Where a vault's objects lie.
pub(super) const PREFIX: &str = "vault/";
const POINTER: &str = "vault/manifest";

/// What goes wrong with one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The request does not arrive, and nobody says so.
    RequestLost,
    /// It is done; its answer does not arrive.
    AnswerLost,
    /// Its answer does not arrive, and it is done much later.
    Late,
    /// The store is overloaded and says so.
    Busy,
}

/// One machine's way to the bucket.
#[derive(Debug, Default)]
struct Line {
    down: bool,
    /// How long a request is on its way, and its answer as well.
    slow: Duration,
    /// What happens to the writes to come.
    writes: VecDeque<Option<Fault>>,
}

/// A write that arrives later.
#[derive(Debug)]
struct Delayed {
    key: String,
    body: Bytes,
    metadata: Metadata,
    condition: Condition,
}

/// The bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    key: Arc<Key>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    lines: Vec<Line>,
    delayed: Vec<Delayed>,
    /// Every pointer that ever was.
    pointers: Vec<Object>,
    greatest: u64,
    bundles: BTreeMap<Version, Content>,
    wrong: Vec<String>,
}

/// The bucket as one machine sees it.
#[derive(Debug, Clone)]
pub(super) struct Client {
    bucket: Arc<Bucket>,
    machine: usize,
}

impl Bucket {
    /// An empty bucket with a line for each machine.
    pub(super) fn new(key: Arc<Key>, machines: usize) -> Arc<Self> {
        let lines = (0..machines).map(|_| Line::default()).collect();
        Arc::new(Self { key, inner: Mutex::new(Inner { lines, ..Inner::default() }) })
    }

    /// A machine's way to it.
    pub(super) fn client(self: &Arc<Self>, machine: usize) -> Client {
        Client { bucket: Arc::clone(self), machine }
    }

    /// Cuts a line or mends it.
    pub(super) fn cut(&self, machine: usize, down: bool) {
        self.lock().lines[machine].down = down;
    }

    /// Makes a line slow or fast.
    pub(super) fn slow(&self, machine: usize, slow: Duration) {
        self.lock().lines[machine].slow = slow;
    }

    /// Lets so many writes of a machine go wrong, after `skip` that do not.
    pub(super) fn fail(&self, machine: usize, fault: Fault, (skip, times): (usize, usize)) {
        let writes = &mut self.lock().lines[machine].writes;
        writes.resize(writes.len().max(skip + times), None);
        writes.iter_mut().skip(skip).take(times).for_each(|write| *write = Some(fault));
    }

    /// All lines are as they should be.
    pub(super) fn mend(&self) {
        self.lock().lines.iter_mut().for_each(|line| *line = Line::default());
    }

    /// Writes that were under way all this time arrive.
    pub(super) fn deliver(&self) {
        let mut inner = self.lock();
        for write in std::mem::take(&mut inner.delayed) {
            // Nobody waits for the answer any more.
            let _ = inner.write(&self.key, &write.key, write.body, &write.metadata, &write.condition);
        }
    }

    /// Somebody puts an earlier pointer back, as after a restore of the bucket.
    pub(super) fn restore(&self, back: usize) {
        let mut inner = self.lock();
        let pointers = inner.pointers.len();
        if let Some(at) = pointers.checked_sub(1 + back % pointers.max(1)) {
            let pointer = inner.pointers[at].clone();
            inner.objects.insert(POINTER.to_owned(), pointer);
        }
    }

    /// The version that the pointer names.
    pub(super) fn version(&self) -> Option<Version> {
        self.lock().pointer().map(|pointer| pointer.version)
    }

    /// The newest version whose bundle is there.
    pub(super) fn newest(&self) -> Option<Version> {
        self.lock().bundles.keys().next_back().copied()
    }

    /// What a version's bundle holds.
    pub(super) fn bundle(&self, version: Version) -> Option<Content> {
        self.lock().bundles.get(&version).cloned()
    }

    /// Whether some bundle holds exactly this.
    pub(super) fn published(&self, content: &Content) -> bool {
        self.lock().bundles.values().any(|bundle| bundle == content)
    }

    /// Whether some bundle has this file.
    pub(super) fn keeps(&self, path: &str, bytes: &[u8]) -> bool {
        self.lock().bundles.values().any(|bundle| content::has(bundle, path, bytes))
    }

    /// What was written and should not have been.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.lock().wrong.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn pointer(&self) -> Option<Pointer> {
        let object = self.objects.get(POINTER)?;
        pointer::read(&object.body, &object.head.metadata).ok()
    }

    /// Writes if the condition holds, as S3 does: the entity tag says nothing of the metadata.
    fn write(
        &mut self,
        cipher: &Key,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: &Condition,
    ) -> Result<String, StoreError> {
        let present = self.objects.get(key).map(|object| object.head.etag.as_str());
        match (condition, present) {
            (Condition::Absent, None) => {}
            (Condition::Matches(wanted), Some(etag)) if wanted == etag => {}
            _ => return Err(StoreError::Conflict),
        }
        let etag = md5::Md5::digest(&body).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let head = ObjectHead { etag: etag.clone(), metadata: metadata.clone(), size: body.len() as u64 };
        let object = Object { head, body };
        if let Some(name) = key.strip_prefix("vault/v=") {
            self.check_bundle(cipher, name, &object);
        } else if key == POINTER {
            self.check_pointer(&object);
            self.pointers.push(object.clone());
        }
        self.objects.insert(key.to_owned(), object);
        Ok(etag)
    }

    fn check_bundle(&mut self, cipher: &Key, name: &str, object: &Object) {
        if self.objects.contains_key(&format!("{PREFIX}v={name}")) {
            self.wrong.push(format!("the bundle {name} is overwritten"));
        }
        let opened = name.parse().ok().and_then(|version: Version| {
            let opened = bundle::open(&object.body, cipher, version, Limits::default(), "vault/dev").ok()?;
            Some((version, content::of(&opened.snapshot)))
        });
        match opened {
            // What an overwritten bundle held is gone.
            Some((version, content)) => drop(self.bundles.insert(version, content)),
            None => self.wrong.push(format!("the bundle {name} does not open")),
        }
    }

    fn check_pointer(&mut self, object: &Object) {
        let before = self.pointer();
        let Ok(now) = pointer::read(&object.body, &object.head.metadata) else {
            return self.wrong.push("a pointer cannot be read".to_owned());
        };
        let (old, new) =
            (before.as_ref().and_then(|p| p.generation).unwrap_or(0), now.generation.unwrap_or(0));
        // Only where an earlier pointer was put back may numbers be left out: they were used.
        if new <= old || new > self.greatest + 1 || old == self.greatest && new != old + 1 {
            self.wrong.push(format!("generation {new} follows {old} (greatest {})", self.greatest));
        }
        self.greatest = self.greatest.max(new);
        if now.prev != before.map(|before| before.version) {
            self.wrong.push(format!("the pointer to {} says that it follows {:?}", now.version, now.prev));
        }
        let there =
            self.objects.get(&format!("{PREFIX}v={}", now.version)).map(|there| there.head.etag.clone());
        if there.is_none() || there != now.bundle_etag {
            self.wrong.push(format!("the pointer names {}, which is not there", now.version));
        }
    }
}

impl Client {
    /// One way of a request or an answer.
    async fn travel(&self) -> Result<(), StoreError> {
        let slow = self.bucket.lock().lines[self.machine].slow;
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        match self.bucket.lock().lines[self.machine].down {
            true => Err(StoreError::Unreachable("the line is cut".to_owned())),
            false => Ok(()),
        }
    }

    async fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> Result<T, StoreError> {
        self.travel().await?;
        let found = look(&self.bucket.lock());
        self.travel().await?;
        Ok(found)
    }
}

#[async_trait]
impl Store for Client {
    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, StoreError> {
        self.read(|inner| inner.objects.get(key).map(|object| object.head.clone())).await
    }

    async fn get(&self, key: &str, limit: u64) -> Result<Option<Object>, StoreError> {
        match self.read(|inner| inner.objects.get(key).cloned()).await? {
            Some(object) if object.head.size > limit => {
                Err(StoreError::TooLarge { size: object.head.size, limit })
            }
            found => Ok(found),
        }
    }

    async fn put(
        &self,
        key: &str,
        body: Bytes,
        metadata: &Metadata,
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.travel().await?;
        let lost = || StoreError::Unclear("no answer".to_owned());
        let written = {
            let mut inner = self.bucket.lock();
            let fault = inner.lines[self.machine].writes.pop_front().flatten();
            match fault {
                Some(Fault::RequestLost) => return Err(lost()),
                Some(Fault::Busy) => return Err(StoreError::Unreachable("slow down".to_owned())),
                Some(Fault::Late) => {
                    let (key, metadata) = (key.to_owned(), metadata.clone());
                    inner.delayed.push(Delayed { key, body, metadata, condition });
                    return Err(lost());
                }
                Some(Fault::AnswerLost) => {
                    let _ = inner.write(&self.bucket.key, key, body, metadata, &condition);
                    return Err(lost());
                }
                None => inner.write(&self.bucket.key, key, body, metadata, &condition),
            }
        };
        self.travel().await.map_err(|_| lost())?;
        written
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let under = |inner: &Inner| {
            let found = inner.objects.iter().filter(|(key, _)| key.starts_with(prefix));
            found.map(|(key, object)| (key.clone(), object.head.size)).collect()
        };
        self.read(under).await
    }

    fn guards(&self) -> Option<Guards> {
        Some(Guards::ALL)
    }

    async fn probe(&self, _key: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn describe(&self) -> String {
        "the bucket of a model".to_owned()
    }
}
