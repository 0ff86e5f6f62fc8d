//! One vault in the bucket: its pointer, its key, its cached bundles.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use vsync_core::format::bundle::Limits;
use vsync_core::format::envconfig::{EnvConfig, LastPush};
use vsync_core::format::envelope::{ITERATIONS, Key};
use vsync_core::format::pointer::{self, Pointer};
use vsync_core::id::Pair;
use vsync_core::sync::{Problem, RemoteMark, RemotePointer};
use vsync_core::version::Version;

use super::audit::AuditLog;
use super::keys::{Keys, MARK_FIELD};
use super::place::Place;
use crate::config::pairs::Pairs;
use crate::config::settings::KeyStoreKind;
use crate::disk::state::{BundleCache, StateDir};
use crate::store::s3::S3Pool;
use crate::store::{Metadata, Object};
use crate::tasks;

/// Largest pointer object that is read; a real one has 15 bytes.
const POINTER_LIMIT: u64 = 4096;

/// One vault's remote side, shared by every checkout of it on this machine.
#[derive(Debug)]
pub struct Remote {
    /// Which vault.
    pub pair: Pair,
    /// Where it lives.
    pub place: Place,
    /// Its audit log.
    pub audit: AuditLog,
    /// What a bundle may hold at most.
    pub limits: Limits,
    /// The last bundles, as they came.
    pub bundles: BundleCache,
    /// Path of the vault folder from the repository's root, for archives of the older client.
    pub vault_folder: String,
    keys: Arc<Keys>,
    key_store: KeyStoreKind,
    salt: String,
    key_mark: Option<String>,
    retired_salts: Vec<String>,
    pairs: Pairs,
    last_push: Mutex<Option<(Version, Option<u64>)>>,
    odd_generation: AtomicBool,
}

/// A pointer as read, with everything it tells.
#[derive(Debug, Clone)]
pub struct PointerRead {
    /// Its identity and version, as the worker sees it.
    pub remote: RemotePointer,
    /// Everything.
    pub pointer: Pointer,
}

impl Remote {
    /// Connects a vault's configuration with its store and key. Touches neither yet.
    ///
    /// # Errors
    /// [`Problem`] when the configuration names no usable store.
    pub fn new(
        pair: Pair,
        config: &EnvConfig,
        (key_store, keys): (KeyStoreKind, Arc<Keys>),
        pairs: Pairs,
        (state, pool): (&StateDir, &S3Pool),
        limits: Limits,
    ) -> Result<Self, Problem> {
        let place = Place::open(&pair, config, pool)?;
        let vault_folder = config.vault_folder(&pair.env);
        let audit = AuditLog::new(place.clone(), state.audit_spool(&pair), config.audit_enabled());
        let salt = config.encryption.salt.clone();
        let key_mark = config.extra.0.get(MARK_FIELD).and_then(serde_json::Value::as_str).map(str::to_owned);
        let bundles = state.bundles(&pair);
        let last_push = config.last_push.as_ref().map(|last| (last.ts, last.generation));
        let last_push = Mutex::new(last_push);
        Ok(Self {
            pair,
            place,
            audit,
            limits,
            bundles,
            vault_folder,
            keys,
            key_store,
            salt,
            key_mark,
            retired_salts: super::retired::salts(config),
            pairs,
            last_push,
            odd_generation: AtomicBool::new(false),
        })
    }

    /// The last push from this machine.
    pub fn last_push(&self) -> Option<(Version, Option<u64>)> {
        *self.last_push.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the last push from this machine; [`Remote::record_push`] writes it down.
    pub fn note_push(&self, version: Version, generation: Option<u64>) {
        *self.last_push.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, generation));
    }

    /// Writes down the last push in the vault's configuration. It is a convenience for people and a
    /// floor against rollbacks after the state folder is lost; the ledger is what counts. Blocks.
    pub fn record_push(&self) {
        // Held, so that two records do not overtake each other.
        let last = self.last_push.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((version, generation)) = *last else { return };
        if let Err(error) = self.write_last_push(version, generation) {
            tracing::warn!(error, "cannot record the push in the vault's configuration");
        }
    }

    fn write_last_push(&self, version: Version, generation: Option<u64>) -> Result<(), String> {
        let there = self.pairs.edit(&self.pair, |config| {
            let extra = config.last_push.take().map(|last| last.extra).unwrap_or_default();
            config.last_push = Some(LastPush { ts: version, generation, extra });
            true
        });
        if there.map_err(|error| error.to_string())? { Ok(()) } else { Err("it is gone".to_owned()) }
    }

    /// Whether a version's bundle is at hand. Blocks.
    pub fn has_cached(&self, version: Version) -> bool {
        self.bundles.versions().is_ok_and(|versions| versions.contains(&version))
    }

    /// Keeps a bundle that opened at hand. Blocks.
    pub fn cache(&self, version: Version, sealed: &[u8]) {
        if let Err(error) = self.bundles.cache_bundle(version, sealed) {
            tracing::warn!(%error, "cannot cache a bundle");
        }
    }

    /// The vault's key.
    ///
    /// # Errors
    /// [`Problem::KeyMissing`], [`Problem::WrongKey`].
    pub async fn key(&self) -> Result<Arc<Key>, Problem> {
        self.keys.derived(&self.pair, &self.salt, self.key_mark.as_deref()).await
    }

    /// Every key that this vault ever had here, latest first: what old backups may be encrypted
    /// with. Each costs a derivation.
    ///
    /// # Errors
    /// [`Problem::Internal`] when the work itself fails.
    pub async fn retired_keys(&self) -> Result<Vec<Arc<Key>>, Problem> {
        let (keys, pair) = (Arc::clone(&self.keys), self.pair.clone());
        let (salt, retired_salts) = (self.salt.clone(), self.retired_salts.clone());
        let derived = tasks::blocking(move || {
            let mut texts = super::retired::list(&keys, &pair);
            texts.extend(keys.store().get(&pair).ok().flatten());
            let salts: Vec<_> = std::iter::once(salt).chain(retired_salts.into_iter().rev()).collect();
            let every = texts.iter().rev().flat_map(|text| salts.iter().map(move |salt| (text, salt)));
            every.map(|(text, salt)| Arc::new(Key::derive(text.expose(), salt, ITERATIONS))).collect()
        });
        Ok(derived.await?)
    }

    /// The kind of key store that holds the key.
    pub const fn key_store(&self) -> KeyStoreKind {
        self.key_store
    }

    /// Whether the pointer as last seen tells a generation that cannot be read.
    pub fn has_odd_generation(&self) -> bool {
        self.odd_generation.load(Ordering::Relaxed)
    }

    fn note(&self, metadata: &Metadata) {
        self.odd_generation.store(pointer::generation_is_unreadable(metadata), Ordering::Relaxed);
    }

    /// Looks at the pointer without reading it. Where there is none, reads once, because only
    /// that tells a missing pointer from a missing bucket or another layout.
    ///
    /// # Errors
    /// As [`Remote::pointer`].
    pub async fn head(&self, undecided: bool) -> Result<Option<RemoteMark>, Problem> {
        match self.place.store.head(&self.place.pointer()).await? {
            Some(head) => {
                self.note(&head.metadata);
                Ok(Some(mark(head.etag, &head.metadata)))
            }
            None => Ok(self.pointer(undecided).await?.map(|read| read.remote.mark)),
        }
    }

    /// Reads the pointer. Where there is none, makes sure that the vault is not kept in the
    /// older client's layout, unless this machine knows that it is not.
    ///
    /// # Errors
    /// What the store says; [`Problem::BadPointer`], [`Problem::ClassicLayout`].
    pub async fn pointer(&self, undecided: bool) -> Result<Option<PointerRead>, Problem> {
        let found = self.place.store.get(&self.place.pointer(), POINTER_LIMIT).await;
        let found = match found {
            // Something else lies where the pointer should be.
            Err(crate::store::StoreError::TooLarge { .. }) => {
                let head = self.place.store.head(&self.place.pointer()).await?;
                let mark = head.map(|head| mark(head.etag, &head.metadata));
                return mark.map_or(Ok(None), |mark| Err(Problem::BadPointer(mark)));
            }
            found => found?,
        };
        match found {
            Some(object) => {
                self.note(&object.head.metadata);
                read_pointer(object).map(Some)
            }
            None if undecided => match self.place.store.head(self.place.classic_pointer()).await? {
                Some(_) => Err(Problem::ClassicLayout(self.place.classic_pointer().to_owned())),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }
}

fn read_pointer(object: Object) -> Result<PointerRead, Problem> {
    let mark = mark(object.head.etag, &object.head.metadata);
    match pointer::read(&object.body, &object.head.metadata) {
        Ok(pointer) => {
            let remote = RemotePointer { version: pointer.version, mark, prev: pointer.prev };
            Ok(PointerRead { remote, pointer })
        }
        Err(_) => Err(Problem::BadPointer(mark)),
    }
}

/// What identifies a pointer, from its description.
pub fn mark(etag: String, metadata: &Metadata) -> RemoteMark {
    let generation = pointer::generation_of(metadata);
    RemoteMark { etag, generation, push_id: metadata.get(pointer::PUSH_ID).cloned() }
}

/// Random bytes for keys, IVs and ids.
///
/// # Errors
/// [`Problem::Internal`] when the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Problem::Internal(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

/// The time, with the milliseconds that stored formats keep.
pub fn now_ms() -> Timestamp {
    let now = crate::clock::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now)
}
