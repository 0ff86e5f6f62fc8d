//! What this machine learnt about the conditions of each bucket, in memory and on disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::disk::atomic;
use crate::store::Guards;
use crate::tasks;

/// The file is at most this large.
const LIMIT: u64 = 1 << 20;
/// After this long a store is asked again: servers are updated, and moved.
const BELIEVED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The answers of all buckets, by endpoint and bucket. Losing the file costs another probe.
#[derive(Debug, Default)]
pub(super) struct Known {
    file: Option<PathBuf>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    #[serde(flatten)]
    guards: Guards,
    at: Timestamp,
}

impl Known {
    /// Reads the file; what cannot be read is unknown. Blocks.
    pub(super) fn load(file: PathBuf) -> Self {
        let read = atomic::read_limited(&file, LIMIT).ok();
        let answers = read.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        Self { file: Some(file), answers: Mutex::new(answers) }
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<String, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the bucket answered, however long ago.
    pub(super) fn guards(&self, bucket: &str) -> Option<Guards> {
        self.answers().get(bucket).map(|answer| answer.guards)
    }

    /// Whether the bucket has to be asked.
    pub(super) fn is_due(&self, bucket: &str) -> bool {
        let fresh = |answer: &Answer| clock::now().duration_since(answer.at).abs() < BELIEVED;
        !self.answers().get(bucket).is_some_and(fresh)
    }

    /// Remembers an answer, or, with `None`, that the last one was contradicted.
    pub(super) async fn learn(self: &Arc<Self>, bucket: &str, guards: Option<Guards>) {
        match guards {
            Some(guards) => {
                self.answers().insert(bucket.to_owned(), Answer { guards, at: clock::now() });
            }
            None => {
                self.answers().remove(bucket);
            }
        }
        let this = Arc::clone(self);
        if let Ok(Err(error)) = tasks::blocking(move || this.save()).await {
            tracing::warn!(%error, "cannot remember how a store treats conditional writes");
        }
    }

    fn save(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(folder) = file.parent() {
            atomic::create_private_dirs(folder)?;
        }
        // Held while writing, so that the file's last content is the last answer.
        let answers = self.answers();
        let mut json = serde_json::to_vec_pretty(&*answers)?;
        json.push(b'\n');
        atomic::write(file, &json, 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Guard;

    #[tokio::test]
    async fn answers_survive_a_restart_and_a_damaged_file_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/stores.json");
        let odd = Guards { absent: Guard::Kept, matches: Guard::Ignored };
        let known = Arc::new(Known::load(file.clone()));
        assert!(known.is_due("a") && known.guards("a").is_none());
        known.learn("a", Some(odd)).await;
        let again = Arc::new(Known::load(file.clone()));
        assert_eq!((again.guards("a"), again.is_due("a"), again.is_due("b")), (Some(odd), false, true));
        again.learn("a", None).await;
        assert_eq!(Known::load(file.clone()).guards("a"), None);
        atomic::write(&file, b"{\"a\":", 0o600).unwrap();
        assert_eq!(Known::load(file).guards("a"), None);
    }

    #[test]
    fn an_old_answer_is_used_and_asked_again() {
        let known = Known::default();
        let at = clock::now() - SignedDuration::from_hours(31 * 24);
        known.answers().insert("a".to_owned(), Answer { guards: Guards::ALL, at });
        assert_eq!((known.guards("a"), known.is_due("a")), (Some(Guards::ALL), true));
    }
}
