use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use vsync_tests::http::{Fault, Matcher, Reply};
use vsync_tests::secrets_manager::{Content, KEY, REGION, SecretsManager};

use super::*;

type Outcomes = BTreeMap<String, Result<Option<Mark>, TargetError>>;

fn route(server: &SecretsManager) -> Routing {
    Routing { aws_region: Some(REGION.into()), base_url: Some(server.url()), ..Routing::default() }
}

/// Variables of a caller on no machine of Amazon's.
fn around(pairs: &[(&str, &str)]) -> Surroundings {
    let none = [("AWS_EC2_METADATA_DISABLED", "true")];
    let env = none.iter().chain(pairs).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Surroundings { env: env.collect(), ..Surroundings::default() }
}

fn keys() -> Surroundings {
    around(&[("AWS_ACCESS_KEY_ID", KEY.0), ("AWS_SECRET_ACCESS_KEY", KEY.1)])
}

async fn reach(server: &SecretsManager) -> Aws {
    Aws::open(&route(server), &keys()).await.unwrap()
}

/// A token that is another one for each name and value, as the engine makes them.
fn put(name: &str, value: &[u8], exists: bool) -> Write {
    let sum = name
        .bytes()
        .chain(value.iter().copied())
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
    Write::Put { name: name.into(), value: Secret::new(value.to_vec()), exists, token: format!("{sum:032x}") }
}

fn numbered(count: usize) -> Vec<Write> {
    (0..count).map(|n| put(&format!("S{n:03}"), format!("value {n}").as_bytes(), false)).collect()
}

fn names(writes: &[Write]) -> Vec<String> {
    writes.iter().cloned().map(Write::into_name).collect()
}

async fn apply(aws: &Aws, writes: Vec<Write>) -> Outcomes {
    let (expected, reported) = (writes.len(), Mutex::new(Vec::new()));
    aws.apply(writes, &|done| reported.lock().unwrap().push((done.name, done.outcome))).await;
    let reported = reported.into_inner().unwrap();
    let outcomes: Outcomes = reported.iter().cloned().collect();
    assert_eq!((reported.len(), outcomes.len()), (expected, expected), "each write is reported once");
    outcomes
}

async fn all_fine(aws: &Aws, writes: Vec<Write>) -> BTreeMap<String, Option<Mark>> {
    apply(aws, writes).await.into_iter().map(|(name, outcome)| (name, outcome.unwrap())).collect()
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

fn refusal(status: u16, name: &str) -> Reply {
    Reply::json(
        status,
        &serde_json::json!({ "__type": format!("com.amazonaws#{name}"), "message": "on purpose" }),
    )
}

#[expect(clippy::disallowed_methods, reason = "a test lays out files as a person would")]
fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn values_arrive_byte_for_byte_and_marks_stay() {
    let server = SecretsManager::start();
    let binary: Vec<u8> = (0..=255).cycle().take(40 * 1024).collect();
    let values: [(&str, Content); 5] = [
        ("UNICODE", Content::Text("grüße 漢字 🔑".into())),
        ("LARGE", Content::Text("x".repeat(65_536))),
        ("NEWLINE", Content::Text("line\r\nline\n".into())),
        ("CONTROL", Content::Text("\u{1}\u{0}\"\\".repeat(1000))),
        ("BINARY", Content::Binary(binary)),
    ];
    let bytes = |content: &Content| match content {
        Content::Text(text) => text.clone().into_bytes(),
        Content::Binary(bytes) => bytes.clone(),
    };
    let prefixed = Routing { aws_secret_prefix: Some("app/".into()), ..route(&server) };
    let aws = Aws::open(&prefixed, &keys()).await.unwrap();
    let asked: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(aws.look(&asked).await.unwrap(), Seen::default());
    let marks =
        all_fine(&aws, values.iter().map(|(name, value)| put(name, &bytes(value), false)).collect()).await;
    for (name, value) in &values {
        assert_eq!(server.secret(&format!("app/{name}")).as_ref(), Some(value), "{name}");
        assert_eq!(aws.holds(name, &Secret::new(bytes(value))).await, Ok(Some(true)), "{name}");
        assert_eq!(aws.holds(name, &Secret::new(b"other".to_vec())).await, Ok(Some(false)));
    }
    assert_eq!(aws.look(&asked).await.unwrap().present, marks);
    server.set_secret("app/LARGE", Content::Binary(b"same bytes, other form".to_vec()));
    assert_eq!(aws.holds("LARGE", &Secret::new(b"same bytes, other form".to_vec())).await, Ok(Some(false)));
    let seen = aws.look(&asked).await.unwrap().present;
    let changed: Vec<&String> = asked.iter().filter(|name| seen[*name] != marks[*name]).collect();
    assert_eq!(changed, ["LARGE"]);
    server.blind(true);
    assert_eq!(aws.holds("LARGE", &Secret::new(b"x".to_vec())).await, Ok(None), "it may not be read");
}

#[tokio::test]
async fn a_write_that_is_repeated_makes_no_second_version() {
    let server = SecretsManager::start();
    let aws = reach(&server).await;
    server.http().fail_next(3, Matcher::any(), Fault::LoseAnswer);
    server.http().fail_next(1, Matcher::any(), Fault::CutBody);
    let marks = all_fine(&aws, numbered(3)).await;
    assert_eq!([0, 1, 2].map(|n| server.versions(&format!("S00{n}"))), [1, 1, 1]);
    assert_eq!(aws.look(&names(&numbered(3))).await.unwrap().present, marks);
    // Somebody else wrote in between: the old value has to become the current one again.
    server.set_secret("S000", Content::Text("theirs".into()));
    let again = all_fine(&aws, vec![put("S000", b"value 0", true)]).await;
    assert_eq!(server.secret("S000"), Some(Content::Text("value 0".into())));
    assert_eq!(aws.look(&["S000".into()]).await.unwrap().present, again);
    assert_eq!(server.versions("S000"), 3);
}

#[tokio::test]
async fn what_is_there_or_not_is_found_out_by_writing() {
    let server = SecretsManager::start();
    let aws = reach(&server).await;
    server.set_secret("A", Content::Text("old".into()));
    all_fine(&aws, vec![put("A", b"new", false), put("B", b"new", true)]).await;
    assert_eq!([server.versions("A"), server.versions("B")], [2, 1]);
    all_fine(&aws, vec![Write::Remove { name: "A".into() }, Write::Remove { name: "NEVER".into() }]).await;
    all_fine(&aws, vec![Write::Remove { name: "A".into() }]).await;
    assert_eq!(server.names(), ["B"], "it is scheduled, and that is enough");
    for seen_before in [false, true] {
        if seen_before {
            assert_eq!(aws.look(&["A".into()]).await.unwrap(), Seen::default());
        }
        let outcomes = apply(&aws, vec![put("A", b"newer", seen_before)]).await;
        let error = outcomes["A"].as_ref().unwrap_err();
        assert!(hint(error).contains("aws secretsmanager restore-secret --secret-id A"), "{error:?}");
    }
    server.schedule_deletion("A", false);
    all_fine(&reach(&server).await, vec![put("A", b"newer", true)]).await;
}

#[tokio::test]
async fn limits_are_waited_for_and_one_failure_stops_no_other() {
    let server = SecretsManager::start();
    let aws = reach(&server).await;
    server.http().fail_next(3, Matcher::any(), Fault::Answer(refusal(400, "ThrottlingException")));
    server.http().fail_next(1, Matcher::any(), Fault::Answer(refusal(429, "X").with("retry-after", "1")));
    server.http().fail_next(1, Matcher::any(), Fault::Answer(refusal(500, "InternalServiceError")));
    all_fine(&aws, numbered(3)).await;
    assert_eq!(server.http().log().len(), 8);
    server.http().fail_next(
        1,
        Matcher::any().path("/").after(2),
        Fault::Answer(refusal(400, "LimitExceededException")),
    );
    let outcomes = apply(&aws, (10..20).map(|n| put(&format!("T{n}"), b"x", false)).collect()).await;
    let failed: Vec<&TargetError> = outcomes.values().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(
        matches!(failed.as_slice(), [TargetError::Failed { what, .. }] if what.contains("LimitExceeded")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn credentials_that_expire_in_the_middle_end_the_run() {
    let server = SecretsManager::start();
    let aws = reach(&server).await;
    server.expire_after(20);
    let outcomes = apply(&aws, numbered(60)).await;
    let fine = outcomes.values().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((fine, server.names().len()), (20, 20));
    assert!(server.http().log().len() <= 20 + 8, "refused credentials are not tried again and again");
    let error = outcomes.values().find_map(|outcome| outcome.as_ref().err()).unwrap();
    assert!(
        matches!(error, TargetError::Denied { .. }) && hint(error).contains("AWS_ACCESS_KEY_ID"),
        "{error:?}"
    );
    assert!(!format!("{error:?} {aws:?}").contains(KEY.1));
    server.renew();
    all_fine(&reach(&server).await, numbered(60)).await;
    assert!((0..60).all(|n| server.versions(&format!("S{n:03}")) == 1));
}

#[tokio::test]
async fn what_is_refused_is_explained() {
    let server = SecretsManager::start();
    let aws = reach(&server).await;
    server.readers_only(true);
    aws.look(&["A".into()]).await.unwrap();
    let outcomes = apply(&aws, vec![put("A", b"x", false)]).await;
    assert!(
        matches!(&outcomes["A"], Err(error @ TargetError::Denied { .. }) if hint(error).contains("PutSecretValue"))
    );
    let wrong = around(&[("AWS_ACCESS_KEY_ID", KEY.0), ("AWS_SECRET_ACCESS_KEY", "wrong")]);
    let error = Aws::open(&route(&server), &wrong).await.unwrap().look(&["A".into()]).await.unwrap_err();
    assert!(
        matches!(&error, TargetError::Denied { what, .. } if what.contains("InvalidSignature")),
        "{error:?}"
    );
    server.http().offline(true);
    assert!(matches!(aws.look(&["A".into()]).await, Err(TargetError::Unreachable { .. })));
}

#[tokio::test]
async fn the_callers_profile_is_found_and_the_daemons_is_not() {
    let server = SecretsManager::start();
    let home = tempfile::tempdir().unwrap();
    let (config, credentials) = (home.path().join(".aws/config"), home.path().join(".aws/credentials"));
    write(&config, &format!("[default]\nregion = us-east-1\n[profile work]\nregion = {REGION}\n"));
    write(
        &credentials,
        &format!("[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n", KEY.0, KEY.1),
    );
    let home = home.path().to_str().unwrap();
    let unrouted = Routing { aws_region: None, ..route(&server) };
    let aws = Aws::open(&unrouted, &around(&[("HOME", home), ("AWS_PROFILE", "work")])).await.unwrap();
    assert_eq!(aws.credential(), "profile work");
    assert!(aws.describe().contains(REGION), "{}", aws.describe());
    aws.look(&["A".into()]).await.unwrap();
    assert!(!format!("{aws:?}").contains(KEY.1));
    let none = Aws::open(&unrouted, &around(&[("HOME", home)])).await.unwrap_err();
    assert!(
        matches!(&none, TargetError::NoCredential { looked, .. } if looked.contains("AWS_PROFILE")),
        "{none:?}"
    );
    let none = Aws::open(&unrouted, &around(&[])).await.unwrap_err();
    assert!(matches!(&none, TargetError::Routing { .. }) && hint(&none).contains("AWS_REGION"), "{none:?}");
    let none = Aws::open(&route(&server), &around(&[("AWS_PROFILE", "work")])).await.unwrap_err();
    assert!(matches!(none, TargetError::Denied { .. }), "{none:?}");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o666)).unwrap();
    let error = Aws::open(&unrouted, &around(&[("HOME", home)])).await.unwrap_err();
    assert!(
        matches!(&error, TargetError::Denied { what, .. } if what.contains("others can write it")),
        "{error:?}"
    );
}
