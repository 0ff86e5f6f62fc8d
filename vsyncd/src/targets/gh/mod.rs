//! GitHub Actions secrets, of an environment or of a repository, over the REST API.
//!
//! GitHub never gives a value back. It tells when a secret was last written, to the second: that is its
//! mark, so a change by somebody else within the same second as ours is not seen. Writing the same value
//! again changes nothing but that time, so every write may be repeated.

mod answer;
mod client;
mod credential;
mod place;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use vsync_core::secret::Secret;

use self::client::Client;
use self::credential::Credential;
use self::place::{Api, Repository, Scope};
use self::seal::{Published, SealingKey};
use super::http::each;
use super::percent::encoded;
use super::routing::{GhScope, Routing, Surroundings};
use super::{Done, Mark, Seen, Target, TargetError, Write};

/// How many writes are settled together: after them the list is read once for their marks.
const BATCH: usize = 48;
/// Secrets of a page of the list, the most that GitHub gives.
const PAGE: usize = 100;
/// More pages than any place may have secrets for.
const PAGES: usize = 50;

/// The secrets of a repository or of one of its environments.
#[derive(Debug)]
pub struct GitHub {
    client: Client,
    repository: Repository,
    scope: Scope,
    create_environment: bool,
    /// Set when `look` found that the environment has to be made first.
    environment_missing: Mutex<bool>,
    key: tokio::sync::Mutex<Key>,
}

/// The sealing key of a run.
#[derive(Debug, Default)]
struct Key {
    current: Option<SealingKey>,
    refetched: bool,
}

/// What a settled write was.
enum Settled {
    Put,
    Removed,
}

#[derive(Deserialize)]
struct List {
    total_count: usize,
    secrets: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    updated_at: Option<String>,
}

/// The host that a repository's name holds, when it is written with one.
pub fn host_of(repository: &str) -> Option<String> {
    Repository::parse(Some(repository)).ok()?.host().map(str::to_owned)
}

impl GitHub {
    /// Finds the API and a credential for it; asks GitHub nothing yet.
    ///
    /// # Errors
    /// [`TargetError::Routing`] or [`TargetError::NoCredential`].
    pub async fn open(routing: &Routing, around: &Surroundings) -> Result<Self, TargetError> {
        let repository = Repository::parse(routing.gh_repo.as_deref())?;
        let api = Api::choose(routing.base_url.as_deref(), &repository, around.variable("GH_HOST"));
        let scope = match routing.gh_scope {
            GhScope::Environment => Scope::Environment(routing.env.clone()),
            GhScope::Repository => Scope::Repository,
        };
        let whose = match &scope {
            Scope::Environment(name) => format!("GitHub environment {name} of {}", repository.full_name()),
            Scope::Repository => format!("GitHub repository {}", repository.full_name()),
        };
        let credential = Credential::find(around, &api).await?;
        Ok(Self {
            client: Client::new(&api.base, format!("{whose}{}", api.suffix()), credential)?,
            repository,
            scope,
            create_environment: routing.create_environment,
            environment_missing: Mutex::new(false),
            key: tokio::sync::Mutex::default(),
        })
    }

    fn path(&self) -> String {
        self.repository.secrets_path(&self.scope)
    }

    /// Reads the sealing key; `None` when what it belongs to is not there.
    async fn fetch_key(&self) -> Result<Option<SealingKey>, TargetError> {
        let answer = self.client.get(&format!("{}/public-key", self.path())).await?;
        match answer.status {
            404 => Ok(None),
            200 => {
                let key = answer.json::<Published>().and_then(SealingKey::read);
                key.map(Some).ok_or_else(|| self.client.unreadable("the public key"))
            }
            _ => Err(self.client.refusal(&answer)),
        }
    }

    /// Finds out what is behind a 404: GitHub says the same of what is missing and of what may not be
    /// seen. `Ok` when it is only the environment, which may be made.
    async fn explain_missing(&self) -> Result<(), TargetError> {
        let repository = self.client.get(&self.repository.path()).await?;
        if repository.status == 404 {
            return Err(self.client.missing(
                "there is no such repository, or the token may not see it",
                "check --gh-repo; a fine-grained token must be given this repository, a classic one the scope repo",
            ));
        }
        if repository.status != 200 {
            return Err(self.client.refusal(&repository));
        }
        let Scope::Environment(name) = &self.scope else { return Err(self.client.may_not()) };
        let environment = self.client.get(&self.repository.environment_path(name)).await?;
        match environment.status {
            200 => Err(self.client.may_not()),
            404 if self.create_environment => Ok(()),
            404 => Err(self.client.missing(
                &format!("the repository has no environment '{name}'"),
                "make it with --create-environment, or write repository secrets with --gh-scope=repo",
            )),
            _ => Err(self.client.refusal(&environment)),
        }
    }

    /// When each secret was last written, by its name in capitals, as GitHub keeps it.
    async fn times(&self) -> Result<BTreeMap<String, Option<Mark>>, TargetError> {
        let mut found = BTreeMap::new();
        for page in 1..=PAGES {
            let answer = self.client.get(&format!("{}?per_page={PAGE}&page={page}", self.path())).await?;
            if answer.status != 200 {
                return Err(self.client.refusal(&answer));
            }
            let list: List = answer.json().ok_or_else(|| self.client.unreadable("the list of secrets"))?;
            let last = list.secrets.len() < PAGE;
            found.extend(
                list.secrets.into_iter().map(|one| (one.name.to_uppercase(), one.updated_at.map(Mark))),
            );
            if last || found.len() >= list.total_count {
                break;
            }
        }
        Ok(found)
    }

    /// What has to be there before the first write: the environment and the sealing key.
    async fn prepare(&self) -> Result<(), TargetError> {
        let missing = *self.environment_missing.lock().unwrap_or_else(PoisonError::into_inner);
        if let (true, Scope::Environment(name)) = (missing, &self.scope) {
            let path = self.repository.environment_path(name);
            let answer = self.client.send(Method::PUT, &path, None).await?;
            if !answer.is_success() {
                return Err(self.client.refusal(&answer));
            }
            *self.environment_missing.lock().unwrap_or_else(PoisonError::into_inner) = false;
        }
        let mut key = self.key.lock().await;
        if key.current.is_none() {
            let fetched = self.fetch_key().await?;
            key.current = Some(fetched.ok_or_else(|| self.client.may_not())?);
        }
        Ok(())
    }

    /// The key that took the place of the one with this id, asked for once in a run.
    async fn newer_key(&self, id: &str) -> Result<Option<SealingKey>, TargetError> {
        let mut key = self.key.lock().await;
        if !key.refetched && key.current.as_ref().is_some_and(|current| current.id == id) {
            key.refetched = true;
            key.current = self.fetch_key().await?;
        }
        Ok(key.current.clone().filter(|current| current.id != id))
    }

    async fn put(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Settled, TargetError> {
        let path = format!("{}/{}", self.path(), encoded(name));
        let mut key = self.key.lock().await.current.clone();
        while let Some(current) = key {
            let body =
                current.seal(value.expose()).ok_or_else(|| self.client.unreadable("the public key"))?;
            let answer = self.client.send(Method::PUT, &path, Some(body)).await?;
            if answer.is_success() {
                return Ok(Settled::Put);
            }
            // The answer of one whose key was changed between reading it and using it, among others.
            let newer = if answer.status == 422 { self.newer_key(&current.id).await? } else { None };
            if newer.is_none() {
                return Err(self.client.refusal(&answer));
            }
            key = newer;
        }
        Err(self.client.unreadable("the public key"))
    }

    async fn remove(&self, name: &str) -> Result<Settled, TargetError> {
        let path = format!("{}/{}", self.path(), encoded(name));
        let answer = self.client.send(Method::DELETE, &path, None).await?;
        match answer.status {
            // Gone already, also by a first try whose answer was lost.
            204 | 404 => Ok(Settled::Removed),
            _ => Err(self.client.refusal(&answer)),
        }
    }

    async fn settle(&self, write: Write) -> (String, Result<Settled, TargetError>) {
        match write {
            Write::Put { name, value, .. } => {
                let outcome = self.put(&name, &value).await;
                (name, outcome)
            }
            Write::Remove { name } => {
                let outcome = self.remove(&name).await;
                (name, outcome)
            }
        }
    }

    /// Writes some secrets and then reads the list once for their marks.
    async fn settle_all(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        let mut put = Vec::new();
        each(
            writes,
            |write| self.settle(write),
            |(name, outcome)| match outcome {
                Ok(Settled::Put) => put.push(name),
                Ok(Settled::Removed) => done(Done { name, outcome: Ok(None) }),
                Err(error) => done(Done { name, outcome: Err(error) }),
            },
        )
        .await;
        if put.is_empty() {
            return;
        }
        // The writes are done whatever becomes of this: a mark that cannot be read is only not known.
        let times = self.times().await.unwrap_or_default();
        for name in put {
            let mark = times.get(&name.to_uppercase()).cloned().flatten();
            done(Done { name, outcome: Ok(mark) });
        }
    }
}

#[async_trait]
impl Target for GitHub {
    fn describe(&self) -> String {
        self.client.place().to_owned()
    }

    fn credential(&self) -> String {
        self.client.credential_place().to_owned()
    }

    fn folds_case(&self) -> bool {
        true
    }

    async fn look(&self, names: &[String]) -> Result<Seen, TargetError> {
        let Some(key) = self.fetch_key().await? else {
            self.explain_missing().await?;
            *self.environment_missing.lock().unwrap_or_else(PoisonError::into_inner) = true;
            return Ok(Seen::default());
        };
        self.key.lock().await.current = Some(key);
        let times = self.times().await?;
        let there = |name: &String| Some((name.clone(), times.get(&name.to_uppercase())?.clone()));
        Ok(Seen { present: names.iter().filter_map(there).collect() })
    }

    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        if let Err(error) = self.prepare().await {
            for write in writes {
                done(Done { name: write.into_name(), outcome: Err(error.clone()) });
            }
            return;
        }
        let mut writes = writes.into_iter();
        loop {
            let batch: Vec<Write> = writes.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return;
            }
            self.settle_all(batch, done).await;
        }
    }
}
