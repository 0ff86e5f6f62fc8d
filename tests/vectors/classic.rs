//! Buckets, shares and configurations as the older client wrote them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use vsync_core::format::bundle::{self, Limits};
use vsync_core::format::seal::SealForm;
use vsync_core::format::share::{self, Share};
use vsync_core::format::{audit, envconfig::EnvConfig, envelope, pointer, token};
use vsync_core::id::Env;
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;

use crate::check::rewritten;
use crate::keys;

type Outcome = Result<(), String>;
type Check = fn(&Fixture) -> Outcome;

/// One of the older client's buckets with what belongs to it.
struct Fixture {
    folder: PathBuf,
    env: &'static str,
    vault: &'static str,
}

pub(crate) fn trials(folder: &Path) -> Vec<Trial> {
    let checks: [(&str, Check); 6] = [
        ("share", share_opens),
        ("config", config_reads),
        ("token", token_reads),
        ("audit", audit_reads),
        ("bundles", bundles_open),
        ("backup", backup_opens),
    ];
    let mut trials = Vec::new();
    for (name, env, vault) in [("tiny", "dev", "infra/vault/dev"), ("multi", "prod", "secrets/prod-vault")] {
        let fixture = Arc::new(Fixture { folder: folder.join(name), env, vault });
        for (what, check) in checks {
            let fixture = Arc::clone(&fixture);
            let run = move || check(&fixture).map_err(Failed::from);
            trials.push(Trial::test(format!("classic::{name}::{what}"), run));
        }
    }
    trials
}

impl Fixture {
    fn read(&self, file: &str) -> Result<Vec<u8>, String> {
        let path = self.folder.join(file);
        std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn json(&self, file: &str) -> Result<Value, String> {
        serde_json::from_slice(&self.read(file)?).map_err(|error| error.to_string())
    }

    /// Files of a folder whose names contain a text.
    fn list(&self, folder: &str, part: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.folder.join(folder)).map_err(|error| error.to_string())? {
            let name = entry.map_err(|error| error.to_string())?.file_name().display().to_string();
            if name.contains(part) {
                let bytes = self.read(&format!("{folder}/{name}"))?;
                found.push((name, bytes));
            }
        }
        found.sort();
        if found.is_empty() { Err(format!("nothing named '{part}' in {folder}")) } else { Ok(found) }
    }

    fn share(&self) -> Result<Share, String> {
        let file = self.read("share.share")?;
        let passphrase = String::from_utf8(self.read("share.passphrase")?).map_err(|e| e.to_string())?;
        let salt = share::salt_of(&file).map_err(|error| error.to_string())?;
        keys::with(&passphrase, salt, |key| share::read_with(&file, key)).map_err(|error| error.to_string())
    }

    fn config(&self) -> Result<EnvConfig, String> {
        EnvConfig::read(&self.read(&format!("local/env_{}.gz", self.env))?).map_err(|error| error.to_string())
    }

    /// Lets a check use the keychain's key with the configuration's salt.
    fn with_key<T>(&self, check: impl FnOnce(&envelope::Key) -> T) -> Result<T, String> {
        let key = self.json("local/keychain.json")?;
        let salt = self.config()?.encryption.salt;
        Ok(keys::with(key["value"].as_str().unwrap_or_default(), &salt, check))
    }

    /// The folder's files and sizes as the older client's ledger has them after the last push.
    fn ledger(&self) -> Result<BTreeMap<String, u64>, String> {
        let ledger = self.json(&format!("local/env_{}.ledger.json", self.env))?;
        let files = ledger["files"].as_object().ok_or("no files in the ledger")?;
        Ok(files.iter().map(|(name, file)| (name.clone(), file["size"].as_u64().unwrap_or(0))).collect())
    }
}

fn ensure(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn sizes(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    snapshot.files.iter().map(|(path, file)| (path.as_str().to_owned(), file.content.len() as u64)).collect()
}

fn share_opens(fixture: &Fixture) -> Outcome {
    let share = fixture.share()?;
    let keychain = fixture.json("local/keychain.json")?;
    let account = format!("{}/{}", share.repo, share.env);
    ensure(keychain["account"] == account, format!("the share is of {account}"))?;
    ensure(keychain["value"] == *share.key.expose(), "the share's key is not the keychain's")?;
    ensure(share.config.encryption == fixture.config()?.encryption, "another salt")?;
    ensure(share.config.s3.bucket == fixture.config()?.s3.bucket, "another bucket")
}

fn config_reads(fixture: &Fixture) -> Outcome {
    let config = fixture.config()?;
    let env = Env::new(fixture.env).map_err(|error| error.to_string())?;
    ensure(config.vault_folder(&env) == fixture.vault, format!("vault at {}", config.vault_folder(&env)))?;
    let plain = fixture.json(&format!("local/env_{}.json", fixture.env))?;
    ensure(rewritten(&config)? == plain, "a rewrite changes it")
}

fn token_reads(fixture: &Fixture) -> Outcome {
    let token = token::read(&fixture.read("runtime-token.txt")?).map_err(|error| error.to_string())?;
    let config = fixture.config()?;
    ensure(token.salt == config.encryption.salt, "another salt")?;
    ensure(token.secret_access_key == config.s3.secret_access_key, "another secret")?;
    ensure(Some(token.prefix) == config.prefix && token.env.as_str() == fixture.env, "another pair")?;
    ensure(token.iterations == envelope::ITERATIONS, "other iterations")
}

fn audit_reads(fixture: &Fixture) -> Outcome {
    let (_, file) = fixture.list("bucket", "audit.csv")?.remove(0);
    let rows = audit::read(&file);
    ensure(rows.len() == file.iter().filter(|&&byte| byte == b'\n').count() - 1, "not every row")?;
    ensure(rows[0].action == "push" && rows[0].meta.contains("note"), format!("{:?}", rows[0]))?;
    ensure(rows.iter().all(|row| row.ts.ends_with('Z') && row.hostname == "vm"), "an empty cell")
}

fn bundles_open(fixture: &Fixture) -> Outcome {
    let (_, latest) = fixture.list("bucket", "latest")?.remove(0);
    let latest = pointer::read(&latest, &BTreeMap::new()).map_err(|error| error.to_string())?;
    let mut opened_latest = false;
    for (name, bytes) in fixture.list("bucket", "__versions__")? {
        let stamp = name.rsplit("__").next().and_then(|stamp| stamp.strip_suffix(".enc"));
        let version: Version = stamp.unwrap_or_default().parse().map_err(|error| format!("{error}"))?;
        let open = |key: &envelope::Key| bundle::open(&bytes, key, version, Limits::default(), fixture.vault);
        let opened = fixture.with_key(open)?.map_err(|error| format!("{name}: {error}"))?;
        ensure(opened.form == SealForm::Classic, "not sealed in the classic form")?;
        if version == latest.version {
            opened_latest = true;
            let sizes = sizes(&opened.snapshot);
            ensure(sizes == fixture.ledger()?, format!("{name}: {sizes:?}"))?;
        }
    }
    ensure(opened_latest, "the pointer names no bundle")
}

fn backup_opens(fixture: &Fixture) -> Outcome {
    let (name, bytes) = fixture.list("backups", ".zip.enc")?.remove(0);
    let zip = fixture.with_key(|key| envelope::decrypt(key, &bytes))?.map_err(|error| error.to_string())?;
    let plain = bundle::unarchive(&zip, Limits::default(), None).map_err(|error| error.to_string())?;
    let vault = bundle::unarchive(&zip, Limits::default(), Some(fixture.vault));
    let vault = vault.map_err(|error| error.to_string())?;
    let file = format!(".env.{}", fixture.env);
    let names: Vec<_> = plain.files.keys().collect();
    ensure(vault.files.contains_key(file.as_str()), format!("{name} holds {names:?}"))
}
