use std::sync::Mutex;

use serde_json::{Value, json};
use vsync_tests::http::{Fault, Matcher};
use vsync_tests::kv2::{Kv2Server, READER, TOKEN};

use super::*;

const PATH: &str = "acme_web/dev";

type Outcomes = BTreeMap<String, Result<(), TargetError>>;

fn route(server: &Kv2Server) -> Routing {
    Routing {
        repo: "acme_web".into(),
        env: "dev".into(),
        vault_addr: Some(server.url()),
        ..Routing::default()
    }
}

fn vars(pairs: &[(&str, &str)]) -> Surroundings {
    let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Surroundings { env, ..Surroundings::default() }
}

async fn reach(route: Routing) -> Hashicorp {
    Hashicorp::open(&route, &vars(&[("VAULT_TOKEN", TOKEN)])).await.unwrap()
}

fn put(name: &str, value: impl AsRef<[u8]>) -> Write {
    let value = Secret::new(value.as_ref().to_vec());
    Write::Put { name: name.into(), value, exists: false, token: "0".repeat(32) }
}

fn remove(name: &str) -> Write {
    Write::Remove { name: name.into() }
}

async fn look(vault: &Hashicorp, names: &[&str]) -> Result<Vec<String>, TargetError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let seen = vault.look(&names).await?;
    assert!(seen.present.values().all(Option::is_none), "values are read, marks would say nothing");
    Ok(seen.present.into_keys().collect())
}

async fn apply(vault: &Hashicorp, writes: Vec<Write>) -> Outcomes {
    let (expected, reported) = (writes.len(), Mutex::new(Vec::new()));
    vault.apply(writes, &|done| reported.lock().unwrap().push((done.name, done.outcome.map(|_| ())))).await;
    let reported = reported.into_inner().unwrap();
    let outcomes: Outcomes = reported.iter().cloned().collect();
    assert_eq!((reported.len(), outcomes.len()), (expected, expected), "each write is reported once");
    outcomes
}

async fn all_fine(vault: &Hashicorp, writes: Vec<Write>) {
    for (name, outcome) in apply(vault, writes).await {
        assert_eq!(outcome, Ok(()), "{name}");
    }
}

fn hint(error: &TargetError) -> &str {
    match error {
        TargetError::Denied { hint, .. }
        | TargetError::Missing { hint, .. }
        | TargetError::Failed { hint, .. } => hint.as_deref().unwrap_or_default(),
        TargetError::Routing { hint, .. } => hint,
        _ => "",
    }
}

#[tokio::test]
async fn values_arrive_byte_for_byte_in_one_write() {
    let server = Kv2Server::start();
    let vault = reach(route(&server)).await;
    let large = "x".repeat(40 * 1024);
    let values =
        [("U", "grüße 漢字 🔑"), ("E", ""), ("L", &large), ("N", "line\r\nline\n"), ("Q", "\"\\\u{1}</")];
    assert_eq!(look(&vault, &["U"]).await.unwrap(), [""; 0]);
    all_fine(&vault, values.iter().map(|(name, value)| put(name, value)).collect()).await;
    assert_eq!(server.map(PATH), values.iter().map(|(n, v)| ((*n).to_owned(), json!(v))).collect::<Value>());
    assert_eq!((server.version(PATH), server.http().requests("POST", "")), (1, 1));
    assert_eq!(look(&vault, &["U", "E", "X"]).await.unwrap(), ["E", "U"]);
    for (name, value) in values {
        assert_eq!(vault.holds(name, &Secret::new(value.into())).await, Ok(Some(true)));
        assert_eq!(vault.holds(name, &Secret::new(b"other".to_vec())).await, Ok(Some(false)));
    }
    let outcomes = apply(&vault, vec![put("BYTES", [0xff]), put("E", "full")]).await;
    assert!(matches!(&outcomes["BYTES"], Err(TargetError::Failed { what, .. }) if what.contains("UTF-8")));
    assert_eq!((outcomes["E"].is_ok(), &server.map(PATH)["E"]), (true, &json!("full")));
}

#[tokio::test]
async fn keys_of_others_stay_unless_everything_is_replaced() {
    let server = Kv2Server::start();
    server.set(PATH, json!({ "A": "old", "theirs": { "n": [1, null] }, "GONE": "x" }));
    let vault = reach(route(&server)).await;
    assert_eq!(look(&vault, &["A", "GONE"]).await.unwrap(), ["A", "GONE"]);
    assert_eq!(vault.others(), [""; 0]);
    all_fine(&vault, vec![put("A", "new"), remove("GONE"), remove("NEVER")]).await;
    assert_eq!(server.map(PATH), json!({ "A": "new", "theirs": { "n": [1, null] } }));
    let replacing = reach(Routing { replace: true, ..route(&server) }).await;
    look(&replacing, &["A"]).await.unwrap();
    assert_eq!(replacing.others(), ["theirs"]);
    all_fine(&replacing, replacing.others().iter().map(|name| remove(name)).collect()).await;
    assert_eq!(server.map(PATH), json!({ "A": "new" }));
    server.set(PATH, json!({ "A": "old", "B": "old", "theirs": 1 }));
    look(&replacing, &["A", "B"]).await.unwrap();
    server.race(1, "later", json!("x"));
    all_fine(&replacing, vec![put("A", "new"), put("C", "new")]).await;
    assert_eq!(server.map(PATH), json!({ "A": "new", "B": "old", "C": "new" }));
}

#[tokio::test]
async fn what_is_there_already_is_written_only_when_asked() {
    let server = Kv2Server::start();
    server.set(PATH, json!({ "A": "same" }));
    let vault = reach(route(&server)).await;
    look(&vault, &["A"]).await.unwrap();
    all_fine(&vault, vec![remove("NEVER")]).await;
    assert_eq!((server.version(PATH), server.http().requests("POST", "")), (1, 0));
    all_fine(&vault, vec![put("A", "same")]).await;
    assert_eq!((server.version(PATH), server.http().requests("POST", "")), (2, 1));
    // What was written is not written again because nobody heard of it.
    look(&vault, &["A"]).await.unwrap();
    server.http().fail_next(1, Matcher::method("POST"), Fault::LoseAnswer);
    all_fine(&vault, vec![put("A", "same")]).await;
    assert_eq!(server.version(PATH), 3);
}

#[tokio::test]
async fn a_deleted_version_is_replaced() {
    let server = Kv2Server::start();
    server.set(PATH, json!({ "A": "deleted" }));
    server.delete(PATH);
    let vault = reach(route(&server)).await;
    assert_eq!(look(&vault, &["A"]).await.unwrap(), [""; 0]);
    all_fine(&vault, vec![put("B", "new")]).await;
    assert_eq!((server.map(PATH), server.version(PATH)), (json!({ "B": "new" }), 2));
}

#[tokio::test]
async fn a_race_is_repeated_over_the_newer_map() {
    let server = Kv2Server::start();
    server.set(PATH, json!({ "A": "1" }));
    let vault = reach(route(&server)).await;
    look(&vault, &["A"]).await.unwrap();
    server.race(2, "theirs", json!("kept"));
    all_fine(&vault, vec![put("A", "2")]).await;
    assert_eq!(server.map(PATH), json!({ "A": "2", "theirs": "kept" }));
    assert_eq!(server.http().requests("POST", ""), 3);
    server.race(usize::MAX, "theirs", json!("again"));
    look(&vault, &["A"]).await.unwrap();
    let outcomes = apply(&vault, vec![put("A", "3"), put("B", "3")]).await;
    assert!(
        outcomes.values().all(|outcome| matches!(outcome, Err(TargetError::Conflict { .. }))),
        "{outcomes:?}"
    );
    assert_eq!(server.map(PATH), json!({ "A": "2", "theirs": "again" }));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_found_and_not_repeated() {
    let server = Kv2Server::start();
    let vault = reach(route(&server)).await;
    look(&vault, &["A"]).await.unwrap();
    server.http().fail_next(1, Matcher::method("POST"), Fault::LoseAnswer);
    all_fine(&vault, vec![put("A", "1")]).await;
    assert_eq!(server.version(PATH), 1);
    server.http().fail_next(1, Matcher::method("POST"), Fault::CutBody);
    all_fine(&vault, vec![put("A", "2")]).await;
    assert_eq!((server.version(PATH), server.map(PATH)), (2, json!({ "A": "2" })));
    server.http().fail_next(1, Matcher::method("POST"), Fault::status(500));
    all_fine(&vault, vec![put("A", "3")]).await;
    assert_eq!(server.version(PATH), 3);
}

#[tokio::test]
async fn namespaces_and_mounts_are_named() {
    let server = Kv2Server::start();
    let team = vars(&[("VAULT_TOKEN", TOKEN), ("VAULT_NAMESPACE", "team/")]);
    let vault = Hashicorp::open(&Routing { vault_path: Some("/a b/ü/".into()), ..route(&server) }, &team)
        .await
        .unwrap();
    let place = format!("Vault secret secret/a b/ü at {}, namespace team", &server.url()[7..]);
    assert_eq!((vault.describe(), vault.credential()), (place, "VAULT_TOKEN".to_owned()));
    look(&vault, &[]).await.unwrap();
    all_fine(&vault, vec![put("A", "1")]).await;
    assert_eq!((server.map_in("team", "a b/ü"), server.map("a b/ü")), (json!({ "A": "1" }), Value::Null));
    for (mount, path) in [("secret", "a/../b"), ("secret", ""), ("", "a"), ("a//b", "a")] {
        let route =
            Routing { vault_mount: Some(mount.into()), vault_path: Some(path.into()), ..route(&server) };
        let error = Hashicorp::open(&route, &team).await.unwrap_err();
        assert!(
            matches!(error, TargetError::Routing { .. }) && hint(&error).contains("--vault-"),
            "{error:?}"
        );
    }
    let nowhere = Routing { vault_addr: None, ..route(&server) };
    let error = Hashicorp::open(&nowhere, &team).await.unwrap_err();
    assert!(hint(&error).contains("VAULT_ADDR"), "{error:?}");
    let named = vars(&[("VAULT_TOKEN", TOKEN), ("VAULT_ADDR", &server.url())]);
    look(&Hashicorp::open(&nowhere, &named).await.unwrap(), &[]).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_is_explained() {
    let server = Kv2Server::start();
    let with = async |token: &str, mount: &str| {
        let route = Routing { vault_mount: Some(mount.into()), ..route(&server) };
        Hashicorp::open(&route, &vars(&[("VAULT_TOKEN", token)])).await.unwrap()
    };
    let error = look(&with("hvs.expired-token", "secret").await, &[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Denied { .. }) && hint(&error).contains("secret/data/acme_web/dev"));
    assert!(!format!("{error:?}").contains("hvs."), "{error:?}");

    let reader = with(READER, "secret").await;
    look(&reader, &[]).await.unwrap();
    let outcomes = apply(&reader, vec![put("A", "value-of-a")]).await;
    assert!(
        matches!(&outcomes["A"], Err(error @ TargetError::Denied { .. }) if hint(error).contains("\"update\""))
    );
    assert_eq!(server.http().requests("POST", ""), 1, "a refusal is not repeated");

    let error = look(&with(TOKEN, "none").await, &[]).await.unwrap_err();
    assert!(
        matches!(error, TargetError::Missing { .. }) && hint(&error).contains("--vault-mount"),
        "{error:?}"
    );

    for again in 0..2 {
        let error = look(&with(TOKEN, "old").await, &[]).await.unwrap_err();
        assert!(matches!(error, TargetError::Failed { .. }) && hint(&error).contains("enable-versioning"));
        // Once nothing is there, once something is that looks like it.
        if again == 0 {
            server.set("old/data/acme_web/dev", json!({ "a": "b" }));
        }
    }
    assert_eq!(server.http().requests("POST", "old"), 0, "nothing is written to an engine without versions");

    server.seal(true);
    let error = look(&with(TOKEN, "secret").await, &[]).await.unwrap_err();
    assert!(matches!(&error, TargetError::Unreachable { what, .. } if what.contains("sealed")), "{error:?}");
    server.seal(false);
    server.http().fail_next(9, Matcher::any(), Fault::status(429));
    let error = look(&with(TOKEN, "secret").await, &[]).await.unwrap_err();
    assert!(matches!(&error, TargetError::Unreachable { what, .. } if what.contains("429")), "{error:?}");
}
