//! Google Cloud Secret Manager, over its REST API (`v1`).
//!
//! A secret is made with automatic replication; each value is a version of its own, sent with a CRC32C that
//! the service checks. Versions are numbered, so a write whose answer was lost is looked for before
//! anything is sent again.

mod answer;
mod crc32c;
mod credential;
mod key_file;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use self::answer::Version;
use self::crc32c::crc32c;
use self::credential::Credential;
use self::place::Place;
use super::bearer::{Bearer, Call, Unanswered};
use super::http::{Answer, Http, each};
use super::routing::{Routing, Surroundings};
use super::survey::survey;
use super::{Done, Mark, Seen, Target, TargetError, Write};

/// How often a version is sent at most, when it is sure that the one before did not arrive.
const TRIES: u32 = 3;

/// The secrets of a project.
#[derive(Debug)]
pub struct Gcp {
    client: Bearer,
    place: Place,
    /// The number of each secret's newest version, by name.
    numbers: Mutex<BTreeMap<String, u64>>,
}

impl Gcp {
    /// Settles the project and finds a credential, which may ask for a token; asks Secret Manager nothing
    /// yet.
    ///
    /// # Errors
    /// [`TargetError::Routing`], [`TargetError::NoCredential`], or what the giver of tokens says.
    pub async fn open(routing: &Routing, around: &Surroundings) -> Result<Self, TargetError> {
        let place = Place::choose(routing, around)?;
        let http = Http::new(&place.base, &place.describe())?;
        let (credential, token) = Credential::find(around).await?;
        let payer = credential.quota_project().and_then(|project| HeaderValue::from_str(project).ok());
        let payer = payer.map(|project| (HeaderName::from_static("x-goog-user-project"), project));
        let client = Bearer::new(http, Box::new(credential), &token, payer.into_iter().collect())?;
        Ok(Self { client, place, numbers: Mutex::default() })
    }

    fn refusal(&self, answer: &Answer) -> TargetError {
        answer::refusal(answer, self.client.place(), &self.place.project)
    }

    fn failed(&self, what: &str) -> TargetError {
        TargetError::Failed { target: self.client.place().to_owned(), what: what.to_owned(), hint: None }
    }

    /// The newest version of a secret; `None` when it has none or is not there, of which the service says
    /// the same.
    async fn newest(&self, name: &str) -> Result<Option<Version>, TargetError> {
        let path = format!("{}/versions/latest", self.place.secret(name));
        let answer = self.client.send(Call::get(path)).await?;
        match answer.status {
            404 => Ok(None),
            200 => {
                let version = answer.json::<Version>().filter(|version| version.mark().is_some());
                version.map(Some).ok_or_else(|| self.failed("its answer is no version of a secret"))
            }
            _ => Err(self.refusal(&answer)),
        }
    }

    fn number(&self, name: &str) -> u64 {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
    }

    fn note(&self, name: &str, version: &Version) -> Option<Mark> {
        let number = version.number()?;
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), number);
        version.mark()
    }

    /// Makes a secret without versions; one that is there already is fine too.
    async fn create(&self, name: &str) -> Result<(), TargetError> {
        let body = Secret::new(br#"{"replication":{"automatic":{}}}"#.to_vec());
        let call =
            Call { method: Method::POST, path: self.place.create(name), json: Some(body), repeatable: true };
        let answer = self.client.send(call).await?;
        if answer.is_success() || answer.status == 409 { Ok(()) } else { Err(self.refusal(&answer)) }
    }

    async fn put(
        &self,
        name: &str,
        value: &Secret<Vec<u8>>,
        exists: bool,
    ) -> Result<Option<Mark>, TargetError> {
        let mut there = exists;
        let mut tries = 0;
        loop {
            tries += 1;
            if !there {
                self.create(name).await?;
            }
            let call = Call {
                method: Method::POST,
                path: format!("{}:addVersion", self.place.secret(name)),
                json: Some(body(value.expose())),
                // Every repetition would make one version more.
                repeatable: false,
            };
            let lost = match self.client.send(call).await {
                Ok(answer) if answer.status == 404 && there => {
                    there = false;
                    continue;
                }
                Ok(answer) if answer.is_success() => return self.confirmed(name, value, &answer).await,
                Ok(answer) if answer.status < 500 => return Err(self.refusal(&answer)),
                Ok(answer) => self.refusal(&answer),
                Err(Unanswered::NotDone(error)) => return Err(error),
                Err(Unanswered::Unclear(error)) => error,
            };
            there = true;
            match self.settle(name, value).await? {
                Some(mark) => return Ok(Some(mark)),
                None if tries >= TRIES => return Err(lost),
                None => {}
            }
        }
    }

    /// The mark of a version that was added, when the service says that it got the checksum too.
    async fn confirmed(
        &self,
        name: &str,
        value: &Secret<Vec<u8>>,
        answer: &Answer,
    ) -> Result<Option<Mark>, TargetError> {
        let Some(version) = answer.json::<Version>() else {
            return self.settle(name, value).await;
        };
        let mark = self.note(name, &version);
        if version.client_specified_payload_checksum || self.holds(name, value).await? == Some(true) {
            return Ok(mark);
        }
        Err(self.failed("it did not confirm the checksum of the value"))
    }

    /// Finds out whether a version whose answer was lost has arrived: its mark, or `None` when it has not.
    async fn settle(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<Mark>, TargetError> {
        let before = self.number(name);
        let Some(newest) = self.newest(name).await? else { return Ok(None) };
        match newest.number() {
            Some(number) if number > before => {}
            _ => return Ok(None),
        }
        let ours = match self.holds(name, value).await? {
            Some(ours) => ours,
            // It may not be read. The number that follows the last one known is ours; anything else would
            // need somebody who wrote at the same moment.
            None => newest.number() == before.checked_add(1),
        };
        if ours {
            return Ok(self.note(name, &newest));
        }
        Err(TargetError::Conflict { target: self.client.place().to_owned() })
    }

    async fn remove(&self, name: &str) -> Result<Option<Mark>, TargetError> {
        let call =
            Call { method: Method::DELETE, path: self.place.secret(name), json: None, repeatable: true };
        let answer = self.client.send(call).await?;
        // One that is gone already, also by a first try whose answer was lost, is fine.
        if answer.is_success() || answer.status == 404 { Ok(None) } else { Err(self.refusal(&answer)) }
    }

    async fn write(&self, write: Write) -> Done {
        match write {
            Write::Put { name, value, exists, .. } => {
                let outcome = self.put(&name, &value, exists).await;
                Done { name, outcome }
            }
            Write::Remove { name } => {
                let outcome = self.remove(&name).await;
                Done { name, outcome }
            }
        }
    }
}

/// The body of a new version. Its size is known before, so that no copy of the value stays behind.
fn body(value: &[u8]) -> Secret<Vec<u8>> {
    let data = Zeroizing::new(STANDARD.encode(value));
    let tail = format!("\",\"dataCrc32c\":\"{}\"}}}}", crc32c(value));
    let parts = ["{\"payload\":{\"data\":\"", &data, &tail];
    let mut body = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| body.extend_from_slice(part.as_bytes()));
    Secret::new(body)
}

#[async_trait]
impl Target for Gcp {
    fn describe(&self) -> String {
        self.client.place().to_owned()
    }

    fn credential(&self) -> String {
        self.client.credential()
    }

    async fn look(&self, names: &[String]) -> Result<Seen, TargetError> {
        survey(names, |name| async move {
            let newest = self.newest(&name).await?;
            Ok(newest.map(|version| self.note(&name, &version)))
        })
        .await
    }

    async fn holds(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<bool>, TargetError> {
        let path = format!("{}/versions/latest:access", self.place.secret(name));
        let answer = self.client.send(Call::get(path)).await?;
        match answer.status {
            200 => {
                let held = answer::payload(answer);
                let held = held.ok_or_else(|| self.failed("a value came with a checksum of another"))?;
                Ok(Some(held.expose() == value.expose()))
            }
            403 => Ok(None),
            404 => Ok(Some(false)),
            400 if answer::is_out_of_use(&answer) => Ok(Some(false)),
            _ => Err(self.refusal(&answer)),
        }
    }

    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        each(writes, |write| self.write(write), done).await;
    }
}
