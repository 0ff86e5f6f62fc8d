//! Keys that were replaced, kept because backups need them.

use vsync_core::format::envconfig::{EnvConfig, LastPush};
use vsync_core::id::{Env, Pair};
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;

use super::keys::Keys;
use crate::keychain::KeyError;

/// Under this name a vault's configuration lists the salts that it had before.
pub const SALTS_FIELD: &str = "retiredSalts";
/// How many replaced keys of a vault are kept.
const MAX: u32 = 20;

/// The name under which the n-th replaced key is kept. No environment is called so: it would
/// have to be made by somebody who knows the vault's name and number.
fn name(pair: &Pair, number: u32) -> Option<Pair> {
    let env = Env::new(&format!("{}.retired-{number}", pair.env)).ok()?;
    Some(Pair::new(pair.repo.clone(), env))
}

/// Keeps the present key of a vault, which is in `from`, aside in `keys` if `next` is another
/// one. Blocks.
///
/// # Errors
/// When the key store fails: then the present key must not be replaced.
pub fn keep(from: &Keys, keys: &Keys, pair: &Pair, next: &Secret<String>) -> Result<(), Problem> {
    let present = match from.store().get(pair) {
        Ok(Some(present)) if present != *next => present,
        // What is no key opened nothing that would be lost.
        Ok(_) | Err(KeyError::NotAKey(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for number in 1..=MAX {
        let Some(place) = name(pair, number) else { break };
        match keys.store().get(&place)? {
            Some(kept) if kept == present => return Ok(()),
            Some(_) => {}
            None => return Ok(keys.store().set(&place, &present)?),
        }
    }
    Err(Problem::KeychainUnavailable(format!("there is no room for another replaced key of {pair}")))
}

/// The replaced keys of a vault, the latest last. Blocks.
pub fn list(keys: &Keys, pair: &Pair) -> Vec<Secret<String>> {
    let kept = (1..=MAX).map_while(|number| keys.store().get(&name(pair, number)?).ok().flatten());
    kept.collect()
}

/// Carries into a vault's new configuration what must outlive the old one: the salts that
/// backups need, and the last push, which bounds rollbacks.
pub fn carry_over(before: &EnvConfig, next: &mut EnvConfig) {
    let mut salts = salts(before);
    salts.push(before.encryption.salt.clone());
    salts.retain(|salt| *salt != next.encryption.salt);
    salts.dedup();
    if !salts.is_empty() {
        next.extra.0.insert(SALTS_FIELD.to_owned(), salts.into());
    }
    let newer = |last: &LastPush| next.last_push.as_ref().is_none_or(|there| there.ts < last.ts);
    if let Some(last) = before.last_push.clone().filter(newer) {
        next.last_push = Some(last);
    }
}

/// The salts that a vault had before its present one.
pub fn salts(config: &EnvConfig) -> Vec<String> {
    let listed = config.extra.0.get(SALTS_FIELD).and_then(serde_json::Value::as_array);
    listed.into_iter().flatten().filter_map(|salt| salt.as_str().map(str::to_owned)).collect()
}
