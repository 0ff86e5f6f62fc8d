//! The bench's Secret Manager and our target beside the real `gcloud`: what one writes the other sees.

use std::io::Write as _;
use std::process::{Command, Stdio};

use vsync_core::secret::Secret;
use vsync_tests::secret_manager::{PROJECT, SecretManager, TOKEN};
use vsyncd::targets::gcp::Gcp;
use vsyncd::targets::routing::{Routing, Surroundings};
use vsyncd::targets::{Target, Write};

struct Gcloud<'a> {
    program: &'a str,
    server: &'a SecretManager,
    home: tempfile::TempDir,
}

impl Gcloud<'_> {
    /// Runs it, with the server in the place of Google, and returns what it printed.
    fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new(self.program)
            .args(["secrets"])
            .args(arguments)
            .args(["--project", PROJECT, "--quiet"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("CLOUDSDK_CONFIG", self.home.path())
            .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true")
            .env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true")
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", format!("{}/", self.server.url()))
            .env("CLOUDSDK_AUTH_ACCESS_TOKEN", TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gcloud starts");
        child.stdin.take().expect("its input").write_all(input).expect("gcloud reads");
        let output = child.wait_with_output().expect("gcloud ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gcloud {arguments:?}: {said}\n{:?}", self.server.http().log());
        output.stdout
    }
}

pub(crate) async fn stories(program: &str) {
    let server = SecretManager::start();
    let home = tempfile::tempdir().expect("a home");
    let gcloud = Gcloud { program, server: &server, home };
    let binary: Vec<u8> = (0..=255).cycle().take(40 * 1024 - 1).chain([7]).collect();
    gcloud.run(&["create", "THEIRS", "--replication-policy=automatic", "--data-file=-"], &binary);
    assert_eq!(server.secret("THEIRS").as_ref(), Some(&binary));
    let routing = Routing { gcp_project: Some(PROJECT.into()), ..Routing::default() };
    let env = [
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", format!("{}/", server.url())),
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", TOKEN.to_owned()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value)).into();
    let target =
        Gcp::open(&routing, &Surroundings { env, ..Surroundings::default() }).await.expect("a target");
    assert_eq!(target.holds("THEIRS", &Secret::new(binary.clone())).await, Ok(Some(true)));
    let value = Secret::new(binary.iter().rev().copied().collect::<Vec<u8>>());
    let write = Write::Put { name: "OURS".into(), value: value.clone(), exists: false, token: String::new() };
    target.apply(vec![write], &|done| drop(done.outcome.expect("a write"))).await;
    let file = gcloud.home.path().join("value");
    let out = format!("--out-file={}", file.display());
    gcloud.run(&["versions", "access", "latest", "--secret=OURS", &out], b"");
    assert_eq!(std::fs::read(&file).expect("what gcloud read"), *value.expose());
    gcloud.run(&["versions", "add", "OURS", "--data-file=-"], b"theirs now");
    assert_eq!(target.holds("OURS", &Secret::new(b"theirs now".to_vec())).await, Ok(Some(true)));
    let listed =
        String::from_utf8(gcloud.run(&["list", "--format=value(name.basename())"], b"")).expect("text");
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["OURS", "THEIRS"]);
}
