//! AWS Secrets Manager, over its JSON protocol.
//!
//! Text is stored as `SecretString`, anything else as `SecretBinary`, byte for byte. Every write carries a
//! token by which AWS recognises a repetition; the token becomes the version's id, which is the mark.

mod answer;
mod chain;
mod client;
mod place;
mod profile;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use self::answer::{Described, Meaning, Written};
use self::chain::Chain;
use self::client::{Client, Operation};
use self::place::Place;
use self::profile::Profile;
use super::http::{Answer, each};
use super::routing::{Routing, Surroundings};
use super::survey::survey;
use super::{Done, Mark, Seen, Target, TargetError, Write};

/// How often one write changes its form: create or put, this token or another.
const FORMS: usize = 4;

/// The secrets of a region.
#[derive(Debug)]
pub struct Aws {
    client: Client,
    place: Place,
    /// Those that [`Target::look`] found scheduled for deletion.
    scheduled: Mutex<BTreeSet<String>>,
}

/// A request, as far as the operations here need it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_request_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

impl Aws {
    /// Settles the region and finds credentials, which may be asked for elsewhere; asks Secrets Manager
    /// nothing yet.
    ///
    /// # Errors
    /// [`TargetError::Routing`], [`TargetError::NoCredential`], or what the giver of credentials says.
    pub async fn open(routing: &Routing, around: &Surroundings) -> Result<Self, TargetError> {
        let profile = Profile::find(around).await?;
        let place = Place::choose(routing, around, profile.as_ref()).await?;
        let chain = Chain::new(around, profile.as_ref(), &place.region);
        let client = Client::new(&place, chain).await?;
        Ok(Self { client, place, scheduled: Mutex::default() })
    }

    /// Asks for something about one secret.
    async fn ask(&self, operation: Operation, secret: &str) -> Result<Answer, TargetError> {
        let body = Body { secret_id: Some(secret), ..Body::default() };
        self.client.send(operation, &json(&body, 0)).await
    }

    fn unreadable(&self) -> TargetError {
        let what = "its answer is none of Secrets Manager".to_owned();
        TargetError::Failed { target: self.client.place().to_owned(), what, hint: None }
    }

    fn is_scheduled(&self, secret: &str) -> bool {
        self.scheduled.lock().unwrap_or_else(PoisonError::into_inner).contains(secret)
    }

    async fn describe_secret(&self, secret: &str) -> Result<Option<Option<Mark>>, TargetError> {
        let answer = self.ask(Operation::Describe, secret).await?;
        if answer.is_success() {
            let described: Described = answer.json().ok_or_else(|| self.unreadable())?;
            if described.is_deleted() {
                self.scheduled.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
                return Ok(None);
            }
            return Ok(Some(described.mark()));
        }
        match answer::meaning(&answer) {
            Meaning::Absent => Ok(None),
            _ => Err(self.client.refusal(&answer, secret)),
        }
    }

    async fn put(
        &self,
        name: &str,
        value: &Secret<Vec<u8>>,
        exists: bool,
        token: &str,
    ) -> Result<Option<Mark>, TargetError> {
        let secret = self.place.name(name);
        if self.is_scheduled(&secret) {
            return Err(answer::scheduled(self.client.place(), &secret));
        }
        let (mut there, mut token, mut own) = (exists, uuid(token), true);
        for _ in 0..FORMS {
            let operation = if there { Operation::Put } else { Operation::Create };
            let answer =
                self.client.send(operation, &write(operation, &secret, &token, value.expose())).await?;
            if answer.is_success() {
                let written: Written = answer.json().ok_or_else(|| self.unreadable())?;
                if !(there && own && written.is_overtaken()) {
                    return Ok(written.mark());
                }
                (token, own) = (another(&token), false);
                continue;
            }
            match answer::meaning(&answer) {
                Meaning::Absent if there => there = false,
                Meaning::Present if !there => there = true,
                // A version of this name was written with other bytes.
                Meaning::Present if own => (token, own) = (another(&token), false),
                _ => return Err(self.client.refusal(&answer, &secret)),
            }
        }
        Err(TargetError::Conflict { target: self.client.place().to_owned() })
    }

    async fn remove(&self, name: &str) -> Result<Option<Mark>, TargetError> {
        let secret = self.place.name(name);
        let answer = self.ask(Operation::Delete, &secret).await?;
        // One that is gone already, also by a first try whose answer was lost, is fine.
        let gone = matches!(answer::meaning(&answer), Meaning::Absent | Meaning::Scheduled);
        if answer.is_success() || gone { Ok(None) } else { Err(self.client.refusal(&answer, &secret)) }
    }

    async fn write(&self, write: Write) -> Done {
        match write {
            Write::Put { name, value, exists, token } => {
                let outcome = self.put(&name, &value, exists, &token).await;
                Done { name, outcome }
            }
            Write::Remove { name } => {
                let outcome = self.remove(&name).await;
                Done { name, outcome }
            }
        }
    }
}

fn write(operation: Operation, secret: &str, token: &str, value: &[u8]) -> Secret<Vec<u8>> {
    let text = std::str::from_utf8(value).ok();
    let encoded = Zeroizing::new(if text.is_none() { STANDARD.encode(value) } else { String::new() });
    let create = operation == Operation::Create;
    let body = Body {
        secret_id: Some(secret).filter(|_| !create),
        name: Some(secret).filter(|_| create),
        client_request_token: Some(token),
        secret_string: text,
        secret_binary: text.is_none().then_some(encoded.as_str()),
    };
    // A character takes six bytes at most (`\u0000`): the buffer never grows, so no copy stays behind.
    json(&body, value.len() * 6)
}

fn json(body: &Body<'_>, value: usize) -> Secret<Vec<u8>> {
    let mut json = Vec::with_capacity(value + 2048);
    // Texts and their absence can always be written.
    let _ = serde_json::to_writer(&mut json, body);
    Secret::new(json)
}

/// 32 hex digits as AWS likes a token: `8-4-4-4-12`.
fn uuid(token: &str) -> String {
    let parts = [token.get(..8), token.get(8..12), token.get(12..16), token.get(16..20), token.get(20..32)];
    parts.into_iter().collect::<Option<Vec<_>>>().map_or_else(|| token.to_owned(), |parts| parts.join("-"))
}

/// A token that was never used.
fn another(token: &str) -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Reversed it is at least another one.
        return token.chars().rev().collect();
    }
    uuid(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[async_trait]
impl Target for Aws {
    fn describe(&self) -> String {
        self.client.place().to_owned()
    }

    fn credential(&self) -> String {
        self.client.credential().to_owned()
    }

    async fn look(&self, names: &[String]) -> Result<Seen, TargetError> {
        survey(names, |name| async move { self.describe_secret(&self.place.name(&name)).await }).await
    }

    /// The form counts too: text that is stored as bytes is not what a program that reads text finds.
    async fn holds(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<bool>, TargetError> {
        let secret = self.place.name(name);
        let answer = self.ask(Operation::Get, &secret).await?;
        if !answer.is_success() {
            return match answer::meaning(&answer) {
                Meaning::Forbidden => Ok(None),
                Meaning::Absent | Meaning::Scheduled => Ok(Some(false)),
                _ => Err(self.client.refusal(&answer, &secret)),
            };
        }
        let held = answer.json::<Value>();
        let _wiped = Secret::new(answer.body);
        let Value { secret_string, secret_binary } = held.ok_or_else(|| self.unreadable())?;
        let (text, binary) = (secret_string.map(Secret::new), secret_binary.map(Secret::new));
        let value = value.expose();
        Ok(Some(match (std::str::from_utf8(value), text, binary) {
            (Ok(wanted), Some(text), _) => text.expose() == wanted,
            (Err(_), _, Some(binary)) => {
                STANDARD.decode(binary.expose()).is_ok_and(|held| *Secret::new(held).expose() == *value)
            }
            _ => false,
        }))
    }

    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        each(writes, |write| self.write(write), done).await;
    }
}
