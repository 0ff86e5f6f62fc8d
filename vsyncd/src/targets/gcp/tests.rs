use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use vsync_tests::http::{Fault, Matcher, Reply};
use vsync_tests::secret_manager::{PROJECT, Role, SecretManager, TOKEN};

use super::*;

type Outcomes = BTreeMap<String, Result<Option<Mark>, TargetError>>;

fn route(server: &SecretManager) -> Routing {
    Routing { gcp_project: Some(PROJECT.into()), base_url: Some(server.url()), ..Routing::default() }
}

/// Variables of a caller; the metadata server is nowhere unless one is named.
fn around(pairs: &[(&str, &str)]) -> Surroundings {
    let nowhere = [("GCE_METADATA_HOST", "127.0.0.1:1")];
    let env = nowhere.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Surroundings { env: env.collect(), ..Surroundings::default() }
}

async fn reach(server: &SecretManager) -> Gcp {
    Gcp::open(&route(server), &around(&[("CLOUDSDK_AUTH_ACCESS_TOKEN", TOKEN)])).await.unwrap()
}

fn put(name: &str, value: &[u8], exists: bool) -> Write {
    Write::Put { name: name.into(), value: Secret::new(value.to_vec()), exists, token: "0".repeat(32) }
}

fn numbered(count: usize) -> Vec<Write> {
    (0..count).map(|n| put(&format!("S{n:03}"), format!("value {n}").as_bytes(), false)).collect()
}

fn names(writes: &[Write]) -> Vec<String> {
    writes.iter().cloned().map(Write::into_name).collect()
}

async fn apply(gcp: &Gcp, writes: Vec<Write>) -> Outcomes {
    let (expected, reported) = (writes.len(), Mutex::new(Vec::new()));
    gcp.apply(writes, &|done| reported.lock().unwrap().push((done.name, done.outcome))).await;
    let reported = reported.into_inner().unwrap();
    let outcomes: Outcomes = reported.iter().cloned().collect();
    assert_eq!((reported.len(), outcomes.len()), (expected, expected), "each write is reported once");
    outcomes
}

async fn all_fine(gcp: &Gcp, writes: Vec<Write>) -> BTreeMap<String, Option<Mark>> {
    apply(gcp, writes).await.into_iter().map(|(name, outcome)| (name, outcome.unwrap())).collect()
}

fn hint(error: &TargetError) -> &str {
    match error {
        TargetError::Denied { hint, .. }
        | TargetError::Missing { hint, .. }
        | TargetError::Failed { hint, .. } => hint.as_deref().unwrap_or_default(),
        _ => "",
    }
}

#[expect(clippy::disallowed_methods, reason = "a test lays out files as a person would")]
fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn values_arrive_byte_for_byte_and_marks_stay() {
    let server = SecretManager::start();
    let values: [(&str, Vec<u8>); 4] = [
        ("UNICODE", "grüße 漢字 🔑".into()),
        ("LARGE", vec![b'x'; 64 * 1024]),
        ("NEWLINE", b"line\r\nline\n".to_vec()),
        ("BINARY", (0..=255).cycle().take(40 * 1024).collect()),
    ];
    let gcp = reach(&server).await;
    let asked: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(gcp.look(&asked).await.unwrap(), Seen::default());
    let marks = all_fine(&gcp, values.iter().map(|(name, value)| put(name, value, false)).collect()).await;
    for (name, value) in &values {
        assert_eq!(server.secret(name).as_ref(), Some(value), "{name}");
        assert_eq!(gcp.holds(name, &Secret::new(value.clone())).await, Ok(Some(true)));
        assert_eq!(gcp.holds(name, &Secret::new(b"other".to_vec())).await, Ok(Some(false)));
    }
    assert!(marks.values().all(Option::is_some));
    assert_eq!(reach(&server).await.look(&asked).await.unwrap().present, marks);
    server.set_secret("LARGE", b"by somebody else");
    server.disable("BINARY");
    server.remove("NEWLINE");
    server.set_secret("NEWLINE", b"made again");
    let seen = gcp.look(&asked).await.unwrap().present;
    let changed: Vec<&String> = asked.iter().filter(|name| seen[*name] != marks[*name]).collect();
    assert_eq!(changed, ["LARGE", "NEWLINE", "BINARY"]);
    assert_eq!(gcp.holds("BINARY", &Secret::new(values[3].1.clone())).await, Ok(Some(false)), "disabled");
    all_fine(&gcp, vec![Write::Remove { name: "LARGE".into() }, Write::Remove { name: "NEVER".into() }])
        .await;
    assert_eq!(server.names(), ["BINARY", "NEWLINE", "UNICODE"]);
}

#[tokio::test]
async fn a_run_asks_no_more_than_it_must() {
    let server = SecretManager::start();
    let gcp = reach(&server).await;
    let writes = numbered(50);
    gcp.look(&names(&writes)).await.unwrap();
    assert_eq!(server.http().log().len(), 50, "a question for each");
    all_fine(&gcp, writes).await;
    assert_eq!(server.http().requests("POST", ""), 100, "made, then filled");
    server.http().forget_log();
    all_fine(&gcp, vec![put("S001", b"new", true)]).await;
    assert_eq!(server.http().log().len(), 1);
    server.remove("S002");
    server.add_empty("EMPTY");
    all_fine(&gcp, vec![put("S002", b"new", true), put("EMPTY", b"new", false)]).await;
    assert_eq!(
        [server.versions("S001"), server.versions("S002"), server.versions("EMPTY")],
        [Some(2), Some(1), Some(1)]
    );
}

#[tokio::test]
async fn a_version_whose_answer_is_lost_is_found_and_not_sent_again() {
    for role in [Role::Admin, Role::Writer] {
        let server = SecretManager::start();
        server.set_secret("OLD", b"1");
        server.allow(role);
        let gcp = reach(&server).await;
        gcp.look(&["OLD".into(), "NEW".into()]).await.unwrap();
        server.http().fail_next(2, Matcher::method("POST").path(":addVersion"), Fault::LoseAnswer);
        let marks = all_fine(&gcp, vec![put("OLD", b"2", true), put("NEW", b"1", false)]).await;
        assert_eq!([server.versions("OLD"), server.versions("NEW")], [Some(2), Some(1)], "{role:?}");
        assert_eq!(gcp.look(&["OLD".into(), "NEW".into()]).await.unwrap().present, marks);
        server.http().fail_next(1, Matcher::method("POST"), Fault::CutBody);
        server.http().fail_next(1, Matcher::method("POST"), Fault::Drop);
        server.http().fail_next(1, Matcher::method("POST"), Fault::status(500));
        all_fine(&gcp, vec![put("OLD", b"3", true)]).await;
        all_fine(&gcp, vec![put("OLD", b"4", true)]).await;
        assert_eq!((server.versions("OLD"), server.secret("OLD").unwrap()), (Some(4), b"4".to_vec()));
    }
}

#[tokio::test]
async fn limits_are_waited_for_and_one_failure_stops_no_other() {
    let server = SecretManager::start();
    let gcp = reach(&server).await;
    let limit = Reply::json(429, &json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED" } }));
    server.http().fail_next(2, Matcher::method("POST"), Fault::Answer(limit.with("retry-after", "1")));
    all_fine(&gcp, numbered(3)).await;
    server.http().fail_next(usize::MAX, Matcher::any().path("/S001:addVersion"), Fault::status(500));
    let outcomes = apply(&gcp, numbered(4)).await;
    let failed: Vec<&String> = outcomes.iter().filter(|(_, o)| o.is_err()).map(|(name, _)| name).collect();
    assert_eq!(
        (failed, server.versions("S002"), server.versions("S001")),
        (vec![&"S001".to_owned()], Some(2), Some(1))
    );
    assert!(matches!(outcomes["S001"], Err(TargetError::Unreachable { .. })));
}

#[tokio::test]
async fn tokens_are_made_from_keys_and_logins_and_renewed_once() {
    let server = SecretManager::start();
    let folder = tempfile::tempdir().unwrap();
    let (key, login) =
        (folder.path().join("key.json"), folder.path().join("cloud/application_default_credentials.json"));
    write(&key, &server.key_file());
    write(&login, &server.login_file());
    let config = login.parent().unwrap().to_str().unwrap().to_owned();
    let named = [("GOOGLE_APPLICATION_CREDENTIALS", key.to_str().unwrap()), ("CLOUDSDK_CONFIG", &config)];
    for (env, place) in [
        (&named[..], "GOOGLE_APPLICATION_CREDENTIALS"),
        (&named[1..], "application_default_credentials.json of gcloud"),
    ] {
        let gcp = Gcp::open(&route(&server), &around(env)).await.unwrap();
        assert_eq!(gcp.credential(), place);
        gcp.look(&["S000".into()]).await.unwrap();
        let given = server.tokens_given();
        server.expire_tokens(10);
        all_fine(&gcp, numbered(20)).await;
        assert_eq!(server.tokens_given(), given + 1, "one token more for all of them");
    }
    let values =
        BTreeMap::from([("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), Secret::new("key.json".to_owned()))]);
    let around = Surroundings { values, vault_root: folder.path().to_owned(), ..around(&named[1..]) };
    let gcp = Gcp::open(&route(&server), &around).await.unwrap();
    assert_eq!(gcp.credential(), "GOOGLE_APPLICATION_CREDENTIALS of the env file");
    assert!(!format!("{gcp:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn the_machine_and_the_vendors_program_are_asked_last() {
    let server = SecretManager::start();
    let host = server.url()[7..].to_owned();
    let gcp = Gcp::open(&route(&server), &around(&[("GCE_METADATA_HOST", &host)])).await.unwrap();
    assert_eq!(gcp.credential(), "the metadata server");
    gcp.look(&["A".into()]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("gcloud");
    write(
        &program,
        "#!/bin/sh\n[ \"$*\" = \"auth print-access-token\" ] && [ -z \"$AWS_SECRET\" ] && echo t0k\n",
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = [("PATH", folder.path().to_str().unwrap()), ("AWS_SECRET", "not for gcloud")];
    assert_eq!(
        Gcp::open(&route(&server), &around(&path)).await.unwrap().credential(),
        "gcloud auth print-access-token"
    );
    let none = Gcp::open(&route(&server), &around(&[])).await.unwrap_err();
    assert!(
        matches!(&none, TargetError::NoCredential { looked, .. } if looked.contains("metadata")),
        "{none}"
    );
}

#[tokio::test]
async fn files_that_are_of_no_use_say_why() {
    let server = SecretManager::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.json");
    let env = [("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())];
    let open = async || Gcp::open(&route(&server), &around(&env)).await.unwrap_err().to_string();
    assert!(open().await.contains("no such file"));
    let abroad = server.key_file().replace(&server.url(), "http://tokens.example");
    for (text, expected) in [
        ("{", "no credential file"),
        (r#"{"type":"external_account"}"#, "service_account and authorized_user"),
        (r#"{"type":"service_account"}"#, "no private key"),
        (r#"{"type":"service_account","private_key":"hunter2","client_email":"e"}"#, "no RSA key"),
        (r#"{"type":"authorized_user"}"#, "no whole login"),
        (abroad.as_str(), "loopback"),
    ] {
        write(&file, text);
        let said = open().await;
        assert!(said.contains(expected) && !said.contains("hunter2"), "{text}: {said}");
    }
    write(&file, &server.key_file().replace("vsync@", "other@"));
    let error = Gcp::open(&route(&server), &around(&env)).await.unwrap_err();
    assert!(matches!(&error, TargetError::Denied { .. }) && hint(&error).contains("not valid"), "{error:?}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(open().await.contains("others can write it"));
    assert_eq!(server.tokens_given(), 0);
}

#[tokio::test]
async fn what_is_refused_is_explained() {
    let server = SecretManager::start();
    let gcp = reach(&server).await;
    let look = async || gcp.look(&["A".into(), "B".into()]).await.unwrap_err();
    server.disable_service(true);
    assert!(
        hint(&look().await)
            .contains("gcloud services enable secretmanager.googleapis.com --project acme-prod")
    );
    server.disable_service(false);
    server.allow(Role::Stranger);
    server.http().forget_log();
    assert!(hint(&look().await).contains("secretmanager.versions.get"));
    assert_eq!(server.http().log().len(), 1, "nothing is asked after the first refusal");
    let outcomes = apply(&gcp, numbered(1)).await;
    assert!(
        matches!(&outcomes["S000"], Err(error @ TargetError::Denied { .. }) if hint(error).contains("versions.add"))
    );
    server.allow(Role::Writer);
    all_fine(&gcp, numbered(1)).await;
    assert_eq!(gcp.holds("S000", &Secret::new(b"x".to_vec())).await, Ok(None), "it may not be read");
    let other = Routing { gcp_project: Some("other".into()), ..route(&server) };
    let elsewhere = Gcp::open(&other, &around(&[("CLOUDSDK_AUTH_ACCESS_TOKEN", TOKEN)])).await.unwrap();
    assert!(matches!(elsewhere.look(&["A".into()]).await, Err(TargetError::Missing { .. })));
    server.expire_tokens(0);
    let outcomes = apply(&gcp, numbered(30)).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, Err(TargetError::Denied { .. }))));
    let error = format!("{:?}", gcp.look(&["A".into()]).await.unwrap_err());
    assert!(error.contains("CLOUDSDK_AUTH_ACCESS_TOKEN") && !error.contains(TOKEN), "{error}");
}

#[tokio::test]
async fn checksums_are_insisted_on() {
    let server = SecretManager::start();
    let gcp = reach(&server).await;
    server.forget_checksums(true);
    all_fine(&gcp, vec![put("A", b"read back instead", false)]).await;
    server.allow(Role::Writer);
    let outcomes = apply(&gcp, vec![put("B", b"x", false)]).await;
    assert!(matches!(&outcomes["B"], Err(TargetError::Failed { what, .. }) if what.contains("checksum")));
    server.allow(Role::Admin);
    server.corrupt_answers(true);
    let error = gcp.holds("A", &Secret::new(b"read back instead".to_vec())).await.unwrap_err();
    assert!(matches!(&error, TargetError::Failed { what, .. } if what.contains("checksum")), "{error:?}");
}
