//! Keys that were replaced, kept because backups need them.

use vsync_core::id::{Env, Pair};
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;

use super::keys::Keys;

/// How many replaced keys of a vault are kept.
const MAX: u32 = 20;

/// The name under which the n-th replaced key is kept. No environment is called so: it would
/// have to be made by somebody who knows the vault's name and number.
fn name(pair: &Pair, number: u32) -> Option<Pair> {
    let env = Env::new(&format!("{}.retired-{number}", pair.env)).ok()?;
    Some(Pair::new(pair.repo.clone(), env))
}

/// Keeps the present key of a vault aside if `next` is another one. Blocks.
///
/// # Errors
/// When the key store fails: then the present key must not be replaced.
pub fn keep(keys: &Keys, pair: &Pair, next: &Secret<String>) -> Result<(), Problem> {
    let present = match keys.store().get(pair)? {
        Some(present) if present != *next => present,
        _ => return Ok(()),
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
