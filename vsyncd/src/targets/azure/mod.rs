//! Secrets of an Azure key vault, over its REST API.
//!
//! Values are text. Azure tells when a secret was last written, to the second: that is its mark, so a change
//! by somebody else within the same second as ours is not seen. Every write makes a version, so one whose
//! answer was lost is looked for before anything is sent again.

mod answer;
mod credential;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::Serialize;
use vsync_core::secret::Secret;

use self::answer::{Bundle, List};
use self::credential::Credential;
use self::place::Place;
use super::bearer::{Bearer, Call, Unanswered};
use super::http::{Answer, Http, each};
use super::percent::encoded;
use super::routing::{Routing, Surroundings};
use super::{Done, Mark, Seen, Target, TargetError, Write};

/// The version of the API that all of this is written for.
const VERSION: &str = "api-version=7.4";
/// More pages, of 25 secrets each, than any vault should have.
const PAGES: usize = 1000;
/// How often a value is sent at most, when it is sure that the one before did not arrive.
const TRIES: u32 = 3;
/// The wait before it is sent again, for each time that it was.
const WAIT: Duration = Duration::from_millis(250);

/// The secrets of a key vault.
#[derive(Debug)]
pub struct Azure {
    client: Bearer,
    place: Place,
}

#[derive(Serialize)]
struct Body<'a> {
    value: &'a str,
}

impl Azure {
    /// Settles the vault and finds a credential, which asks for a token; asks the vault nothing yet.
    ///
    /// # Errors
    /// [`TargetError::Routing`], [`TargetError::NoCredential`], or what the giver of tokens says.
    pub async fn open(routing: &Routing, around: &Surroundings) -> Result<Self, TargetError> {
        let place = Place::choose(routing)?;
        let http = Http::new(&place.base, &place.describe())?;
        let (credential, token) = Credential::find(&place, around).await?;
        let client = Bearer::new(http, Box::new(credential), &token, Vec::new())?;
        Ok(Self { client, place })
    }

    fn refusal(&self, answer: &Answer, secret: Option<&str>) -> TargetError {
        answer::refusal(answer, self.client.place(), self.place.name(), secret)
    }

    fn failed(&self, what: &str) -> TargetError {
        TargetError::Failed { target: self.client.place().to_owned(), what: what.to_owned(), hint: None }
    }

    fn path(name: &str) -> String {
        format!("/secrets/{}?{VERSION}", encoded(name))
    }

    /// Every secret's mark by its name in lower case: Azure does not tell cases apart.
    async fn list(&self) -> Result<BTreeMap<String, Option<Mark>>, TargetError> {
        let mut found = BTreeMap::new();
        let mut path = format!("/secrets?{VERSION}&maxresults=25");
        for _ in 0..PAGES {
            let answer = self.client.send(Call::get(path)).await?;
            if answer.status != 200 {
                return Err(self.refusal(&answer, None));
            }
            let page: List = answer.json().ok_or_else(|| self.failed("its answer is no list of secrets"))?;
            found.extend(page.value.into_iter().filter_map(answer::Listed::name_and_mark));
            let Some(link) = page.next_link.filter(|link| !link.is_empty()) else { return Ok(found) };
            path = self
                .place
                .path_of(&link)
                .ok_or_else(|| self.failed("its list goes on at another address, which is not followed"))?;
        }
        Err(self.failed("its list of secrets does not end"))
    }

    /// The current value; `None` inside when there is none, outside when it may not be read.
    async fn read(&self, name: &str) -> Result<Option<Option<Bundle>>, TargetError> {
        let answer = self.client.send(Call::get(Self::path(name))).await?;
        match answer.status {
            200 => {
                let bundle = answer.json::<Bundle>();
                let _wiped = Secret::new(answer.body);
                bundle.map(|bundle| Some(Some(bundle))).ok_or_else(|| self.failed("its answer is no secret"))
            }
            403 => Ok(None),
            404 => Ok(Some(None)),
            _ => Err(self.refusal(&answer, Some(name))),
        }
    }

    async fn put(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<Mark>, TargetError> {
        let text = std::str::from_utf8(value.expose())
            .map_err(|_| self.failed("the value is not UTF-8, and a key vault keeps text"))?;
        // A character takes six bytes at most (`\u0000`): the buffer never grows, so no copy stays behind.
        let mut json = Vec::with_capacity(text.len() * 6 + 64);
        // A text can always be written.
        let _ = serde_json::to_writer(&mut json, &Body { value: text });
        let json = Secret::new(json);
        let mut tries = 0;
        loop {
            tries += 1;
            let json = Some(json.clone());
            let call = Call { method: Method::PUT, path: Self::path(name), json, repeatable: false };
            let lost = match self.client.send(call).await {
                Ok(answer) if answer.is_success() => {
                    let bundle = answer.json::<Bundle>();
                    let _wiped = Secret::new(answer.body);
                    return Ok(bundle.and_then(|bundle| bundle.attributes.mark()));
                }
                Ok(answer) if answer.status < 500 => return Err(self.refusal(&answer, Some(name))),
                Ok(answer) => self.refusal(&answer, Some(name)),
                Err(Unanswered::NotDone(error)) => return Err(error),
                Err(Unanswered::Unclear(error)) => error,
            };
            match self.read(name).await? {
                Some(Some(held)) if held.value == text => return Ok(held.attributes.mark()),
                Some(_) if tries < TRIES => tokio::time::sleep(WAIT * tries).await,
                // Either it never arrives, or it may have arrived and may not be read.
                _ => return Err(lost),
            }
        }
    }

    async fn remove(&self, name: &str) -> Result<Option<Mark>, TargetError> {
        let call = Call { method: Method::DELETE, path: Self::path(name), json: None, repeatable: true };
        let answer = self.client.send(call).await?;
        // One that is gone already, also by a first try whose answer was lost, is fine.
        if answer.is_success() || answer.status == 404 {
            Ok(None)
        } else {
            Err(self.refusal(&answer, Some(name)))
        }
    }

    async fn write(&self, write: Write) -> Done {
        match write {
            Write::Put { name, value, .. } => {
                let outcome = self.put(&name, &value).await;
                Done { name, outcome }
            }
            Write::Remove { name } => {
                let outcome = self.remove(&name).await;
                Done { name, outcome }
            }
        }
    }
}

#[async_trait]
impl Target for Azure {
    fn describe(&self) -> String {
        self.client.place().to_owned()
    }

    /// Key Vault compares names without case.
    fn folds_case(&self) -> bool {
        true
    }

    fn credential(&self) -> String {
        self.client.credential()
    }

    async fn look(&self, names: &[String]) -> Result<Seen, TargetError> {
        let all = self.list().await?;
        let there = |name: &String| Some((name.clone(), all.get(&name.to_lowercase())?.clone()));
        Ok(Seen { present: names.iter().filter_map(there).collect() })
    }

    async fn holds(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<bool>, TargetError> {
        let held = self.read(name).await?;
        Ok(held.map(|held| held.is_some_and(|held| held.value.as_bytes() == value.expose().as_slice())))
    }

    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        each(writes, |write| self.write(write), done).await;
    }
}
