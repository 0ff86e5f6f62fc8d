//! The Secret Service of the desktop (GNOME Keyring, KWallet, KeePassXC), over the session bus.
//!
//! An entry has the attributes `service` and `account`, so that `secret-tool lookup` and the older
//! client find it, and `username`, under which the `keyring` library looks. The library's own
//! entries lack `account`; it keeps what its first look at the bus gave for ever, be it a
//! connection or an error, and waits for a prompt at each look at a locked keychain; hence the
//! protocol itself. The stories prove all three.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::Instant;

use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error};
use vsync_core::secret::Secret;
use zbus::blocking::connection::Builder;
use zeroize::Zeroizing;

use super::unlocking::Unlocking;
use super::{Answer, LIMIT, SERVICE};
use crate::clock;
use crate::keychain::KeyError;

/// What kind of entry it is, for programs that group them.
const SCHEMA: &str = "tools.vsync.Key";

/// The text of the entry; `None` when there is none.
///
/// # Errors
/// What stands in the way.
pub(super) fn get(account: &str, unlocking: &Unlocking) -> Answer<Option<Secret<String>>> {
    let service = connect()?;
    let mut found = find(&service, account, unlocking)?;
    // More than one when two programs keep the same key: the last word counts.
    found.sort_by_cached_key(|item| item.get_modified().unwrap_or_default());
    let Some(item) = found.last() else { return Ok(None) };
    if let Err(error) = complete(item, account) {
        tracing::debug!(%error, account, "cannot complete the attributes of a keychain entry");
    }
    let bytes = Zeroizing::new(item.get_secret().map_err(said)?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_ascii();
    Ok(Some(Secret::new(text.to_owned())))
}

/// Keeps the text in every entry of that account, or in one that is made, unless unlocking took
/// beyond the deadline: who asked was told by then that nothing was kept.
///
/// # Errors
/// What stands in the way.
pub(super) fn set(
    account: &str,
    text: &Secret<String>,
    unlocking: &Unlocking,
    deadline: Instant,
) -> Answer<()> {
    let service = connect()?;
    let found = find(&service, account, unlocking)?;
    if clock::monotonic() >= deadline {
        return Err(KeyError::NoAnswer(LIMIT));
    }
    for item in &found {
        item.set_secret(text.expose().as_bytes(), "text/plain").map_err(said)?;
        complete(item, account).map_err(said)?;
    }
    if found.is_empty() {
        create(&service, account, text)?;
    }
    Ok(())
}

/// A connection of its own: the bus may be another one than last time. A call that nobody answers
/// ends, so that a service that hangs holds no thread for ever.
fn connect() -> Answer<SecretService<'static>> {
    if !has_session(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        let text = "this process belongs to no desktop session (no session bus)";
        return Err(KeyError::Unreachable(text.to_owned()));
    }
    let bus = Builder::session().and_then(|bus| bus.method_timeout(LIMIT).build());
    let bus =
        bus.map_err(|error| KeyError::Unreachable(format!("the session bus cannot be used ({error})")))?;
    SecretService::connect_with_existing(EncryptionType::Dh, bus).map_err(said)
}

/// Whether a session is said to be there. The bus of somebody's session is not for a service of
/// the system, even one that runs under their account and could reach it.
fn has_session(is_set: impl Fn(&str) -> bool) -> bool {
    let runtime = is_set("XDG_RUNTIME_DIR");
    // The user's own service manager gives its units a runtime folder, the system's does not.
    let system_unit = is_set("INVOCATION_ID") && !runtime;
    !system_unit && (runtime || is_set("DBUS_SESSION_BUS_ADDRESS"))
}

/// The entries of an account, unlocked.
fn find<'a>(service: &'a SecretService<'a>, account: &str, unlocking: &Unlocking) -> Answer<Vec<Item<'a>>> {
    let found = look(service, account)?;
    if !found.unlocked.is_empty() {
        return Ok(found.unlocked);
    }
    if let Some(item) = found.locked.first() {
        unlocking.ask(|| item.unlock().map_err(said))?;
    } else if !open_default(service, unlocking)? {
        return Ok(Vec::new());
    }
    let found = look(service, account)?;
    if found.unlocked.is_empty() && !found.locked.is_empty() {
        return Err(KeyError::Locked(""));
    }
    Ok(found.unlocked)
}

/// Unlocks the collection where new entries go, since a locked one may not show what it holds;
/// false when that was not necessary.
fn open_default(service: &SecretService<'_>, unlocking: &Unlocking) -> Answer<bool> {
    let collection = match service.get_default_collection() {
        Ok(collection) => collection,
        Err(Error::NoResult) => return Ok(false),
        Err(error) => return Err(said(error)),
    };
    if !collection.is_locked().map_err(said)? {
        return Ok(false);
    }
    unlocking.ask(|| collection.unlock().map_err(said))?;
    if collection.is_locked().map_err(said)? { Err(KeyError::Locked("")) } else { Ok(true) }
}

#[derive(Default)]
struct Found<'a> {
    unlocked: Vec<Item<'a>>,
    locked: Vec<Item<'a>>,
}

impl<'a> Found<'a> {
    fn take(&mut self, unlocked: Vec<Item<'a>>, locked: Vec<Item<'a>>) {
        for (list, more) in [(&mut self.unlocked, unlocked), (&mut self.locked, locked)] {
            for item in more {
                if list.iter().all(|known| known.item_path != item.item_path) {
                    list.push(item);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.unlocked.is_empty() && self.locked.is_empty()
    }
}

/// The entries of an account without unlocking anything. Older clients wrote the environment as it
/// was typed, so one that differs only by case is looked for last.
fn look<'a>(service: &'a SecretService<'a>, account: &str) -> Answer<Found<'a>> {
    let mut found = Found::default();
    for name in ["account", "username"] {
        let named = HashMap::from([("service", SERVICE), (name, account)]);
        let items = service.search_items(named).map_err(said)?;
        found.take(items.unlocked, items.locked);
    }
    if found.is_empty() {
        let ours = service.search_items(HashMap::from([("service", SERVICE)])).map_err(said)?;
        let typed = |item: &Item<'_>| {
            let attributes = item.get_attributes().unwrap_or_default();
            attributes.get("account").is_some_and(|typed| typed.eq_ignore_ascii_case(account))
        };
        found.take(ours.unlocked.into_iter().filter(typed).collect(), Vec::new());
    }
    Ok(found)
}

/// Gives an entry of the `keyring` library the attribute that `secret-tool` is asked with. What
/// others wrote is otherwise left as it is, so that they find it again.
fn complete(item: &Item<'_>, account: &str) -> Result<(), Error> {
    let present = item.get_attributes()?;
    if present.contains_key("account") {
        return Ok(());
    }
    let mut wanted: HashMap<&str, &str> =
        present.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    wanted.insert("account", account);
    item.set_attributes(wanted)
}

fn create(service: &SecretService<'_>, account: &str, text: &Secret<String>) -> Answer<()> {
    let collection = match service.get_default_collection() {
        Ok(collection) => collection,
        Err(Error::NoResult) => {
            let text =
                "it has no default collection to keep a key in: log in to the desktop once, or make one";
            return Err(KeyError::Refused(text.to_owned()));
        }
        Err(error) => return Err(said(error)),
    };
    let attributes = HashMap::from([
        ("xdg:schema", SCHEMA),
        ("service", SERVICE),
        ("account", account),
        ("username", account),
    ]);
    let label = format!("vsync {account}");
    let made = collection.create_item(&label, attributes, text.expose().as_bytes(), true, "text/plain");
    made.map(drop).map_err(said)
}

/// What an error of the library means. The bus names errors by fixed words.
fn said(error: Error) -> KeyError {
    let text = error.to_string();
    match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => KeyError::Locked(""),
        _ if text.contains("org.freedesktop.Secret.Error.IsLocked") => KeyError::Locked(""),
        Error::Unavailable => KeyError::Unreachable("no session bus, or no Secret Service on it".to_owned()),
        _ if ["ServiceUnknown", "NameHasNoOwner", "NoReply", "Spawn"]
            .iter()
            .any(|word| text.contains(word)) =>
        {
            KeyError::Unreachable(format!("no Secret Service answers on the session bus ({text})"))
        }
        Error::Zbus(zbus::Error::InputOutput(error)) if error.kind() == ErrorKind::TimedOut => {
            KeyError::NoAnswer(LIMIT)
        }
        Error::Zbus(_) if !text.contains("org.freedesktop.") => {
            KeyError::Unreachable(format!("the session bus does not work ({text})"))
        }
        _ => KeyError::Refused(text),
    }
}

#[cfg(test)]
mod stories;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_the_system_has_no_session() {
        let has = |names: &[&str]| has_session(|name| names.contains(&name));
        assert!(!has(&[]));
        assert!(has(&["XDG_RUNTIME_DIR"]) && has(&["DBUS_SESSION_BUS_ADDRESS"]));
        assert!(has(&["INVOCATION_ID", "XDG_RUNTIME_DIR"]), "a unit of the user");
        assert!(!has(&["INVOCATION_ID"]) && !has(&["INVOCATION_ID", "DBUS_SESSION_BUS_ADDRESS"]));
    }

    #[test]
    fn errors_are_told_apart() {
        assert!(matches!(said(Error::Prompt), KeyError::Locked(_)));
        assert!(matches!(said(Error::Unavailable), KeyError::Unreachable(_)));
        assert!(matches!(said(Error::Crypto("x")), KeyError::Refused(_)));
    }
}
