//! Making a vault known: init, track, forget.

use std::path::{Path, PathBuf};

use vsync_core::format::envconfig::{Audit, EnvConfig, Extra, Files, S3};
use vsync_core::id::Pair;
use vsync_core::relpath::RelPath;
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;
use vsync_proto::error::{Code, Failure};
use vsync_proto::request::{Forget, Init, Source, Track};
use vsync_proto::response::{ForgetResult, InitResult, TrackResult};

use super::Handler;
use super::caller::{checkout_of, env_of, internal};
use super::profiles::name_of;
use crate::clock;
use crate::config::checkout::{Checkout, NamedBy};
use crate::config::settings::KeyStoreKind;
use crate::config::{ignore, origin, pairs, pin, prefix, vault_folder};
use crate::disk::folder::link_on_the_way;
use crate::disk::state;
use crate::disk::{atomic, leftovers};
use crate::ipc::convert;
use crate::keychain::{new_key, new_salt};
use crate::repo::keys as vault_keys;
use crate::repo::trouble::io_problem;
use crate::store::folder::FolderStore;
use crate::tasks;
use crate::worker::entry::Slot;
use crate::worker::setup::{KEY_STORE_FIELD, Setup};

/// How long `forget` waits for work in flight before it leaves the rest to the next start.
const END_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Everything decided before the first write of an `init` or `import`.
pub(super) struct Plan {
    pub(super) pair: Pair,
    pub(super) root: PathBuf,
    pub(super) origin: Option<String>,
    pub(super) is_git: bool,
    pub(super) folder: RelPath,
    pub(super) config: EnvConfig,
    pub(super) key: Secret<String>,
    pub(super) keys: KeyStoreKind,
}

impl Handler {
    pub(super) async fn init(&self, ask: Init) -> Result<InitResult, Failure> {
        let env = env_of(&ask.env)?;
        let checkout = checkout_of(&ask.caller).await?;
        let pair = Pair::new(checkout.repo.clone(), env.clone());
        self.check_new(&pair).await?;
        let folder = self.folder_for(&checkout, &pair, ask.vault_folder.as_deref())?;
        self.check_origin(&checkout)?;
        let setup = self.supervisor.setup().clone();
        let keys = ask.key_store.map_or(setup.settings().key_store, convert::key_store_kind);
        // Asked before anything is made: a key store that gives nothing leaves nothing half-made.
        let (key, reused) = key_for(&setup, keys, &pair).await?;
        let (s3, profile) = self.store_for(&ask.source).await?;
        let prefix = prefix::prefix(
            ask.prefix.as_deref(),
            profile.as_ref().and_then(|(_, prefix)| prefix.as_deref()),
            &pair.repo,
            &env,
        )
        .map_err(|error| Failure::new(Code::BadName, error.to_string()))?;
        let said = |problem: Problem| convert::failure(&problem, env.as_str());
        let salt = new_salt().map_err(|error| said(error.into()))?;
        let mut config = EnvConfig::new(s3, salt, prefix.clone());
        config.files =
            Some(Files { vault_folder: Some(folder.as_str().to_owned()), extra: Extra::default() });
        config.audit = Some(Audit { enabled: Some(ask.audit), extra: Extra::default() });
        config.init_profile = profile.map(|(name, _)| name);
        mark_key_store(&mut config, keys);
        let remote = setup.remote_from(&pair, &config).map_err(said)?;
        if let Some(there) = remote.pointer(true).await.map_err(said)? {
            let text = format!(
                "somebody published version {} under {prefix} in {} already",
                there.pointer.version,
                remote.place.store.describe()
            );
            return Err(Failure::new(Code::PrefixTaken, text)
                .hint(format!("vsyncctl import {env} FILE joins them; --prefix chooses another place")));
        }
        let plan = Plan {
            pair: pair.clone(),
            root: checkout.root.clone(),
            origin: checkout.origin.clone(),
            is_git: checkout.is_git,
            folder: folder.clone(),
            config,
            key,
            keys,
        };
        let mut warnings = Vec::new();
        if reused {
            warnings.push(format!("the key store held a key for {pair} already; it is used"));
        }
        let made =
            tasks::blocking(move || carry_out(&setup, plan, true)).await.map_err(internal)?.map_err(said)?;
        self.supervisor.reconcile().await.map_err(said)?;
        self.settled(&pair, &checkout.root).await;
        Ok(InitResult {
            repo: pair.repo.to_string(),
            env: env.to_string(),
            root: checkout.root.display().to_string(),
            folder: checkout.root.join(&folder).display().to_string(),
            prefix,
            store: remote.place.store.describe(),
            key_store: convert::key_store(keys),
            created: made,
            warnings,
        })
    }

    /// Waits until a checkout that was just registered is loaded, so that the next verb finds it
    /// so. One that cannot be loaded says why in its status.
    async fn settled(&self, pair: &Pair, root: &Path) {
        if let Some(entry) = self.supervisor.entry(&(pair.clone(), root.to_owned())) {
            let _ = entry.handle().await;
        }
    }

    async fn check_new(&self, pair: &Pair) -> Result<(), Failure> {
        let (pairs, asked) = (self.supervisor.setup().pairs.clone(), pair.clone());
        let known = tasks::blocking(move || pairs.load(&asked)).await.map_err(internal)?;
        match known {
            Ok(None) => Ok(()),
            Ok(Some(_)) => {
                let env = &pair.env;
                Err(Failure::new(Code::AlreadyExists, format!("{pair} is set up on this machine already"))
                    .hint(format!("vsyncctl track {env} registers this checkout too")))
            }
            Err(error) => Err(convert::failure(&error.into(), pair.env.as_str())),
        }
    }

    /// The vault folder for a checkout, checked against the ones that are registered.
    pub(super) fn folder_for(
        &self,
        checkout: &Checkout,
        pair: &Pair,
        asked: Option<&str>,
    ) -> Result<RelPath, Failure> {
        let unusable = |text: String| Failure::new(Code::FolderNotUsable, text);
        let folder = vault_folder::resolve(asked, &pair.env).map_err(|error| unusable(error.to_string()))?;
        let path = checkout.root.join(&folder);
        let mut entries = self.supervisor.entries();
        entries.retain(|entry| entry.checkout.pair != *pair || entry.checkout.root != checkout.root);
        let others = entries.iter().map(|entry| entry.checkout.folder.as_path());
        vault_folder::check_nesting(&path, others).map_err(|error| unusable(error.to_string()))?;
        // What is replaced is kept beside the folder under the environment's name.
        let beside = entries.iter().find(|entry| {
            entry.checkout.pair.env == pair.env && entry.checkout.folder.parent() == path.parent()
        });
        if let Some(other) = beside {
            return Err(unusable(format!(
                "{} and the vault folder of {} lie in the same folder and are of environments of the same name",
                path.display(),
                other.checkout.pair
            )));
        }
        if let Some(link) = link_on_the_way(&checkout.root, &path) {
            return Err(Failure::new(Code::FolderNotUsable, format!("{} is a symlink", link.display()))
                .hint("name the folder that it points to with --vault-folder"));
        }
        match path.symlink_metadata() {
            Ok(about) if !about.is_dir() => Err(unusable(format!("{} is not a folder", path.display()))),
            _ => Ok(folder),
        }
    }

    /// Refuses a name that was derived from one origin and belongs to another already.
    pub(super) fn check_origin(&self, checkout: &Checkout) -> Result<(), Failure> {
        if checkout.named_by == NamedBy::Flag {
            return Ok(());
        }
        let Some(url) = &checkout.origin else { return Ok(()) };
        let entries = self.supervisor.entries();
        let other = entries.iter().find_map(|entry| {
            let known = entry.checkout.origin.as_ref()?;
            (entry.checkout.pair.repo == checkout.repo && !origin::same(known, url)).then(|| known.clone())
        });
        match other {
            None => Ok(()),
            Some(other) => {
                let text = format!("{url} and {other} would both be called '{}'", checkout.repo);
                Err(Failure::new(Code::RepoAmbiguous, text)
                    .hint("give this one a name of its own with --repo"))
            }
        }
    }

    async fn store_for(&self, source: &Source) -> Result<(S3, Option<(String, Option<String>)>), Failure> {
        match source {
            Source::Store(url) => {
                let Some(folder) = pairs::folder_of(url).map(Path::to_path_buf) else {
                    return Err(Failure::new(Code::Config, format!("'{url}' is not a store")).hint(
                        "a folder store is written file:///absolute/folder; S3 stores need a profile",
                    ));
                };
                let made = folder.clone();
                let opened = tasks::blocking(move || FolderStore::create(&made)).await.map_err(internal)?;
                opened.map_err(|error| convert::failure(&Problem::from(error), ""))?;
                Ok((pairs::folder_store(&folder), None))
            }
            Source::Profile(name) => {
                let name = name_of(name)?;
                let asked = name.clone();
                let profile = self.with_profiles(move |profiles| Ok(profiles.load(&asked)?.value)).await?;
                let s3 = S3 {
                    use_ssl: Some(profile.endpoint.starts_with("https://")),
                    endpoint: profile.endpoint,
                    region: profile.region,
                    bucket: profile.bucket,
                    access_key_id: profile.access_key_id,
                    secret_access_key: profile.secret_access_key,
                    extra: Extra::default(),
                };
                Ok((s3, Some((name.to_string(), profile.prefix))))
            }
        }
    }

    pub(super) async fn track(&self, ask: Track) -> Result<TrackResult, Failure> {
        let env = env_of(&ask.env)?;
        let checkout = checkout_of(&ask.caller).await?;
        let pair = Pair::new(checkout.repo.clone(), env.clone());
        let said = |problem: Problem| convert::failure(&problem, env.as_str());
        let setup = self.supervisor.setup().clone();
        let (loader, asked) = (setup.clone(), pair.clone());
        let loaded = tasks::blocking(move || loader.pairs.load(&asked)).await.map_err(internal)?;
        let loaded = loaded.map_err(|error| said(error.into()))?;
        let Some(loaded) = loaded else {
            return Err(Failure::new(Code::UnknownPair, format!("this machine knows no environment {pair}"))
                .hint(format!("vsyncctl import {env} FILE joins a team that has it")));
        };
        self.check_origin(&checkout)?;
        let asked = ask.vault_folder.clone().unwrap_or_else(|| loaded.value.vault_folder(&env));
        let folder = self.folder_for(&checkout, &pair, Some(&asked))?;
        let known = self.supervisor.entry(&(pair.clone(), checkout.root.clone())).is_some();
        if ask.confirm && !known {
            let entry = registered(&pair, &checkout.root, &folder, checkout.origin.clone());
            let (root, is_git, ignored) = (checkout.root.clone(), checkout.is_git, folder.clone());
            let done = tasks::blocking(move || {
                if is_git {
                    add_ignored(&root, &ignored)?;
                }
                register(&setup, entry)
            });
            done.await.map_err(internal)?.map_err(said)?;
            self.supervisor.reconcile().await.map_err(said)?;
            self.settled(&pair, &checkout.root).await;
        }
        Ok(TrackResult {
            repo: pair.repo.to_string(),
            env: env.to_string(),
            root: checkout.root.display().to_string(),
            folder: checkout.root.join(&folder).display().to_string(),
            origin: checkout.origin,
            registered: ask.confirm || known,
        })
    }

    pub(super) async fn forget(&self, ask: Forget) -> Result<ForgetResult, Failure> {
        let entry = self.entry_of(&ask.caller, &ask.env).await?;
        let checkout = std::sync::Arc::clone(&entry.checkout);
        let said = |problem: Problem| convert::failure(&problem, &ask.env);
        let setup = self.supervisor.setup().clone();
        let gone = std::sync::Arc::clone(&checkout);
        let done = tasks::blocking(move || {
            setup.register(|list| {
                list.retain(|known| {
                    known.root != gone.root || known.repo != gone.pair.repo || known.env != gone.pair.env
                });
            })
        });
        done.await.map_err(internal)?.map_err(said)?;
        let running = entry.slot();
        self.supervisor.reconcile().await.map_err(said)?;
        let ended = tokio::time::timeout(END_PATIENCE, entry.ended()).await;
        // Nobody looks after the replaced folders any more.
        if let (Ok(()), Slot::Running(handle)) = (ended, running) {
            handle.effects().sweep_all().await;
        }
        Ok(ForgetResult {
            repo: checkout.pair.repo.to_string(),
            env: checkout.pair.env.to_string(),
            folder: checkout.folder.display().to_string(),
        })
    }
}

/// Notes in a vault's configuration where this machine keeps its key.
pub(super) fn mark_key_store(config: &mut EnvConfig, keys: KeyStoreKind) {
    config.extra.0.insert(KEY_STORE_FIELD.to_owned(), keys.to_string().into());
}

/// A key that is there belongs to this vault, whatever became of its configuration: backups may
/// need it.
async fn key_for(setup: &Setup, keys: KeyStoreKind, pair: &Pair) -> Result<(Secret<String>, bool), Failure> {
    let (store, asked) = (setup.keys(keys), pair.clone());
    let found = tasks::blocking(move || match store.store().get(&asked)? {
        Some(key) => Ok((key, true)),
        None => Ok((new_key()?, false)),
    });
    let found: Result<_, crate::keychain::KeyError> = found.await.map_err(internal)?;
    found.map_err(|error| convert::failure(&Problem::from(error), pair.env.as_str()))
}

pub(super) fn registered(
    pair: &Pair,
    root: &Path,
    folder: &RelPath,
    origin: Option<String>,
) -> state::Checkout {
    state::Checkout {
        repo: pair.repo.clone(),
        env: pair.env.clone(),
        root: root.to_owned(),
        vault_folder: PathBuf::from(folder.as_str()),
        origin,
        added_at: clock::now(),
    }
}

fn register(setup: &Setup, entry: state::Checkout) -> Result<(), Problem> {
    setup.register(|list| {
        list.retain(|known| known.root != entry.root || known.repo != entry.repo || known.env != entry.env);
        list.push(entry);
    })
}

/// Writes what was planned, the configuration last: until then nothing is set up, and doing it
/// again finishes it. Returns what was made.
pub(super) fn carry_out(setup: &Setup, plan: Plan, new: bool) -> Result<Vec<String>, Problem> {
    let Plan { pair, root, origin, is_git, folder, mut config, key, keys } = plan;
    // Dying between the two must not leave a key that is used with another vault's configuration.
    config.extra.0.remove(vault_keys::MARK_FIELD);
    if let Some(mark) = vault_keys::mark(&key) {
        config.extra.0.insert(vault_keys::MARK_FIELD.to_owned(), mark.into());
    }
    let mut made = Vec::new();
    let path = root.join(&folder);
    let keep_key = || setup.keys(keys).store().set(&pair, &key);
    // A new vault's key first: where it cannot be kept, nothing is made. One that replaces another
    // comes as late as possible.
    if new {
        keep_key()?;
    }
    if make_private(&path)? {
        made.push(path.display().to_string());
    }
    if is_git && add_ignored(&root, &folder)? {
        made.push(root.join(".gitignore").display().to_string());
    }
    if add_pin(&root, &pair)? {
        made.push(root.join(pin::FILE).display().to_string());
    }
    if !new {
        keep_key()?;
    }
    setup.keys(keys).forget(&pair);
    register(setup, registered(&pair, &root, &folder, origin))?;
    let saved = if new { setup.pairs.create(&pair, &config) } else { setup.pairs.save(&pair, &config) };
    saved?;
    made.push(setup.paths.pair(&pair).display().to_string());
    Ok(made)
}

/// Makes the vault folder, or takes the bits of other users off one that is there.
fn make_private(path: &Path) -> Result<bool, Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error| io_problem("cannot make the vault folder", &error);
    let there = path.is_dir();
    if there {
        let mode = path.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700)).map_err(failed)?;
        }
    } else {
        atomic::create_private_dirs(path).map_err(failed)?;
    }
    Ok(!there)
}

pub(super) fn add_ignored(root: &Path, folder: &RelPath) -> Result<bool, Problem> {
    edit(&root.join(".gitignore"), |text| ignore::ignore_lines(text, folder))
}

fn add_pin(root: &Path, pair: &Pair) -> Result<bool, Problem> {
    edit(&root.join(pin::FILE), |text| pin::with_repo(text, &pair.repo))
}

/// Changes a small text file of the repository; true when there was something to change.
fn edit(path: &Path, change: impl FnOnce(&str) -> Option<String>) -> Result<bool, Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |error| io_problem(&format!("cannot change {}", path.display()), &error);
    leftovers::sweep_beside(path);
    let (text, mode) = match atomic::read_limited(path, 1 << 20) {
        Ok(bytes) => {
            let mode = path.metadata().map_err(failed)?.permissions().mode() & 0o777;
            let text = String::from_utf8(bytes);
            (text.map_err(|_| Problem::Io(format!("{} is not UTF-8", path.display())))?, mode)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (String::new(), 0o644),
        Err(error) => return Err(failed(error)),
    };
    match change(&text) {
        None => Ok(false),
        Some(text) => atomic::write(path, text.as_bytes(), mode).map(|()| true).map_err(failed),
    }
}
