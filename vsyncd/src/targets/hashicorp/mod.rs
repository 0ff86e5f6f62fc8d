//! HashiCorp Vault or OpenBao: all secrets are keys of one KV secret (engine version 2).
//!
//! A run reads the whole map, lays its own keys over it and writes it once, on the condition that nobody
//! wrote since (check-and-set). Keys of others stay as they are, unless the run replaces everything. Since
//! the values are read anyway, nothing about them has to be remembered: a key is up to date when it holds
//! the value.

mod answer;
mod credential;
mod map;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use vsync_core::secret::Secret;
use zeroize::Zeroize as _;

use self::credential::Credential;
use self::map::Map;
use super::http::{Answer, Http, HttpFault, Request};
use super::percent::encoded;
use super::routing::{Routing, Surroundings};
use super::{Done, Seen, Target, TargetError, Write};

/// How often a write is tried when others write at the same time.
const TRIES: usize = 3;
/// Where the engine is mounted unless something else is said.
const MOUNT: &str = "secret";

/// One secret of a KV engine.
#[derive(Debug)]
pub struct Hashicorp {
    http: Http,
    place: String,
    mount: String,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    credential: &'static str,
    replace: bool,
    read: Mutex<Read>,
}

/// What `look` asked for and found.
#[derive(Debug, Default)]
struct Read {
    map: Option<Map>,
    asked: BTreeSet<String>,
    others: Vec<String>,
}

/// What became of an attempt to write the map.
enum Attempt {
    Done,
    /// Another version is the newest, or nobody knows.
    Unsettled(TargetError),
}

#[derive(Deserialize)]
struct Mounted {
    data: Mount,
}

#[derive(Deserialize)]
struct Mount {
    #[serde(rename = "type")]
    kind: String,
    options: Option<BTreeMap<String, String>>,
}

impl Hashicorp {
    /// Finds the server and a credential for it; asks nothing yet. What the routing leaves open is looked
    /// up in `VAULT_ADDR` and `VAULT_NAMESPACE`; the mount is `secret`, the path `<repo>/<env>` then.
    ///
    /// # Errors
    /// [`TargetError::Routing`], [`TargetError::NoCredential`], or [`TargetError::Denied`] for a token that
    /// cannot be trusted.
    pub async fn open(routing: &Routing, around: &Surroundings) -> Result<Self, TargetError> {
        let set = |name: &str| around.variable(name).map(str::trim).filter(|text| !text.is_empty());
        let given = routing.base_url.as_deref().or(routing.vault_addr.as_deref());
        let address = given.or_else(|| set("VAULT_ADDR")).ok_or_else(|| TargetError::Routing {
            what: "the address of the Vault server is not known".into(),
            hint: "--vault-addr, the saved sync.vault.addr, or VAULT_ADDR".into(),
        })?;
        let address = address.trim_end_matches('/');
        let mount = clean("mount", routing.vault_mount.as_deref().unwrap_or(MOUNT))?;
        let own = format!("{}/{}", routing.repo, routing.env);
        let path = clean("path", routing.vault_path.as_deref().unwrap_or(&own))?;
        let namespace = routing.vault_namespace.as_deref().or_else(|| set("VAULT_NAMESPACE"));
        let namespace = namespace.map(|name| name.trim_matches('/')).filter(|name| !name.is_empty());
        let within = namespace.map(|name| format!(", namespace {name}")).unwrap_or_default();
        let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
        let place = format!("Vault secret {mount}/{path} at {bare}{within}");
        let mut http = Http::new(address, &place)?;
        if let Some(pem) = credential::certificates(around).await? {
            http = http.with_ca(&pem)?;
        }
        let credential = Credential::find(around).await?;
        let headers = headers(&place, &credential, namespace)?;
        let (credential, replace) = (credential.place, routing.replace);
        Ok(Self { http, place, mount, path, headers, credential, replace, read: Mutex::default() })
    }

    fn seen(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        body: Option<Secret<Vec<u8>>>,
    ) -> Result<Answer, HttpFault> {
        let request = Request {
            method,
            path_and_query: path,
            headers: self.headers.clone(),
            content_type: body.is_some().then_some("application/json"),
            body,
            // A write names the version it replaces: done twice, the second one is refused.
            repeatable: true,
        };
        self.http.send(request).await
    }

    fn data_path(&self) -> String {
        format!("/v1/{}/data/{}", parts(&self.mount), parts(&self.path))
    }

    fn unreachable(&self, fault: &HttpFault) -> TargetError {
        TargetError::Unreachable { target: self.place.clone(), what: fault.text().to_owned() }
    }

    fn refusal(&self, refused: &Answer) -> TargetError {
        answer::refusal(refused, &self.place, &self.mount, &self.path)
    }

    /// Reads the newest version.
    async fn fetch(&self) -> Result<Map, TargetError> {
        let sent = self.send(Method::GET, self.data_path(), None).await;
        let mut answer = sent.map_err(|fault| self.unreachable(&fault))?;
        let map = Map::read(&answer.body);
        answer.body.zeroize();
        match (answer.status, map) {
            // A version that was deleted comes as a 404 with its number.
            (200 | 404, Some(map)) => Ok(map),
            (200, None) => Err(answer::old_engine(&self.place, &self.mount)),
            (404, None) if !answer::is_unmounted(&answer) => {
                self.check_engine().await?;
                Ok(Map::default())
            }
            _ => Err(self.refusal(&answer)),
        }
    }

    /// Asks what is mounted, when the first answer could be that of an engine of version 1, which would
    /// take a write and keep it as something else. Not every policy lets this be seen; then it is left
    /// open, and the write's own answer tells.
    async fn check_engine(&self) -> Result<(), TargetError> {
        let path = format!("/v1/sys/internal/ui/mounts/{}", parts(&self.mount));
        let answer = self.send(Method::GET, path, None).await.map_err(|fault| self.unreachable(&fault))?;
        let Some(Mounted { data }) = answer.json::<Mounted>().filter(|_| answer.status == 200) else {
            return Ok(());
        };
        let version = data.options.as_ref().and_then(|options| options.get("version"));
        if data.kind == "kv" && version.is_some_and(|version| version == "2") {
            return Ok(());
        }
        Err(answer::old_engine(&self.place, &self.mount))
    }

    /// Writes the map over the version that it was read as.
    async fn attempt(&self, map: &Map) -> Result<Attempt, TargetError> {
        match self.send(Method::POST, self.data_path(), Some(map.body())).await {
            Ok(answer) if answer.status == 200 => Ok(Attempt::Done),
            Ok(answer) if answer.status == 204 => Err(answer::old_engine(&self.place, &self.mount)),
            Ok(answer) if answer::is_conflict(&answer) => {
                Ok(Attempt::Unsettled(TargetError::Conflict { target: self.place.clone() }))
            }
            // May have been done.
            Ok(answer) if answer.status >= 500 => Ok(Attempt::Unsettled(self.refusal(&answer))),
            Ok(answer) => Err(self.refusal(&answer)),
            Err(fault @ HttpFault::Unclear(_)) => Ok(Attempt::Unsettled(self.unreachable(&fault))),
            Err(fault) => Err(self.unreachable(&fault)),
        }
    }

    /// Lays the writes over the newest version until one of them is the newest.
    async fn settle(&self, writes: &[Write]) -> Result<(), TargetError> {
        let mut last = TargetError::Conflict { target: self.place.clone() };
        // A value that is asked to be written is written, also over the same one: only what a later version
        // holds than the first attempt was to replace is there already.
        let puts = writes.iter().any(|write| matches!(write, Write::Put { .. }));
        let mut first = None;
        for _ in 0..TRIES {
            let read = self.seen().map.take();
            let mut map = match read {
                Some(map) => map,
                None => self.fetch().await?,
            };
            let unwanted = self.unwanted(&map, writes);
            let newer = *first.get_or_insert(map.version) != map.version;
            if (newer || !puts) && unwanted.is_empty() && map.has_all(writes) {
                self.seen().map = Some(map);
                return Ok(());
            }
            map.overlay(writes);
            map.remove(&unwanted);
            match self.attempt(&map).await? {
                Attempt::Done => return Ok(()),
                Attempt::Unsettled(why) => last = why,
            }
        }
        // The last attempt may have been done too.
        let map = self.fetch().await.map_err(|_| last.clone())?;
        let newer = first.is_some_and(|first| first != map.version);
        if (newer || !puts) && map.has_all(writes) && self.unwanted(&map, writes).is_empty() {
            Ok(())
        } else {
            Err(last)
        }
    }

    /// Keys to be taken away because everything is replaced: those that nobody asked about or writes.
    fn unwanted(&self, map: &Map, writes: &[Write]) -> Vec<String> {
        if !self.replace {
            return Vec::new();
        }
        let seen = self.seen();
        let written = |name: &String| writes.iter().any(|write| write.name() == name);
        map.names().filter(|name| !seen.asked.contains(*name) && !written(name)).cloned().collect()
    }
}

#[async_trait]
impl Target for Hashicorp {
    fn describe(&self) -> String {
        self.place.clone()
    }

    fn credential(&self) -> String {
        self.credential.to_owned()
    }

    fn reads_values(&self) -> bool {
        true
    }

    fn others(&self) -> Vec<String> {
        self.seen().others.clone()
    }

    async fn look(&self, names: &[String]) -> Result<Seen, TargetError> {
        let map = self.fetch().await?;
        let present = names.iter().filter(|name| map.has(name)).map(|name| (name.clone(), None)).collect();
        let asked = names.iter().cloned().collect();
        *self.seen() = Read { map: None, asked, others: Vec::new() };
        let others = self.unwanted(&map, &[]);
        (self.seen().others, self.seen().map) = (others, Some(map));
        Ok(Seen { present })
    }

    async fn holds(&self, name: &str, value: &Secret<Vec<u8>>) -> Result<Option<bool>, TargetError> {
        Ok(self.seen().map.as_ref().map(|map| map.holds(name, value.expose())))
    }

    async fn apply(&self, writes: Vec<Write>, done: &(dyn Fn(Done) + Send + Sync)) {
        let (writes, bytes): (Vec<Write>, Vec<Write>) = writes.into_iter().partition(map::is_text);
        for write in bytes {
            let error = TargetError::Failed {
                target: self.place.clone(),
                what: "the value is no UTF-8 text, which is all that a KV secret holds".into(),
                hint: None,
            };
            done(Done { name: write.into_name(), outcome: Err(error) });
        }
        let idle = writes.is_empty() && self.others().is_empty();
        let settled = if idle { Ok(()) } else { self.settle(&writes).await };
        for write in writes {
            done(Done { name: write.into_name(), outcome: settled.clone().map(|()| None) });
        }
    }
}

/// A mount or path without slashes at its ends, each part of it a name.
fn clean(what: &str, text: &str) -> Result<String, TargetError> {
    let text = text.trim().trim_matches('/');
    if text.split('/').any(|part| ["", ".", ".."].contains(&part) || part.contains(char::is_control)) {
        return Err(TargetError::Routing {
            what: format!("the {what} of the Vault secret cannot be used"),
            hint: format!("--vault-{what} takes names with a slash between them, like team/web"),
        });
    }
    Ok(text.to_owned())
}

/// The path with every part encoded.
fn parts(path: &str) -> String {
    path.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

fn headers(
    place: &str,
    credential: &Credential,
    namespace: Option<&str>,
) -> Result<Vec<(HeaderName, HeaderValue)>, TargetError> {
    let unfit = |what: String| TargetError::Denied {
        target: place.to_owned(),
        what,
        hint: Some("it has characters that cannot be sent".into()),
    };
    let mut token = HeaderValue::from_str(credential.token.expose())
        .map_err(|_| unfit(format!("what {} holds is no token", credential.place)))?;
    token.set_sensitive(true);
    // Agents and proxies of Vault may ask for the second one, against forged requests.
    let mut headers = vec![
        (HeaderName::from_static("x-vault-token"), token),
        (HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true")),
    ];
    if let Some(namespace) = namespace {
        let value =
            HeaderValue::from_str(namespace).map_err(|_| unfit("VAULT_NAMESPACE cannot be used".into()))?;
        headers.push((HeaderName::from_static("x-vault-namespace"), value));
    }
    Ok(headers)
}
