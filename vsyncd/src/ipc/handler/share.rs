//! Passing a vault on: export and import of share files.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vsync_core::format::audit::{Action, Meta};
use vsync_core::format::envconfig::{EnvConfig, Files};
use vsync_core::format::share::{Share, ShareError};
use vsync_core::id::Pair;
use vsync_core::secret::Secret;
use vsync_core::sync::{Command, Problem, PullMode};
use vsync_proto::error::{Code, Failure};
use vsync_proto::hidden::Hidden;
use vsync_proto::request::{Export, Import};
use vsync_proto::response::{ExportResult, ImportResult, PullResult};

use super::Handler;
use super::caller::{checkout_of, env_of, internal};
use super::init::{Plan, carry_out, mark_key_store};
use super::vault::shown;
use crate::config::checkout::{Checkout, NamedBy};
use crate::config::settings::KeyStoreKind;
use crate::ipc::connection::Outbox;
use crate::ipc::convert;
use crate::repo::author::Author;
use crate::repo::keys::MARK_FIELD;
use crate::repo::{retired, share};
use crate::tasks;
use crate::worker::driver::Request;
use crate::worker::setup::KEY_STORE_FIELD;

/// Below this many characters a passphrase is warned about.
const PASSPHRASE_SHORT: usize = 16;

impl Handler {
    pub(super) async fn export(&self, ask: Export) -> Result<ExportResult, Failure> {
        let env = env_of(&ask.env)?;
        let pair = match self.entry_of(&ask.caller, &ask.env).await {
            Ok(entry) => entry.checkout.pair.clone(),
            Err(_) => Pair::new(checkout_of(&ask.caller).await?.repo, env.clone()),
        };
        if ask.passphrase.expose().is_empty() {
            return Err(Failure::new(Code::PassphraseWeak, "the passphrase is empty"));
        }
        let mut warnings = Vec::new();
        if ask.passphrase.expose().chars().count() < PASSPHRASE_SHORT {
            warnings.push("the passphrase is short; whoever gets the file can try many".to_owned());
        }
        let said = |problem: Problem| convert::failure(&problem, env.as_str());
        let setup = self.supervisor.setup().clone();
        let config = self.config_of(&pair).await?;
        let remote = setup.remote_from(&pair, &config).map_err(said)?;
        let key = setup.keys(setup.key_store_of(&config)).text(&pair).await.map_err(said)?;
        let mut config = config;
        // Where this machine keeps the key means nothing elsewhere.
        config.extra.0.remove(KEY_STORE_FIELD);
        config.extra.0.remove(MARK_FIELD);
        config.extra.0.remove(retired::SALTS_FIELD);
        let share = Share { repo: pair.repo.clone(), env: pair.env.clone(), config, key };
        let passphrase = Secret::new(ask.passphrase.into_inner());
        let sealed = share::seal(share, passphrase).await.map_err(said)?;
        let author = Author::find(std::path::Path::new(&ask.caller.cwd), &setup.paths);
        remote.audit.append(author.row(Action::Export, None, Meta::new())).await;
        Ok(ExportResult {
            repo: pair.repo.to_string(),
            env: pair.env.to_string(),
            share_b64: Hidden::new(STANDARD.encode(sealed)),
            warnings,
        })
    }

    async fn config_of(&self, pair: &Pair) -> Result<EnvConfig, Failure> {
        let unknown = || Failure::new(Code::UnknownPair, format!("this machine knows no environment {pair}"));
        self.known_config(pair).await?.ok_or_else(unknown)
    }

    pub(super) async fn known_config(&self, pair: &Pair) -> Result<Option<EnvConfig>, Failure> {
        let (pairs, asked) = (self.supervisor.setup().pairs.clone(), pair.clone());
        let loaded = tasks::blocking(move || pairs.load(&asked)).await.map_err(internal)?;
        let loaded = loaded.map_err(|error| convert::failure(&error.into(), pair.env.as_str()))?;
        Ok(loaded.map(|loaded| loaded.value))
    }

    pub(super) async fn import(&self, ask: Import, out: &Outbox) -> Result<ImportResult, Failure> {
        let mut joined = self.change(|this| async move { this.join(ask).await }).await?;
        let (pair, checkout) = (&joined.pair, &joined.checkout);
        let pulled = self.first_pull(pair, checkout, out, &mut joined.warnings).await?;
        Ok(ImportResult {
            repo: pair.repo.to_string(),
            env: pair.env.to_string(),
            folder: joined.folder.display().to_string(),
            key_store: convert::key_store(joined.keys),
            pulled,
            warnings: joined.warnings,
        })
    }

    /// Takes the share's vault in, everything but its content.
    async fn join(&self, ask: Import) -> Result<Joined, Failure> {
        let env = env_of(&ask.env)?;
        let said = |problem: Problem| convert::failure(&problem, env.as_str());
        let bytes = STANDARD.decode(ask.share_b64.expose().as_bytes());
        let bytes =
            bytes.map_err(|_| Failure::new(Code::BadRequest, "the share file did not arrive whole"))?;
        let opened = share::open(bytes, Secret::new(ask.passphrase.into_inner())).await.map_err(said)?;
        let share = opened.map_err(|error| share_failure(&error))?;
        if share.env != env {
            let text = format!("the share file is for the environment '{}', not '{env}'", share.env);
            return Err(Failure::new(Code::BadName, text).hint(format!("vsyncctl import {} FILE", share.env)));
        }
        let pair = Pair::new(share.repo.clone(), env.clone());
        let (checkout, warnings) = self.checkout_for(&ask.caller, &pair).await?;
        let setup = self.supervisor.setup().clone();
        let before = self.known_config(&pair).await?;
        let kept_in = before.as_ref().map_or(setup.settings().key_store, |config| setup.key_store_of(config));
        let keys = ask.key_store.map_or(kept_in, convert::key_store_kind);
        let named = share.config.vault_folder(&env);
        let folder =
            self.folder_for(&checkout, &pair, Some(ask.vault_folder.as_deref().unwrap_or(&named)))?;
        let mut config = share.config;
        let extra = config.files.take().map(|files| files.extra).unwrap_or_default();
        config.files = Some(Files { vault_folder: Some(folder.as_str().to_owned()), extra });
        mark_key_store(&mut config, keys);
        let remote = setup.remote_from(&pair, &config).map_err(said)?;
        // A worker that went on would mix the old key with the new configuration.
        let paused = self.supervisor.pause(&pair).await.map_err(said)?;
        let mut plan = Plan {
            pair: pair.clone(),
            root: checkout.root.clone(),
            origin: checkout.origin.clone(),
            is_git: checkout.is_git,
            folder: folder.clone(),
            config,
            key: share.key,
            keys,
        };
        let writer = setup.clone();
        let done = tasks::blocking(move || {
            let new = before.is_none();
            if let Some(before) = before {
                retired::keep(&writer.keys(kept_in), &writer.keys(plan.keys), &plan.pair, &plan.key)?;
                retired::carry_over(&before, &mut plan.config);
            }
            carry_out(&writer, plan, new)
        });
        let done = done.await.map_err(internal);
        drop(paused);
        // Whatever became of it: the workers go on.
        self.supervisor.reconcile().await.map_err(said)?;
        done?.map_err(said)?;
        let author = Author::find(&checkout.root, &setup.paths);
        remote.audit.append(author.row(Action::Import, None, Meta::new())).await;
        let folder = checkout.root.join(&folder);
        Ok(Joined { pair, checkout, folder, keys, warnings })
    }

    /// The checkout that a share is imported into. One that has no name of its own, or only
    /// its origin's, takes the share's.
    async fn checkout_for(
        &self,
        caller: &vsync_proto::request::Caller,
        pair: &Pair,
    ) -> Result<(Checkout, Vec<String>), Failure> {
        let found = match checkout_of(caller).await {
            Err(failure) if failure.code == Code::RepoUnknown => {
                let named =
                    vsync_proto::request::Caller { repo: Some(pair.repo.to_string()), ..caller.clone() };
                checkout_of(&named).await?
            }
            found => found?,
        };
        if found.repo == pair.repo {
            self.check_origin(&found)?;
            return Ok((found, Vec::new()));
        }
        if found.named_by != NamedBy::Origin {
            let text = format!("the share file is for '{}', this checkout is '{}'", pair.repo, found.repo);
            return Err(Failure::new(Code::RepoAmbiguous, text)
                .hint("import it in a checkout of that repository, or change the .vsync file"));
        }
        let note = format!(
            "the origin would call this checkout '{}'; the .vsync file names it '{}' from now on",
            found.repo, pair.repo
        );
        Ok((Checkout { repo: pair.repo.clone(), ..found }, vec![note]))
    }

    /// Brings the remote version here where the store answers. What cannot be had now comes
    /// later by itself; what must not be used is an error.
    async fn first_pull(
        &self,
        pair: &Pair,
        checkout: &Checkout,
        out: &Outbox,
        warnings: &mut Vec<String>,
    ) -> Result<Option<PullResult>, Failure> {
        let entry = self.supervisor.entry(&(pair.clone(), checkout.root.clone()));
        let Some(entry) = entry else { return Ok(None) };
        let said = |problem: Problem| {
            convert::failure(&problem, pair.env.as_str())
                .cause(format!("{pair} is set up; the first pull failed"))
        };
        let handle = entry.handle().await.map_err(said)?;
        let command = Command::Pull { mode: PullMode::Plain, allow_rollback: false };
        match shown(&handle, out, handle.command(command, Request::default())).await {
            Ok(outcome) => Ok(convert::pulled(outcome)),
            Err(
                problem @ (Problem::Unreachable(_)
                | Problem::NothingPublished
                | Problem::Edited(_)
                | Problem::Diverged { .. }),
            ) => {
                warnings.push(format!("nothing was pulled: {problem}"));
                Ok(None)
            }
            Err(problem) => Err(said(problem)),
        }
    }
}

/// A vault that was taken in.
struct Joined {
    pair: Pair,
    checkout: Checkout,
    folder: PathBuf,
    keys: KeyStoreKind,
    warnings: Vec<String>,
}

fn share_failure(error: &ShareError) -> Failure {
    let text = error.to_string();
    match error.kind() {
        "wrong_passphrase" => Failure::new(Code::WrongPassphrase, text),
        "not_a_share" => Failure::new(Code::NotAShare, text),
        "unsupported_version" => {
            Failure::new(Code::UnsupportedVersion, text).hint("update vsync on this machine")
        }
        "too_large" => Failure::new(Code::TooLarge, text),
        _ => Failure::new(Code::Corrupt, text).hint("ask for the share file again"),
    }
}
