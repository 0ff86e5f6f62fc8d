//! What workers are made from: settings, folders, keys, the watcher.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use vsync_core::format::bundle::Limits;
use vsync_core::format::envconfig::EnvConfig;
use vsync_core::id::Pair;
use vsync_core::sync::{OnEdit, Policy, Problem, Worker};
use vsync_core::version::Version;

use super::checkout::Checkout;
use super::driver::{Driver, Handle};
use super::effects::{Effects, Rules};
use crate::config::pairs::Pairs;
use crate::config::paths::Paths;
use crate::config::profiles::Profiles;
use crate::config::settings::{self, KeyStoreKind, Settings};
use crate::config::values::Account;
use crate::disk::atomic;
use crate::disk::scan::ScanLimits;
use crate::disk::stage::Modes;
use crate::disk::state::{self, Loaded, StateDir};
use crate::keychain::{FileKeys, KeyStore, OsKeychain};
use crate::repo::author::Author;
use crate::repo::fanout::Turns;
use crate::repo::keys::Keys;
use crate::repo::remote::Remote;
use crate::repo::trouble::io_problem;
use crate::store::StoreError;
use crate::store::s3::S3Pool;
use crate::tasks;
use crate::watch::watcher::Watcher;

/// Under this name a pair's configuration says which key store holds its key on this machine.
pub const KEY_STORE_FIELD: &str = "keyStore";

/// Shared by everything that makes or changes workers.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Folders.
    pub paths: Arc<Paths>,
    /// The state folder.
    pub state: StateDir,
    /// The vaults' configurations.
    pub pairs: Pairs,
    /// The S3 profiles.
    pub profiles: Profiles,
    /// The one watcher.
    pub watcher: Arc<Watcher>,
    /// One run of `sync` at a time for each place.
    pub turns: Turns,
    /// The clients of S3 stores.
    pool: Arc<S3Pool>,
    settings: Arc<Mutex<Arc<Settings>>>,
    keys: Arc<Mutex<HashMap<KeyStoreKind, Arc<Keys>>>>,
    /// One change of the list of checkouts at a time.
    registry: Arc<Mutex<()>>,
}

impl Setup {
    /// Puts it together.
    pub fn new(paths: Paths, settings: Settings) -> Self {
        let state = StateDir::new(paths.state.clone());
        let pool = S3Pool::new(state.stores(), settings.tls.ca_file.as_deref());
        Self {
            pool: Arc::new(pool),
            pairs: Pairs::new(paths.clone()),
            profiles: Profiles::new(paths.profiles()),
            paths: Arc::new(paths),
            state,
            watcher: Arc::new(Watcher::start()),
            turns: Turns::default(),
            settings: Arc::new(Mutex::new(Arc::new(settings))),
            keys: Arc::default(),
            registry: Arc::default(),
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in force, and what is now in the files that they name. True when
    /// stores have to be opened anew for it. Blocks on small files.
    ///
    /// # Errors
    /// When such a file cannot be used; the settings from before stay.
    pub fn set_settings(&self, settings: Settings) -> Result<bool, StoreError> {
        let reopen = self.pool.trust(settings.tls.ca_file.as_deref())?;
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        Ok(reopen)
    }

    /// The machine's settings for a vault.
    pub fn policy(&self, pair: &Pair) -> Policy {
        let settings = self.settings();
        let policy = settings.policy(pair);
        Policy {
            poll: policy.poll_interval,
            rescan: settings.poll.rescan,
            on_edit: match policy.on_edit {
                settings::OnEdit::Status => OnEdit::Status,
                settings::OnEdit::Push => OnEdit::Push,
            },
        }
    }

    /// The keys in a key store of this kind.
    pub fn keys(&self, kind: KeyStoreKind) -> Arc<Keys> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = keys.entry(kind).or_insert_with(|| {
            let store: Arc<dyn KeyStore> = match kind {
                KeyStoreKind::File => Arc::new(FileKeys::new(self.paths.keys())),
                KeyStoreKind::Keychain => Arc::new(OsKeychain::default()),
            };
            Arc::new(Keys::new(store))
        });
        Arc::clone(opened)
    }

    /// The key store that a vault's key is in: the one recorded with it, else the one in the
    /// settings.
    pub fn key_store_of(&self, config: &EnvConfig) -> KeyStoreKind {
        let named = config.extra.0.get(KEY_STORE_FIELD).and_then(serde_json::Value::as_str);
        match named {
            Some("file") => KeyStoreKind::File,
            Some("keychain") => KeyStoreKind::Keychain,
            _ => self.settings().key_store,
        }
    }

    /// How much a bundle may hold.
    pub fn limits(&self) -> Limits {
        let limits = &self.settings().limits;
        let entries = usize::try_from(limits.entries).unwrap_or(usize::MAX);
        Limits { bundle: limits.bundle.0, uncompressed: limits.uncompressed.0, entries }
    }

    /// A vault's remote side. Blocks on small files.
    ///
    /// # Errors
    /// What is wrong with its configuration.
    pub fn remote(&self, pair: &Pair) -> Result<Remote, Problem> {
        let loaded = self.pairs.load(pair)?;
        let Some(loaded) = loaded else {
            return Err(Problem::Config(format!("{pair} is not set up on this machine")));
        };
        self.remote_from(pair, &loaded.value)
    }

    /// The remote side that a configuration describes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn remote_from(&self, pair: &Pair, config: &EnvConfig) -> Result<Remote, Problem> {
        let kind = self.key_store_of(config);
        let keys = (kind, self.keys(kind));
        let ground = (&self.state, &*self.pool);
        Remote::new(pair.clone(), config, keys, self.pairs.clone(), ground, self.limits())
    }

    /// A worker over a checkout, its folder healed and watched, that does not run yet. `newest_here`
    /// gives the newest version that another checkout of the vault agrees with; `seed` is for its
    /// jitter.
    ///
    /// # Errors
    /// Why it cannot work.
    pub(super) async fn worker(
        &self,
        checkout: Arc<Checkout>,
        remote: Arc<Remote>,
        newest_here: impl FnOnce(&Pair) -> Option<Version>,
        seed: u64,
    ) -> Result<(Driver, Handle), Problem> {
        let edited = Arc::new(Notify::new());
        let (setup, listener) = (self.clone(), Arc::clone(&edited));
        let effects = tasks::blocking_in_turn(move || -> Result<Effects, Problem> {
            let effects = setup.effects(checkout, remote)?;
            effects.listen_with(listener);
            Ok(effects)
        })
        .await??;
        let pair = &effects.checkout.pair;
        let (policy, last) = (self.policy(pair), effects.remote.last_push());
        let ledger = effects.ledger();
        // A checkout that is new here, or lost its ledger, must not fall for an old pointer that
        // another one on this machine can tell is old.
        let floor = last.map(|(version, _)| version).max(newest_here(pair));
        let generation = last.and_then(|(_, generation)| generation);
        let machine =
            Worker::new(policy, seed, ledger.synced.clone(), floor, generation, super::driver::now());
        Ok(Driver::new(machine, Arc::new(effects), edited))
    }

    /// Everything that one worker works with, its folder healed. Blocks.
    ///
    /// # Errors
    /// Why it cannot work.
    fn effects(&self, checkout: Arc<Checkout>, remote: Arc<Remote>) -> Result<Effects, Problem> {
        let pair = &checkout.pair;
        let author = Author::find(&checkout.root, &self.paths);
        let state = self.state.folder(&pair.repo, &pair.env, &checkout.root);
        let rules = self.rules(pair)?;
        Effects::load(checkout, remote, state, rules, Arc::clone(&self.watcher), author)
    }

    fn rules(&self, pair: &Pair) -> Result<Rules, Problem> {
        let settings = self.settings();
        let policy = settings.policy(pair);
        let limits = self.limits();
        Ok(Rules {
            limits: ScanLimits { entries: limits.entries, bytes: limits.uncompressed },
            modes: Modes {
                file_mode: policy.file_mode,
                dir_mode: policy.dir_mode,
                owner: account(policy.owner.as_ref(), "/etc/passwd")?,
                group: account(policy.group.as_ref(), "/etc/group")?,
            },
            keep_replaced: settings.keep_replaced.0,
            backups: self.paths.backups(),
            backups_keep: usize::try_from(settings.backups.keep).unwrap_or(usize::MAX),
        })
    }

    /// The registered checkouts whose vault is set up.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn checkouts(&self) -> Result<Vec<Checkout>, Problem> {
        let this = self.clone();
        tasks::blocking(move || {
            let list = this.registered()?;
            // One that was registered by an `init` that died has no configuration.
            let known = list.into_iter().filter(|checkout| {
                let pair = Pair::new(checkout.repo.clone(), checkout.env.clone());
                !matches!(this.pairs.load(&pair), Ok(None))
            });
            Ok(known.map(Checkout::from).collect())
        })
        .await?
    }

    /// The list of checkouts as it is on disk. Blocks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn registered(&self) -> Result<Vec<state::Checkout>, Problem> {
        let failed = |error| io_problem("cannot read the list of checkouts", &error);
        match self.state.checkouts().map_err(failed)? {
            Loaded::Found(list) => Ok(list),
            Loaded::Missing => Ok(Vec::new()),
            Loaded::Corrupt { moved_to, why } => {
                let moved_to = moved_to.display();
                Err(Problem::Config(format!(
                    "the list of checkouts was damaged ({why}); it is kept as {moved_to}: \
                     register the checkouts again with 'vsyncctl track'"
                )))
            }
        }
    }

    /// Changes the list of checkouts. Blocks.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn register(&self, change: impl FnOnce(&mut Vec<state::Checkout>)) -> Result<(), Problem> {
        let _turn = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = self.registered()?;
        change(&mut list);
        let saved = self.state.save_checkouts(&list);
        saved.map_err(|error| io_problem("cannot save the list of checkouts", &error))
    }
}

/// The number of an account; a name is looked up in the system's own list.
fn account(named: Option<&Account>, list: &str) -> Result<Option<u32>, Problem> {
    let name = match named {
        None => return Ok(None),
        Some(Account::Id(id)) => return Ok(Some(*id)),
        Some(Account::Name(name)) => name,
    };
    let text = atomic::read_limited(Path::new(list), 16 << 20)
        .map_err(|error| io_problem("cannot look up an account", &error))?;
    let text = String::from_utf8_lossy(&text);
    let mut ids = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        found.then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    match ids.next() {
        Some(id) => Ok(Some(id)),
        None => Err(Problem::Config(format!("there is no account '{name}' in {list}; its number works too"))),
    }
}
