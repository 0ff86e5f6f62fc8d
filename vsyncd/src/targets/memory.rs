//! Secrets in memory, for tests of what sits on a target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vsync_core::secret::Secret;

use super::http::each;
use super::{Done, Mark, Seen, Target, TargetError, Write};

/// A target that lives as long as its last clone. Clones share the secrets and everything else.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryTarget(Arc<Mutex<Inner>>);

/// What it holds, and what goes wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// Value and number of its write.
    pub(crate) secrets: BTreeMap<String, (Vec<u8>, u64)>,
    /// Every write that was tried, in order.
    pub(crate) tried: Vec<String>,
    /// The tokens of the puts, in order.
    pub(crate) tokens: Vec<String>,
    /// How often `look` was asked.
    pub(crate) looks: usize,
    /// The names that `holds` was asked about.
    pub(crate) asked: Vec<String>,
    /// It tells no marks.
    pub(crate) markless: bool,
    /// It tells whether a value is held.
    pub(crate) tells: bool,
    /// As [`Target::reads_values`].
    pub(crate) reads: bool,
    /// What it finds and the run replaces.
    pub(crate) others: Vec<String>,
    /// What `look` fails with.
    pub(crate) denied: Option<TargetError>,
    /// Writes of these fail, with nothing done.
    pub(crate) refuses: BTreeSet<String>,
    /// Writes of these are done and fail all the same: the answer is lost.
    pub(crate) loses: BTreeSet<String>,
    /// Writes of these are refused as not allowed.
    pub(crate) forbids: BTreeSet<String>,
    /// An error quotes the value.
    pub(crate) babbles: bool,
    /// Writes wait for this to be given a permit each.
    pub(crate) gate: Option<Arc<tokio::sync::Semaphore>>,
    writes: u64,
}

impl MemoryTarget {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody else writes.
    pub(crate) fn put(&self, name: &str, value: &[u8]) {
        self.inner().put(name, value.to_vec());
    }

    /// What is there, as text.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        self.inner().secrets.iter().map(|(name, (value, _))| (name.clone(), text(value))).collect()
    }

    async fn write(&self, write: Write) -> Done {
        let gate = self.inner().gate.clone();
        if let Some(gate) = gate
            && let Ok(permit) = gate.acquire().await
        {
            permit.forget();
        }
        let mut inner = self.inner();
        let (name, value) = match write {
            Write::Put { name, value, token, .. } => {
                inner.tokens.push(token);
                (name, Some(value))
            }
            Write::Remove { name } => (name, None),
        };
        inner.tried.push(name.clone());
        let forbidden = inner.forbids.contains(&name);
        let (refused, lost) = (forbidden || inner.refuses.contains(&name), inner.loses.contains(&name));
        let quoted = value.as_ref().filter(|_| inner.babbles);
        let quoted = quoted.map(|value| String::from_utf8_lossy(value.expose()).into_owned());
        if !refused {
            match value {
                Some(value) => inner.put(&name, value.expose().clone()),
                None => drop(inner.secrets.remove(&name)),
            }
        }
        let outcome = if forbidden {
            Err(TargetError::Denied { target: "memory".into(), what: "HTTP 403".into(), hint: None })
        } else if refused || lost {
            let what = format!("HTTP 500 {}", quoted.unwrap_or_default());
            Err(TargetError::Failed { target: "memory".into(), what, hint: None })
        } else {
            Ok(inner.mark(&name))
        };
        Done { name, outcome }
    }
}

impl Inner {
    fn put(&mut self, name: &str, value: Vec<u8>) {
        self.writes += 1;
        self.secrets.insert(name.to_owned(), (value, self.writes));
    }

    fn mark(&self, name: &str) -> Option<Mark> {
        let (_, number) = self.secrets.get(name)?;
        (!self.markless).then(|| Mark(number.to_string()))
    }
}

#[async_trait]
impl Target for MemoryTarget {
    fn describe(&self) -> String {
        "secrets in memory".into()
    }

    fn credential(&self) -> String {
        "nowhere".into()
    }

    fn reads_values(&self) -> bool {
        self.inner().reads
    }

    fn others(&self) -> Vec<String> {
        self.inner().others.clone()
    }

    async fn look(&self, _names: &[String]) -> Result<Seen, TargetError> {
        let mut inner = self.inner();
        inner.looks += 1;
        if let Some(error) = &inner.denied {
            return Err(error.clone());
        }
        let present = inner.secrets.keys().map(|name| (name.clone(), inner.mark(name))).collect();
        Ok(Seen { present })
    }

    async fn holds(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<bool>, TargetError> {
        let mut inner = self.inner();
        inner.asked.push(name.to_owned());
        let held = inner.secrets.get(name).map(|(held, _)| held == value.expose());
        Ok(held.filter(|_| inner.tells || inner.reads))
    }

    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        each(writes, |write| self.write(write), done).await;
    }
}
