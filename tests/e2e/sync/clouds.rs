//! From the env file to the three clouds: `sync gcp`, `sync aws`, `sync azure`.

use serde_json::{Value, json};
use vsync_tests::folder::write;
use vsync_tests::http::{Fault, Matcher};
use vsync_tests::key_vault::{self, KeyVault};
use vsync_tests::machine::Machine;
use vsync_tests::secret_manager::{self, SecretManager};
use vsync_tests::secrets_manager::{Content, KEY, REGION, SecretsManager};
use vsync_tests::team::{self, Place};

fn sync(machine: &Machine, arguments: &[&str]) -> (i32, Value) {
    machine.json(&[&["sync", "dev"], arguments].concat())
}

/// The counts that are not zero.
fn counts(machine: &Machine, arguments: &[&str]) -> Value {
    let (code, mut answer) = sync(machine, arguments);
    assert_eq!(code, 0, "{answer}");
    let counts = answer["counts"].as_object_mut().expect("counts");
    counts.retain(|_, number| *number != 0);
    Value::Object(counts.clone())
}

/// What every target has to do: make what is new, leave what is as it was, change what differs, take away
/// what is asked for. `flags` are given once and remembered.
fn story(machine: &Machine, target: &str, flags: &[&str], requests: &dyn Fn() -> usize) {
    let file = |text: &str| write(&machine.vault("dev"), ".env.dev", text, 0o600);
    let first = [&[target], flags].concat();
    file("A=grüße 🔑\nB=2\nD_FILE=./none\n");
    let (code, answer) = sync(machine, &first);
    assert!(code != 0 && requests() == 0, "an unreadable reference sends nothing: {answer}");
    file("A=grüße 🔑\nB=2\nC=3\n");
    assert_eq!(counts(machine, &[&first[..], &["--dry-run"]].concat()), json!({ "created": 3 }));
    assert_eq!(counts(machine, &first), json!({ "created": 3 }));
    assert_eq!(counts(machine, &[target]), json!({ "unchanged": 3 }));
    file("A=new\nB=2\n");
    assert_eq!(counts(machine, &[target]), json!({ "updated": 1, "unchanged": 1, "stale": 1 }));
    assert_eq!(counts(machine, &[target, "--prune"]), json!({ "unchanged": 2, "removed": 1 }));
    file("A=newer\nB=newer\n");
}

fn bench(name: &str, env: &[(&str, &str)]) -> (Machine, Place) {
    let place = Place::folder();
    let mut machine = env.iter().fold(Machine::new(name), |machine, (name, value)| machine.with(name, value));
    machine.start();
    team::init(&machine, &place, "dev");
    (machine, place)
}

#[test]
fn google_cloud_gets_a_version_for_every_change() {
    let server = SecretManager::start();
    let (ann, _place) = bench(
        "ann",
        &[
            ("CLOUDSDK_AUTH_ACCESS_TOKEN", secret_manager::TOKEN),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", &server.url()),
        ],
    );
    story(&ann, "gcp", &["--gcp-project", secret_manager::PROJECT], &|| server.http().log().len());
    assert_eq!((server.versions("A"), server.versions("B"), server.names().len()), (Some(2), Some(1), 2));
    server.http().fail_next(usize::MAX, Matcher::any().path("/A:addVersion"), Fault::status(500));
    let (code, answer) = sync(&ann, &["gcp"]);
    assert_eq!((code, &answer["counts"]["failed"], &answer["counts"]["updated"]), (7, &json!(1), &json!(1)));
    server.http().clear_faults();
    assert_eq!(counts(&ann, &["gcp"]), json!({ "updated": 1, "unchanged": 1 }));
    server.set_secret("B", b"by somebody else");
    assert_eq!(counts(&ann, &["gcp"]), json!({ "updated": 1, "unchanged": 1 }));
    assert_eq!(server.secret("B").as_deref(), Some(&b"newer"[..]));
}

#[test]
fn aws_gets_a_version_for_every_change() {
    let server = SecretsManager::start();
    let (ann, _place) = bench(
        "ann",
        &[
            ("AWS_ACCESS_KEY_ID", KEY.0),
            ("AWS_SECRET_ACCESS_KEY", KEY.1),
            ("AWS_ENDPOINT_URL", &server.url()),
        ],
    );
    let flags = ["--aws-region", REGION, "--aws-secret-prefix", "app/"];
    story(&ann, "aws", &flags, &|| server.http().log().len());
    assert_eq!((server.versions("app/A"), server.versions("app/B"), server.names().len()), (2, 1, 2));
    server.expire_after(3);
    let (code, answer) = sync(&ann, &["aws"]);
    assert_eq!((code, &answer["counts"]["failed"]), (7, &json!(1)), "{answer}");
    server.renew();
    assert_eq!(counts(&ann, &["aws"]), json!({ "updated": 1, "unchanged": 1 }));
    server.set_secret("app/B", Content::Text("by somebody else".into()));
    assert_eq!(counts(&ann, &["aws"]), json!({ "updated": 1, "unchanged": 1 }));
    assert_eq!(server.secret("app/B"), Some(Content::Text("newer".into())));
}

#[test]
fn azure_gets_a_version_for_every_change() {
    let server = KeyVault::start();
    let (ann, _place) = bench(
        "ann",
        &[
            ("AZURE_TENANT_ID", key_vault::TENANT),
            ("AZURE_CLIENT_ID", key_vault::CLIENT),
            ("AZURE_CLIENT_SECRET", key_vault::CLIENT_SECRET),
            ("AZURE_AUTHORITY_HOST", &server.url()),
        ],
    );
    let base = server.url();
    let at = ["--base-url", &base];
    let file = |text: &str| write(&ann.vault("dev"), ".env.dev", text, 0o600);
    let first = [&["azure", "--azure-vault", "acme-prod"], &at[..]].concat();
    file("A=1\nB_C=2\n");
    let (code, answer) = sync(&ann, &first);
    assert!(
        code != 0 && server.http().log().is_empty(),
        "a name with _ is refused before all else: {answer}"
    );
    file("A=grüße 🔑\nB=\n");
    assert_eq!(counts(&ann, &first), json!({ "created": 2 }));
    let again = [&["azure"], &at[..]].concat();
    assert_eq!(counts(&ann, &again), json!({ "unchanged": 2 }));
    server.set_secret("b", "by somebody else");
    server.http().fail_next(1, Matcher::method("PUT"), Fault::LoseAnswer);
    assert_eq!(counts(&ann, &again), json!({ "updated": 1, "unchanged": 1 }));
    assert_eq!((server.secret("b").as_deref(), server.versions("b")), (Some(""), 3));
    file("A=grüße 🔑\n");
    assert_eq!(counts(&ann, &[&again[..], &["--prune"]].concat()), json!({ "unchanged": 1, "removed": 1 }));
    file("A=grüße 🔑\nB=back\n");
    let (code, answer) = sync(&ann, &again);
    assert!(code == 7 && answer.to_string().contains("az keyvault secret recover"), "{answer}");
}
