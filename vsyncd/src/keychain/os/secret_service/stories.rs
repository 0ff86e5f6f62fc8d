//! Stories with a real Secret Service. `tests/components/gnome-keyring.sh` and `oo7.sh` bring up the
//! services and run them; each group wants another state of the session bus, so none runs by itself.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use vsync_core::id::{Env, Pair, Repo};

use super::*;
use crate::clock;
use crate::keychain::os::patience::{Impatient, Patience};
use crate::keychain::os::{OsKeychain, entry};
use crate::keychain::{KeyStore as _, new_key};

/// What a person waits at most.
const SOON: Duration = Duration::from_secs(5);

fn pair(env: &str) -> Pair {
    let name = new_key().unwrap();
    Pair::new(Repo::new(&format!("stories/{}", name.expose())).unwrap(), Env::new(env).unwrap())
}

/// What `secret-tool` prints for an account.
fn secret_tool(verb: &[&str], account: &str, input: &str) -> String {
    let mut command = Command::new("secret-tool");
    command.args(verb).args(["service", SERVICE, "account", account]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn looked_up(account: &str) -> String {
    secret_tool(&["lookup"], account, "")
}

/// The attributes of every entry with this account, under either name.
fn entries(account: &str) -> Vec<HashMap<String, String>> {
    let service = connect().unwrap();
    let found = look(&service, account).unwrap();
    found.unlocked.iter().map(|item| item.get_attributes().unwrap()).collect()
}

/// An entry as another program writes it.
fn foreign(attributes: &[(&str, &str)], value: &str) {
    let service = connect().unwrap();
    let collection = service.get_default_collection().unwrap();
    let attributes = attributes.iter().copied().collect();
    collection.create_item("foreign", attributes, value.as_bytes(), false, "text/plain").unwrap();
}

#[track_caller]
fn soon<T>(what: impl FnOnce() -> T) -> T {
    let began = clock::monotonic();
    let value = what();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    value
}

#[test]
#[ignore = "needs an open Secret Service"]
fn open_keys_are_kept_found_by_secret_tool_and_replaced_in_place() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    assert_eq!(soon(|| keychain.get(&pair)).unwrap(), None);
    for _ in 0..3 {
        let key = new_key().unwrap();
        soon(|| keychain.set(&pair, &key)).unwrap();
        assert_eq!(soon(|| keychain.get(&pair)).unwrap().as_ref(), Some(&key));
        assert_eq!(looked_up(&pair.to_string()), *key.expose());
    }
    assert_eq!(entries(&pair.to_string()).len(), 1);
    let retired = Pair::new(pair.repo.clone(), Env::new("dev.retired-1").unwrap());
    keychain.set(&retired, &new_key().unwrap()).unwrap();
    assert_ne!(keychain.get(&retired).unwrap(), keychain.get(&pair).unwrap());
}

#[test]
#[ignore = "needs an open Secret Service"]
fn open_entries_of_the_older_client_are_found_and_replaced_in_place() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    let account = pair.to_string();
    let schema = ("xdg:schema", "com.oven-sh.bun.Secret");
    let key = new_key().unwrap();
    foreign(&[schema, ("service", SERVICE), ("account", &account)], key.expose());
    assert_eq!(keychain.get(&pair).unwrap(), Some(key));
    let key = new_key().unwrap();
    keychain.set(&pair, &key).unwrap();
    assert_eq!(keychain.get(&pair).unwrap().as_ref(), Some(&key));
    assert_eq!(looked_up(&account), *key.expose());
    let entries = entries(&account);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["xdg:schema"], schema.1, "the older client still finds it");
}

#[test]
#[ignore = "needs an open Secret Service"]
fn open_entries_of_secret_tool_are_found_and_a_line_end_is_no_part_of_the_key() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    let key = new_key().unwrap();
    secret_tool(&["store", "--label", "by hand"], &pair.to_string(), &format!("{}\n", key.expose()));
    assert_eq!(keychain.get(&pair).unwrap().as_ref(), Some(&key));
    keychain.set(&pair, &key).unwrap();
    assert_eq!(entries(&pair.to_string()).len(), 1);
    secret_tool(&["store", "--label", "by hand"], &pair.to_string(), "hunter2");
    let error = keychain.get(&pair).unwrap_err();
    assert!(matches!(error, KeyError::NotAKey(_)) && !error.to_string().contains("hunter2"), "{error}");
}

#[test]
#[ignore = "needs an open Secret Service"]
fn open_entries_with_the_environment_as_typed_are_found() {
    let (keychain, pair) = (OsKeychain::default(), pair("prod"));
    let typed = format!("{}/Prod", pair.repo);
    let key = new_key().unwrap();
    foreign(&[("service", SERVICE), ("account", &typed)], key.expose());
    assert_eq!(keychain.get(&pair).unwrap(), Some(key));
    let key = new_key().unwrap();
    keychain.set(&pair, &key).unwrap();
    assert_eq!(looked_up(&typed), *key.expose());
    assert_eq!(keychain.get(&pair).unwrap(), Some(key));
}

#[test]
#[ignore = "needs an open Secret Service"]
fn open_entries_of_the_keyring_library_are_the_same_entries() {
    let (keychain, pair, unlocking) = (OsKeychain::default(), pair("dev"), Unlocking::default());
    let account = pair.to_string();
    let key = new_key().unwrap();
    entry::set(&account, &key, &unlocking, clock::monotonic() + SOON).unwrap();
    assert_eq!(looked_up(&account), "", "the library writes no account");
    assert_eq!(keychain.get(&pair).unwrap().as_ref(), Some(&key));
    assert_eq!(looked_up(&account), *key.expose(), "a look completes the entry");
    let key = new_key().unwrap();
    keychain.set(&pair, &key).unwrap();
    assert_eq!(entry::get(&account, &unlocking).unwrap(), Some(key));
    assert_eq!(entries(&account).len(), 1);
}

#[test]
#[ignore = "needs an open Secret Service"]
fn open_entries_that_are_there_twice_get_one_value() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    let account = pair.to_string();
    for schema in ["com.oven-sh.bun.Secret", SCHEMA] {
        foreign(
            &[("xdg:schema", schema), ("service", SERVICE), ("account", &account)],
            new_key().unwrap().expose(),
        );
    }
    assert!(keychain.get(&pair).unwrap().is_some());
    let key = new_key().unwrap();
    keychain.set(&pair, &key).unwrap();
    let service = connect().unwrap();
    for item in look(&service, &account).unwrap().unlocked {
        assert_eq!(item.get_secret().unwrap(), key.expose().as_bytes());
    }
    assert_eq!(keychain.get(&pair).unwrap(), Some(key));
}

/// The service's collection is locked while this runs, and opened in between by the command in
/// `VSYNC_TEST_UNLOCK`. Nobody answers prompts.
#[test]
#[ignore = "needs a Secret Service that this test may lock"]
fn lockable_keys_cannot_be_had_while_locked_and_come_back() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    let key = new_key().unwrap();
    keychain.set(&pair, &key).unwrap();
    {
        let service = connect().unwrap();
        service.get_default_collection().unwrap().lock().unwrap();
    }
    for _ in 0..3 {
        let error = soon(|| keychain.get(&pair)).unwrap_err();
        assert!(matches!(error, KeyError::Locked(_)), "{error}");
        let error = soon(|| keychain.set(&pair, &new_key().unwrap())).unwrap_err();
        assert!(matches!(error, KeyError::Locked(_)), "{error}");
        let unknown = Pair::new(pair.repo.clone(), Env::new("other").unwrap());
        let error = soon(|| keychain.get(&unknown)).unwrap_err();
        assert!(matches!(error, KeyError::Locked(_)), "whether it is there cannot be told: {error}");
    }
    let unlock = std::env::var("VSYNC_TEST_UNLOCK").unwrap();
    assert!(Command::new("sh").args(["-c", &unlock]).status().unwrap().success());
    assert_eq!(keychain.get(&pair).unwrap(), Some(key));
}

/// A wrong password was given, or a prompt is open that nobody answers.
#[test]
#[ignore = "needs a locked Secret Service"]
fn locked_services_are_told_from_missing_keys() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    for _ in 0..3 {
        let error = soon(|| keychain.get(&pair)).unwrap_err();
        assert!(matches!(error, KeyError::Locked(_)), "{error}");
        let asks = std::env::var_os("VSYNC_TEST_PROMPT_OPEN").is_some();
        assert_eq!(error.to_string().contains("window"), asks, "{error}");
    }
    let error = soon(|| keychain.set(&pair, &new_key().unwrap())).unwrap_err();
    assert!(matches!(error, KeyError::Locked(_)), "{error}");
}

/// Why the `keyring` library is not what asks a Secret Service: with it each look waits for a prompt.
#[test]
#[ignore = "needs a locked Secret Service, a prompt that nobody answers, and an entry"]
fn prompt_open_looks_of_the_keyring_library_wait_each() {
    let account = std::env::var("VSYNC_TEST_ACCOUNT").unwrap();
    let patience = Patience::new(Duration::from_secs(1), 2);
    for _ in 0..2 {
        let asked = account.clone();
        let waits = patience.wait(move || entry::get(&asked, &Unlocking::default()));
        assert!(matches!(waits, Err(Impatient::Late)), "{waits:?}");
    }
}

#[test]
#[ignore = "needs a Secret Service that never answers"]
fn silent_services_are_given_up_and_hold_no_place() {
    let patience = Patience::new(LIMIT, 1);
    let keychain = OsKeychain { patience: patience.clone(), ..OsKeychain::default() };
    let pair = pair("dev");
    for _ in 0..2 {
        let error = soon(|| keychain.get(&pair)).unwrap_err();
        assert!(matches!(error, KeyError::NoAnswer(_)), "{error}");
    }
    assert_eq!(patience.wait(|| 7), Ok(7), "the only place is free again");
}

/// A daemon that is older than the session, and why the `keyring` library does not do there: the
/// bus that its first look misses is missed for ever. `VSYNC_TEST_SESSION` starts the session.
#[test]
#[ignore = "needs a session that this test may start"]
fn late_services_are_found_and_the_keyring_library_finds_none() {
    let (keychain, pair, unlocking) = (OsKeychain::default(), pair("dev"), Unlocking::default());
    let library = || entry::get(&pair.to_string(), &unlocking);
    assert!(matches!(soon(|| keychain.get(&pair)), Err(KeyError::Unreachable(_))));
    assert!(matches!(library(), Err(KeyError::Unreachable(_))));
    let start = std::env::var("VSYNC_TEST_SESSION").unwrap();
    assert!(Command::new("sh").args(["-c", &start]).status().unwrap().success());
    let key = new_key().unwrap();
    keychain.set(&pair, &key).unwrap();
    assert_eq!(keychain.get(&pair).unwrap(), Some(key));
    assert!(matches!(library(), Err(KeyError::Unreachable(_))), "the library looks anew: link it again?");
}

#[test]
#[ignore = "needs a session bus without a Secret Service, or none"]
fn absent_services_are_unreachable() {
    let (keychain, pair) = (OsKeychain::default(), pair("dev"));
    let error = soon(|| keychain.get(&pair)).unwrap_err();
    assert!(matches!(error, KeyError::Unreachable(_)), "{error}");
    let error = soon(|| keychain.set(&pair, &new_key().unwrap())).unwrap_err();
    assert!(matches!(error, KeyError::Unreachable(_)), "{error}");
}
