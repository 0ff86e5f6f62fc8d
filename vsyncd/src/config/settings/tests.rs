use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use vsync_core::id::{Env, Repo};

use super::super::values::{Account, Mode};
use super::*;

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text.as_bytes()).map_err(|(line, column, message)| format!("{line}:{column} {message}"))
}

fn pair(repo: &str, env: &str) -> Pair {
    Pair::new(Repo::new(repo).unwrap(), Env::new(env).unwrap())
}

fn temporary(text: &str, mode: u32) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file.as_file(), text.as_bytes()).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
    file
}

const FULL: &str = r#"
poll: { interval: 5s, rescan: 10m }
key_store: file
limits: { bundle: 1MiB, uncompressed: 2MiB, entries: 10 }
keep_replaced: 2m
backups: { keep: 3 }
tls: { ca_file: /etc/ssl/own.pem }
on_edit: push
on_conflict: hold
pairs:
  Acme/web/Prod:
    on_edit: status
    on_conflict: hold
    poll_interval: 1s
    file_mode: "0640"
    dir_mode: "0750"
    owner: app
    group: 33
"#;

#[test]
fn nothing_said_means_the_defaults() {
    for text in ["", "# a comment\n", "{}", "---\n", "backups:\npairs: {}\n"] {
        assert_eq!(parse(text), Ok(Settings::default()), "{text:?}");
    }
    let defaults = Settings::default();
    assert_eq!(defaults.poll.interval, Duration::from_secs(15));
    assert_eq!(defaults.key_store, KeyStoreKind::Keychain);
    assert_eq!(defaults.limits.uncompressed, Size(1 << 30));
    assert_eq!(Settings::load(Path::new("/nonexistent/vsyncd.yaml")).unwrap(), defaults);
}

#[test]
fn every_key_is_read() {
    let settings = parse(FULL).unwrap();
    assert_eq!(settings.poll, Poll { interval: Duration::from_secs(5), rescan: Duration::from_secs(600) });
    assert_eq!(settings.key_store, KeyStoreKind::File);
    let limits = Limits { bundle: Size(1 << 20), uncompressed: Size(2 << 20), entries: 10 };
    assert_eq!(settings.limits, limits);
    assert_eq!(settings.keep_replaced.0, Duration::from_secs(120));
    assert_eq!(settings.backups.keep, 3);
    assert_eq!(settings.tls.ca_file.as_deref(), Some(Path::new("/etc/ssl/own.pem")));
    assert!(parse("tls: { ca_file: own.pem }").unwrap_err().contains("not an absolute path"));
    assert!(parse("tls: { ca_flie: /x }").unwrap_err().contains("did you mean 'ca_file'?"));
    let own = &settings.pairs[&pair("acme_web", "prod")];
    assert_eq!((own.file_mode, own.dir_mode), (Some(Mode(0o640)), Some(Mode(0o750))));
    assert_eq!((own.owner.clone(), own.group.clone()), (Some("app".parse().unwrap()), Some(Account::Id(33))));
}

#[test]
fn a_pair_overrides_the_daemon() {
    let settings = parse(FULL).unwrap();
    let own = settings.policy(&pair("acme_web", "prod"));
    assert_eq!((own.on_edit, own.poll_interval), (OnEdit::Status, Duration::from_secs(1)));
    assert_eq!((own.file_mode, own.dir_mode), (Some(0o640), Some(0o750)));
    let other = settings.policy(&pair("acme_web", "dev"));
    assert_eq!((other.on_edit, other.poll_interval), (OnEdit::Push, Duration::from_secs(5)));
    assert_eq!((other.file_mode, other.owner), (None, None));
}

#[test]
fn errors_say_where_and_what_was_meant() {
    for (text, expected) in [
        ("pol:\n  interval: 5s\n", "1:1 unknown key 'pol'; did you mean 'poll'?"),
        ("poll:\n  intervall: 5s\n", "2:3 unknown key 'intervall' in 'poll'; did you mean 'interval'?"),
        ("key_store: files\n", "1:12 unknown value 'files' in 'key_store'; did you mean 'file'?"),
    ] {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    }
    let far = parse("xyzzy: 1\n").unwrap_err();
    assert!(far.contains("unknown key 'xyzzy'; possible: poll, key_store, limits"), "{far}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (text, part) in [
        ("poll: {interval: 15}", "a duration with its unit"),
        ("poll: {interval: soon}", "'soon' is not a duration"),
        ("poll: {interval: 0s}", "more than zero"),
        ("limits: {bundle: 256}", "a size with its unit"),
        ("limits: {bundle: 256MB}", "256MiB"),
        ("backups: {keep: -1}", "keep"),
        ("backups: 20", "a map of settings"),
        ("poll: [1s, 2s]", "a map of settings"),
        ("keep_replaced: 60", "a duration with its unit"),
        ("on_conflict: merge", "unknown value 'merge'"),
        ("poll: {interval: 1s, interval: 2s}", "duplicate"),
        ("pairs: {web: {}}", "'web' is not a pair"),
        ("pairs: {profiles/dev: {}}", "reserved"),
        ("pairs: {a/dev: {}, A/DEV: {}}", "twice"),
        ("pairs: {a/dev: {file_mode: 640}}", "a mode in quotes"),
        ("pairs: {a/dev: {file_mode: \"0240\"}}", "does not let the owner read"),
        ("pairs: {a/dev: {dir_mode: \"0600\"}}", "does not let the owner read, write and enter"),
        ("pairs: {a/dev: {on_edits: push}}", "did you mean 'on_edit'?"),
        ("- a", "a map of settings"),
        ("poll: [", "1:"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
    let error = Settings::parse(b"# ok\n\xff").unwrap_err();
    assert_eq!(error, (2, 1, "not UTF-8".to_owned()));
}

#[test]
fn the_environment_overrides_the_file() {
    let with = |name: &'static str, value: &'static str| {
        parse(FULL).unwrap().with_env(move |var| (var == name).then(|| value.into()))
    };
    let fast = with("VSYNC_POLL_INTERVAL", "100ms").unwrap();
    assert_eq!(fast.poll.interval, Duration::from_millis(100));
    assert_eq!(fast.policy(&pair("acme_web", "prod")).poll_interval, Duration::from_millis(100));
    assert_eq!(with("VSYNC_KEY_STORE", "keychain").unwrap().key_store, KeyStoreKind::Keychain);
    for (name, value) in
        [("VSYNC_POLL_INTERVAL", ""), ("VSYNC_POLL_INTERVAL", "often"), ("VSYNC_KEY_STORE", "File")]
    {
        let error = with(name, value).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}

#[test]
fn a_file_others_can_write_is_refused_and_errors_name_the_file() {
    let writable = temporary("on_edit: push\n", 0o620);
    assert!(matches!(Settings::load(writable.path()), Err(SettingsError::File(Untrusted::Writable { .. }))));
    let readable = temporary("on_edit: push\n", 0o644);
    assert_eq!(Settings::load(readable.path()).unwrap().on_edit, OnEdit::Push);
    let wrong = temporary("\n\nbackup: 1\n", 0o600);
    let error = Settings::load(wrong.path()).unwrap_err().to_string();
    let start = format!("{}:3:1: unknown key 'backup'", wrong.path().display());
    assert!(error.starts_with(&start), "{error}");
}

/// The keys of a map of settings, as serde declares them: shown when none of them is meant.
fn keys_under(path: &[&str]) -> Vec<String> {
    let mut text = String::from("zzzzzzzzzzzzzzzz: 1");
    for part in path.iter().rev() {
        text = format!("\"{part}\": {{{text}}}");
    }
    let error = parse(&format!("{{{text}}}")).unwrap_err();
    let (_, keys) = error.split_once("possible: ").unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_documentation_names_every_key_and_default() {
    let page = include_str!("../../../../docs/settings.md");
    let mut keys = Vec::new();
    for key in keys_under(&[]) {
        match key.as_str() {
            "poll" | "limits" | "backups" | "tls" => {
                keys.extend(keys_under(&[&key]).iter().map(|inner| format!("{key}.{inner}")));
            }
            "pairs" => {
                keys.extend(
                    keys_under(&["pairs", "a/b"]).iter().map(|inner| format!("pairs.<pair>.{inner}")),
                );
            }
            _ => keys.push(key),
        }
    }
    assert_eq!(keys.len(), 18);
    for key in keys {
        assert!(page.lines().any(|line| line.starts_with(&format!("| `{key}` |"))), "{key}");
    }
    for default in ["15s", "3m", "256MiB", "1GiB", "65536", "60s", "20", POLL_INTERVAL_VAR, KEY_STORE_VAR] {
        assert!(page.contains(default), "{default}");
    }
}

#[test]
fn the_example_in_the_documentation_is_valid() {
    let page = include_str!("../../../../docs/settings.md");
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let settings = parse(example).unwrap();
    assert!(!settings.pairs.is_empty());
}
