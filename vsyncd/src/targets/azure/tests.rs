use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use serde_json::json;
use vsync_tests::http::{Fault, Matcher, Reply};
use vsync_tests::key_vault::{CLIENT, CLIENT_SECRET, IDENTITY_HEADER, KeyVault, TENANT};

use super::*;

type Outcomes = BTreeMap<String, Result<Option<Mark>, TargetError>>;

fn route(server: &KeyVault) -> Routing {
    Routing { azure_vault: Some("acme-prod".into()), base_url: Some(server.url()), ..Routing::default() }
}

/// Variables of a caller; the identity of the machine is nowhere unless it is named.
fn around(pairs: &[(&str, &str)]) -> Surroundings {
    let nowhere = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")];
    let env = nowhere.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Surroundings { env: env.collect(), ..Surroundings::default() }
}

fn client(server: &KeyVault, secret: &str) -> Surroundings {
    around(&[
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_CLIENT_SECRET", secret),
        ("AZURE_AUTHORITY_HOST", &server.url()),
    ])
}

async fn reach(server: &KeyVault) -> Azure {
    Azure::open(&route(server), &client(server, CLIENT_SECRET)).await.unwrap()
}

fn put(name: &str, value: &[u8]) -> Write {
    let value = Secret::new(value.to_vec());
    Write::Put { name: name.into(), value, exists: false, token: "0".repeat(32) }
}

fn numbered(count: usize) -> Vec<Write> {
    (0..count).map(|number| put(&format!("S{number:03}"), format!("value {number}").as_bytes())).collect()
}

async fn apply(azure: &Azure, writes: Vec<Write>) -> Outcomes {
    let (expected, reported) = (writes.len(), Mutex::new(Vec::new()));
    azure.apply(writes, &|done| reported.lock().unwrap().push((done.name, done.outcome))).await;
    let reported = reported.into_inner().unwrap();
    let outcomes: Outcomes = reported.iter().cloned().collect();
    assert_eq!((reported.len(), outcomes.len()), (expected, expected), "each write is reported once");
    outcomes
}

async fn all_fine(azure: &Azure, writes: Vec<Write>) -> BTreeMap<String, Option<Mark>> {
    apply(azure, writes).await.into_iter().map(|(name, outcome)| (name, outcome.unwrap())).collect()
}

fn hint(error: &TargetError) -> &str {
    match error {
        TargetError::Denied { hint, .. }
        | TargetError::Missing { hint, .. }
        | TargetError::Failed { hint, .. } => hint.as_deref().unwrap_or_default(),
        _ => "",
    }
}

#[tokio::test]
async fn values_arrive_byte_for_byte_and_marks_stay() {
    let server = KeyVault::start();
    let large = "x".repeat(25 * 1024);
    let values = [
        ("Unicode", "grüße 漢字 🔑"),
        ("Empty", ""),
        ("Large", &large),
        ("Newline", "l\r\nl\n"),
        ("Q", "\"\\\u{1}</"),
    ];
    let azure = reach(&server).await;
    let asked: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(azure.look(&asked).await.unwrap(), Seen::default());
    let marks =
        all_fine(&azure, values.iter().map(|(name, value)| put(name, value.as_bytes())).collect()).await;
    for (name, value) in values {
        assert_eq!(server.secret(name).as_deref(), Some(value), "{name}");
        assert_eq!(azure.holds(name, &Secret::new(value.into())).await, Ok(Some(true)), "{name}");
        assert_eq!(azure.holds(name, &Secret::new(b"other".to_vec())).await, Ok(Some(false)));
    }
    assert!(marks.values().all(Option::is_some));
    assert_eq!(azure.look(&asked).await.unwrap().present, marks);
    server.set_secret("empty", "by somebody else");
    let seen = azure.look(&asked).await.unwrap().present;
    let changed: Vec<&String> = asked.iter().filter(|name| seen[*name] != marks[*name]).collect();
    assert_eq!(changed, ["Empty"]);
    let outcomes = apply(&azure, vec![put("BYTES", &[0xff]), put("Q", b"fine")]).await;
    assert!(matches!(&outcomes["BYTES"], Err(TargetError::Failed { what, .. }) if what.contains("UTF-8")));
    assert!(outcomes["Q"].is_ok());
}

#[tokio::test]
async fn a_run_asks_no_more_than_it_must() {
    let server = KeyVault::start();
    let azure = reach(&server).await;
    all_fine(&azure, numbered(60)).await;
    assert_eq!((server.http().requests("PUT", ""), server.tokens_given()), (60, 1));
    server.http().forget_log();
    assert_eq!(azure.look(&["S000".into(), "s059".into(), "NO".into()]).await.unwrap().present.len(), 2);
    assert_eq!(server.http().log().len(), 3, "pages of 25");
    all_fine(&azure, vec![Write::Remove { name: "S000".into() }, Write::Remove { name: "NO".into() }]).await;
    assert_eq!(server.names().len(), 59);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_found_and_not_sent_again() {
    let server = KeyVault::start();
    let azure = reach(&server).await;
    server.http().fail_next(1, Matcher::method("PUT"), Fault::LoseAnswer);
    let marks = all_fine(&azure, vec![put("A", b"1")]).await;
    assert_eq!((server.versions("A"), azure.look(&["A".into()]).await.unwrap().present), (1, marks));
    server.http().fail_next(1, Matcher::method("PUT"), Fault::CutBody);
    all_fine(&azure, vec![put("A", b"2")]).await;
    assert_eq!(server.versions("A"), 2);
    server.http().fail_next(1, Matcher::method("PUT"), Fault::Drop);
    server.http().fail_next(1, Matcher::method("PUT"), Fault::status(500));
    all_fine(&azure, vec![put("A", b"3")]).await;
    assert_eq!((server.versions("A"), server.http().requests("PUT", "")), (3, 5));
    server.writers_only(true);
    server.http().fail_next(1, Matcher::method("PUT"), Fault::LoseAnswer);
    let outcomes = apply(&azure, vec![put("A", b"4"), put("B", b"1")]).await;
    let lost: Vec<_> = outcomes.values().filter(|outcome| outcome.is_err()).collect();
    assert!(matches!(lost.as_slice(), [Err(TargetError::Unreachable { .. })]), "{lost:?}");
    assert_eq!((server.versions("A"), server.versions("B")), (4, 1), "nothing is sent blindly again");
    assert_eq!(azure.holds("A", &Secret::new(b"4".to_vec())).await, Ok(None), "it may not be read");
}

#[tokio::test]
async fn limits_are_waited_for_and_one_failure_stops_no_other() {
    let server = KeyVault::start();
    let azure = reach(&server).await;
    let limit = Reply::json(429, &json!({ "error": { "code": "Throttled" } })).with("retry-after", "1");
    server.http().fail_next(2, Matcher::method("PUT"), Fault::Answer(limit));
    all_fine(&azure, numbered(3)).await;
    server.http().fail_next(usize::MAX, Matcher::method("PUT").path("/S001"), Fault::status(500));
    let newer = (0..4).map(|number| put(&format!("S{number:03}"), b"newer")).collect();
    let outcomes = apply(&azure, newer).await;
    let failed: Vec<&String> = outcomes.iter().filter(|(_, o)| o.is_err()).map(|(name, _)| name).collect();
    assert_eq!((failed, server.versions("S002"), server.versions("S001")), (vec![&"S001".to_owned()], 2, 1));
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_is_renewed_once() {
    let server = KeyVault::start();
    let azure = reach(&server).await;
    server.expire_tokens(10);
    all_fine(&azure, numbered(30)).await;
    assert_eq!((server.tokens_given(), server.names().len()), (2, 30));
    server.expire_tokens(0);
    let outcomes = apply(&azure, numbered(30)).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, Err(TargetError::Denied { .. }))));
    assert_eq!(server.tokens_given(), 2);
    let error = outcomes["S000"].as_ref().unwrap_err();
    assert!(
        hint(error).contains("AZURE_CLIENT_SECRET")
            && !format!("{error:?} {azure:?}").contains(CLIENT_SECRET)
    );
}

#[tokio::test]
async fn what_is_refused_is_explained() {
    let server = KeyVault::start();
    let azure = reach(&server).await;
    server.set_secret("A", "old");
    server.delete("A", true);
    assert_eq!(azure.look(&["A".into()]).await.unwrap(), Seen::default());
    let outcomes = apply(&azure, vec![put("A", b"new")]).await;
    let error = outcomes["A"].as_ref().unwrap_err();
    assert!(hint(error).contains("az keyvault secret recover --vault-name acme-prod --name A"), "{error:?}");
    server.delete("A", false);
    all_fine(&azure, vec![put("A", b"new")]).await;
    server.point_to("https://evil.example/secrets?api-version=7.4");
    let error = azure.look(&[]).await.unwrap_err();
    assert!(
        matches!(&error, TargetError::Failed { what, .. } if what.contains("another address")),
        "{error:?}"
    );
    server.stranger(true);
    assert!(hint(&azure.look(&[]).await.unwrap_err()).contains("Key Vault Secrets Officer"));
    server.http().offline(true);
    assert!(matches!(azure.look(&[]).await, Err(TargetError::Unreachable { .. })));
}

#[tokio::test]
async fn the_first_place_with_a_token_is_taken_and_named() {
    let server = KeyVault::start();
    let at = async |around: &Surroundings| {
        let azure = Azure::open(&route(&server), around).await?;
        azure.look(&[]).await.map(|_| azure.credential())
    };
    assert_eq!(at(&client(&server, CLIENT_SECRET)).await.unwrap(), "AZURE_CLIENT_SECRET");
    let error = at(&client(&server, "wrong~secret")).await.unwrap_err();
    assert!(
        hint(&error).contains("AZURE_TENANT_ID") && !format!("{error:?}").contains("wrong~secret"),
        "{error:?}"
    );
    let endpoint = format!("{}/msi/token", server.url());
    let app = around(&[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", IDENTITY_HEADER)]);
    assert_eq!(at(&app).await.unwrap(), "the managed identity of the app");
    let machine = around(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &server.url())]);
    assert_eq!(at(&machine).await.unwrap(), "the managed identity of the machine");
    let none = at(&around(&[])).await.unwrap_err();
    assert!(
        matches!(&none, TargetError::NoCredential { looked, .. } if looked.contains("AZURE_CLIENT_ID")),
        "{none}"
    );
    let mut abroad = client(&server, CLIENT_SECRET);
    abroad.env.insert("AZURE_AUTHORITY_HOST".into(), "http://login.example".into());
    assert!(matches!(at(&abroad).await, Err(TargetError::Routing { .. })), "no secret in the clear");
}

#[tokio::test]
async fn the_last_resort_is_the_vendors_program() {
    let server = KeyVault::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("az");
    let wanted =
        "account get-access-token --resource https://vault.azure.net --query accessToken --output tsv";
    #[expect(clippy::disallowed_methods, reason = "a test installs programs as a person would")]
    std::fs::write(
        &file,
        format!("#!/bin/sh\n[ \"$*\" = \"{wanted}\" ] && [ -z \"$AWS_SECRET\" ] && echo t0k\n"),
    )
    .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let env = around(&[("PATH", folder.path().to_str().unwrap()), ("AWS_SECRET", "not for az")]);
    assert_eq!(Azure::open(&route(&server), &env).await.unwrap().credential(), "az account get-access-token");
}
