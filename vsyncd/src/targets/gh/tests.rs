use std::sync::Mutex;

use serde_json::json;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::http::{Fault, Matcher, Reply};

use super::*;

const REPOSITORY: &str = "acme/web";
const ENVIRONMENT: &str = "eu/prod";

type Outcomes = BTreeMap<String, Result<Option<Mark>, TargetError>>;

fn server() -> GitHubServer {
    let server = GitHubServer::start(REPOSITORY);
    server.add_environment(ENVIRONMENT);
    server
}

fn route(server: &GitHubServer) -> Routing {
    Routing {
        env: ENVIRONMENT.into(),
        gh_repo: Some(REPOSITORY.into()),
        base_url: Some(server.url()),
        ..Routing::default()
    }
}

fn around(pairs: &[(&str, &str)]) -> Surroundings {
    let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Surroundings { env, ..Surroundings::default() }
}

async fn reach(route: Routing) -> GitHub {
    GitHub::open(&route, &around(&[("GH_TOKEN", TOKEN)])).await.unwrap()
}

fn put(name: &str, value: &[u8]) -> Write {
    let value = Secret::new(value.to_vec());
    Write::Put { name: name.into(), value, exists: false, token: "0".repeat(32) }
}

fn numbered(count: usize) -> Vec<Write> {
    (0..count).map(|number| put(&format!("S{number:03}"), format!("value {number}").as_bytes())).collect()
}

fn names(writes: &[Write]) -> Vec<String> {
    writes.iter().cloned().map(Write::into_name).collect()
}

/// Applies and returns what was reported; each name is reported once.
async fn apply(github: &GitHub, writes: Vec<Write>) -> Outcomes {
    let (expected, reported) = (writes.len(), Mutex::new(Vec::new()));
    github.apply(writes, &|done| reported.lock().unwrap().push((done.name, done.outcome))).await;
    let reported = reported.into_inner().unwrap();
    let outcomes: Outcomes = reported.iter().cloned().collect();
    assert_eq!((reported.len(), outcomes.len()), (expected, expected), "each write is reported once");
    outcomes
}

async fn all_fine(github: &GitHub, writes: Vec<Write>) -> BTreeMap<String, Option<Mark>> {
    apply(github, writes).await.into_iter().map(|(name, outcome)| (name, outcome.unwrap())).collect()
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
    let values: [(&str, Vec<u8>); 6] = [
        ("UNICODE", "grüße 漢字 🔑".into()),
        ("EMPTY", Vec::new()),
        ("LARGE", vec![b'x'; 40 * 1024]),
        ("NEWLINE", b"line\r\nline\n".to_vec()),
        ("BINARY", (0..=255).cycle().take(1000).collect()),
        ("lower_case", b"kept as LOWER_CASE".to_vec()),
    ];
    for gh_scope in [GhScope::Environment, GhScope::Repository] {
        let server = server();
        let inside = (gh_scope == GhScope::Environment).then_some(ENVIRONMENT);
        let github = reach(Routing { gh_scope, ..route(&server) }).await;
        let asked: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(github.look(&asked).await.unwrap(), Seen::default());
        let marks = all_fine(&github, values.iter().map(|(name, value)| put(name, value)).collect()).await;
        for (name, value) in &values {
            assert_eq!(server.secret(inside, &name.to_uppercase()).as_ref(), Some(value), "{name}");
            assert!(marks[*name].is_some(), "{name}");
        }
        assert_eq!(github.look(&asked).await.unwrap().present, marks);
        server.set_secret(inside, "EMPTY", b"by somebody else");
        let seen = github.look(&asked).await.unwrap().present;
        let changed: Vec<&String> = asked.iter().filter(|name| seen[*name] != marks[*name]).collect();
        assert_eq!(changed, ["EMPTY"]);
    }
}

#[tokio::test]
async fn a_run_asks_no_more_than_it_must() {
    let server = server();
    let github = reach(route(&server)).await;
    let writes = numbered(150);
    assert_eq!(github.look(&names(&writes)).await.unwrap(), Seen::default());
    assert_eq!(server.http().log().len(), 2, "the key and the list");
    all_fine(&github, writes.clone()).await;
    assert_eq!(server.http().requests("PUT", "/secrets/"), 150);
    assert_eq!(server.http().requests("GET", "public-key"), 1);
    // A list after each batch: 48 and 96 fit on a page, 144 and 150 take two.
    assert_eq!(server.http().requests("GET", "per_page"), 1 + 2 + 4);
    assert_eq!(server.http().requests("", "/environments/eu%2Fprod/secrets"), 158);
    server.http().forget_log();
    assert_eq!(github.look(&names(&writes)).await.unwrap().present.len(), 150);
    assert_eq!(server.http().log().len(), 3, "the key and two pages");
    let removed =
        all_fine(&github, vec![Write::Remove { name: "S000".into() }, Write::Remove { name: "NO".into() }]);
    assert_eq!(removed.await, BTreeMap::from([("S000".into(), None), ("NO".into(), None)]));
    assert_eq!(server.names(Some(ENVIRONMENT)).len(), 149);
}

#[tokio::test]
async fn limits_are_waited_for() {
    let server = server();
    let github = reach(route(&server)).await;
    github.look(&[]).await.unwrap();
    for status in [429, 403] {
        let limit = Reply::json(status, &json!({ "message": "slow down" })).with("retry-after", "1");
        server.http().fail_next(1, Matcher::method("PUT"), Fault::Answer(limit));
        all_fine(&github, numbered(3)).await;
    }
    assert_eq!(server.http().requests("PUT", ""), 8);
}

#[tokio::test]
async fn a_used_up_limit_ends_the_run_and_says_until_when() {
    let server = server();
    let github = reach(route(&server)).await;
    github.look(&[]).await.unwrap();
    let limit = Reply::json(403, &json!({ "message": "API rate limit exceeded" }))
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-reset", "1767225600");
    server.http().fail_next(usize::MAX, Matcher::method("PUT"), Fault::Answer(limit));
    let outcomes = apply(&github, numbered(100)).await;
    for error in outcomes.values().map(|outcome| outcome.as_ref().unwrap_err()) {
        let text = error.to_string();
        assert!(
            matches!(error, TargetError::Unreachable { .. }) && text.contains("2026-01-01T00:00:00Z"),
            "{text}"
        );
    }
    assert!(server.http().requests("PUT", "") <= 8, "nothing is sent after the first refusal");
}

#[tokio::test]
async fn one_that_fails_does_not_stop_the_others() {
    let server = server();
    let github = reach(route(&server)).await;
    github.look(&[]).await.unwrap();
    server.http().fail_next(usize::MAX, Matcher::method("PUT").path("/S002"), Fault::status(500));
    let outcomes = apply(&github, numbered(5)).await;
    let failed: Vec<&String> = outcomes.iter().filter(|(_, o)| o.is_err()).map(|(name, _)| name).collect();
    assert_eq!(failed, ["S002"]);
    assert!(matches!(outcomes["S002"], Err(TargetError::Unreachable { .. })));
    assert_eq!((server.names(Some(ENVIRONMENT)).len(), server.http().requests("PUT", "/S002")), (4, 4));
    server.http().clear_faults();
    server.http().fail_next(1, Matcher::method("PUT").path("/S002"), Fault::status(502));
    all_fine(&github, numbered(5)).await;
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_ends_the_run() {
    let server = server();
    let github = reach(route(&server)).await;
    let writes = numbered(60);
    github.look(&names(&writes)).await.unwrap();
    server.expire_token_after(20);
    let outcomes = apply(&github, writes.clone()).await;
    let written = server.names(Some(ENVIRONMENT));
    let fine: Vec<&String> = outcomes.iter().filter(|(_, o)| o.is_ok()).map(|(name, _)| name).collect();
    assert_eq!(fine, written.iter().collect::<Vec<_>>());
    assert_eq!(fine.len(), 20);
    let refused = outcomes.values().find_map(|outcome| outcome.as_ref().err()).unwrap();
    assert!(
        matches!(refused, TargetError::Denied { .. }) && hint(refused).contains("GH_TOKEN"),
        "{refused:?}"
    );
    assert!(server.http().requests("PUT", "") <= 20 + 8, "a refused token is not tried again and again");
    server.renew_token();
    all_fine(&reach(route(&server)).await, writes).await;
    assert_eq!(server.names(Some(ENVIRONMENT)).len(), 60);
}

#[tokio::test]
async fn answers_that_are_lost_are_asked_for_again() {
    let server = server();
    let github = reach(route(&server)).await;
    github.look(&[]).await.unwrap();
    server.http().fail_next(2, Matcher::method("PUT"), Fault::LoseAnswer);
    server.http().fail_next(1, Matcher::method("PUT"), Fault::Drop);
    all_fine(&github, numbered(3)).await;
    assert_eq!(server.http().requests("PUT", ""), 6);
    assert_eq!(server.secret(Some(ENVIRONMENT), "S002").unwrap(), b"value 2");
    server.http().fail_next(1, Matcher::method("DELETE"), Fault::LoseAnswer);
    all_fine(&github, vec![Write::Remove { name: "S000".into() }]).await;
    assert_eq!(server.names(Some(ENVIRONMENT)), ["S001", "S002"]);
    // The writes stand, also when nothing can be learned about them.
    server.http().fail_next(usize::MAX, Matcher::method("GET"), Fault::status(404));
    assert_eq!(all_fine(&github, vec![put("S001", b"x")]).await["S001"], None);
}

#[tokio::test]
async fn a_key_that_changes_in_the_middle_is_read_again_once() {
    let server = server();
    let github = reach(route(&server)).await;
    github.look(&[]).await.unwrap();
    server.rotate_key();
    all_fine(&github, numbered(20)).await;
    assert_eq!(server.http().requests("GET", "public-key"), 2);
    assert_eq!(server.secret(Some(ENVIRONMENT), "S019").unwrap(), b"value 19");
    let outcomes = apply(&github, vec![put("GITHUB_X", b"x"), put("OK", b"x")]).await;
    assert!(matches!(&outcomes["GITHUB_X"], Err(TargetError::Failed { what, .. }) if what.contains("422")));
    assert!(outcomes["OK"].is_ok());
}

#[tokio::test]
async fn a_missing_environment_is_made_only_when_asked_and_only_by_a_write() {
    let server = GitHubServer::start(REPOSITORY);
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Missing { .. }) && hint(&error).contains("--create-environment"));
    assert!(error.to_string().contains(ENVIRONMENT), "{error}");
    let making = Routing { create_environment: true, ..route(&server) };
    let github = reach(making.clone()).await;
    assert_eq!(github.look(&["S000".into()]).await.unwrap(), Seen::default());
    assert!(server.environments().is_empty(), "looking changes nothing");
    all_fine(&github, numbered(2)).await;
    assert_eq!((server.environments(), server.environment_writes()), (vec![ENVIRONMENT.to_owned()], 1));
    let again = reach(making).await;
    assert_eq!(again.look(&["S000".into()]).await.unwrap().present.len(), 1);
    all_fine(&again, numbered(2)).await;
    assert_eq!(server.environment_writes(), 1, "one that exists keeps its protection rules");
}

#[tokio::test]
async fn what_is_refused_is_explained() {
    let server = server();
    server.hide_repository(true);
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(
        matches!(error, TargetError::Missing { .. }) && hint(&error).contains("fine-grained"),
        "{error:?}"
    );
    server.hide_repository(false);

    server.http().fail_next(1, Matcher::any().path("public-key"), Fault::status(404));
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Denied { .. }) && hint(&error).contains("Environments: write"));

    let forbidden =
        Reply::json(403, &json!({ "message": "Resource not accessible by personal access token" }))
            .with("x-accepted-github-permissions", "environments=read");
    server.http().fail_next(1, Matcher::any(), Fault::Answer(forbidden));
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Denied { .. }) && hint(&error).contains("environments=read"));

    let moved = Reply::empty(301).with("location", "https://api.github.com/repositories/1");
    server.http().fail_next(1, Matcher::any(), Fault::Answer(moved));
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Missing { .. }) && hint(&error).contains("renamed"));

    let page = Reply { status: 200, body: b"<html>".to_vec(), ..Reply::default() };
    server.http().fail_next(1, Matcher::any(), Fault::Answer(page));
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Failed { .. }) && hint(&error).contains("/api/v3"));

    server.http().offline(true);
    let error = reach(route(&server)).await.look(&[]).await.unwrap_err();
    assert!(matches!(error, TargetError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn the_first_place_with_a_token_is_taken_and_named() {
    let server = server();
    let both = around(&[("GH_TOKEN", "one"), ("GITHUB_TOKEN", "two"), ("GH_ENTERPRISE_TOKEN", "three")]);
    let at = async |route: &Routing, around: &Surroundings| {
        GitHub::open(route, around).await.map(|github| github.credential())
    };
    let public = Routing { base_url: None, ..route(&server) };
    assert_eq!(at(&public, &both).await.unwrap(), "GH_TOKEN");
    assert_eq!(at(&public, &around(&[("GITHUB_TOKEN", "two")])).await.unwrap(), "GITHUB_TOKEN");
    assert_eq!(at(&route(&server), &both).await.unwrap(), "GH_ENTERPRISE_TOKEN");
    let values = BTreeMap::from([("GITHUB_TOKEN".to_owned(), Secret::new(TOKEN.to_owned()))]);
    let file = Surroundings { values, ..both };
    assert_eq!(at(&public, &file).await.unwrap(), "GITHUB_TOKEN of the env file");
    let none = at(&public, &around(&[("PATH", "/nowhere"), ("GH_TOKEN", " ")])).await.unwrap_err();
    let text = none.to_string();
    assert!(text.contains("GH_TOKEN, GITHUB_TOKEN, gh auth token --hostname github.com"), "{text}");
}

#[tokio::test]
async fn the_last_resort_is_the_vendors_program() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gh");
    let script = "#!/bin/sh\n[ \"$*\" = \"auth token --hostname github.com\" ] && [ -z \"$AWS_SECRET\" ] && echo t0k\n";
    #[expect(clippy::disallowed_methods, reason = "a test installs programs as a person would")]
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let env = around(&[("PATH", folder.path().to_str().unwrap()), ("AWS_SECRET", "not for gh")]);
    let github = GitHub::open(&Routing { base_url: None, ..route(&server()) }, &env).await.unwrap();
    assert_eq!(github.credential(), "gh auth token");
}

#[tokio::test]
async fn places_have_names_of_their_own_and_nothing_shows_the_token() {
    let server = server();
    let describe = async |route: Routing| reach(route).await.describe();
    let here = route(&server);
    let public = Routing { base_url: None, ..here.clone() };
    assert_eq!(describe(public.clone()).await, "GitHub environment eu/prod of acme/web");
    let repository = Routing { gh_scope: GhScope::Repository, ..public };
    assert_eq!(describe(repository).await, "GitHub repository acme/web");
    let at = describe(here.clone()).await;
    assert_eq!(at, format!("GitHub environment eu/prod of acme/web on {}", &server.url()[7..]));
    let github = reach(here.clone()).await;
    assert!(!format!("{github:?}").contains(TOKEN));
    server.expire_token();
    let error = github.look(&[]).await.unwrap_err();
    assert!(!format!("{error:?}").contains(TOKEN), "{error:?}");
    let odd = GitHub::open(&here, &around(&[("GH_TOKEN", "a\u{7f}b secret")])).await.unwrap_err();
    assert!(matches!(odd, TargetError::Denied { .. }) && !format!("{odd:?}").contains("secret"), "{odd:?}");
}
