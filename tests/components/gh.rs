//! The bench's GitHub server and our target beside the real `gh`: what one writes the other sees.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use vsync_core::secret::Secret;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsyncd::targets::gh::GitHub;
use vsyncd::targets::routing::{Routing, Surroundings};
use vsyncd::targets::{Target, Write};

const REPOSITORY: &str = "acme/web";
const ENVIRONMENT: &str = "eu/prod";

struct Gh<'a> {
    program: &'a str,
    server: &'a GitHubServer,
    home: tempfile::TempDir,
}

impl Gh<'_> {
    /// Runs it, with the server in the place of GitHub, and returns what it printed.
    fn run(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new(self.program)
            .args(arguments)
            .args(["--repo", REPOSITORY])
            .env_clear()
            .env("HOME", self.home.path())
            .env("GH_CONFIG_DIR", self.home.path())
            .env("HTTP_PROXY", self.server.url())
            .env("GH_HOST", "github.localhost")
            .env("GH_TOKEN", TOKEN)
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gh starts");
        child.stdin.take().expect("its input").write_all(input).expect("gh reads");
        let output = child.wait_with_output().expect("gh ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gh {arguments:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }
}

pub(crate) async fn stories(program: &str) {
    let server = GitHubServer::start(REPOSITORY);
    server.add_environment(ENVIRONMENT);
    let home = tempfile::tempdir().expect("a home");
    let gh = Gh { program, server: &server, home };
    the_server_opens_what_gh_seals(&gh);
    both_see_what_the_other_wrote(&gh).await;
    its_login_is_the_last_resort(&gh).await;
}

fn the_server_opens_what_gh_seals(gh: &Gh<'_>) {
    let binary: Vec<u8> = (0..=255).cycle().take(40 * 1024 - 1).chain([7]).collect();
    for (name, value) in [("TEXT", "grüße 漢字 🔑".as_bytes()), ("BINARY", &binary), ("SHORT", b"x")] {
        gh.run(&["secret", "set", name, "--env", ENVIRONMENT], value);
        assert_eq!(gh.server.secret(Some(ENVIRONMENT), name).as_deref(), Some(value), "{name}");
        gh.run(&["secret", "set", name], value);
        assert_eq!(gh.server.secret(None, name).as_deref(), Some(value), "{name}");
    }
    gh.run(&["secret", "delete", "SHORT"], b"");
    assert_eq!(gh.server.names(None), ["BINARY", "TEXT"]);
}

async fn both_see_what_the_other_wrote(gh: &Gh<'_>) {
    let target = open(Some(gh.server.url()), &[("GH_TOKEN", TOKEN)]).await;
    let names = ["TEXT", "OURS"].map(str::to_owned);
    let before = target.look(&names).await.expect("a look").present;
    assert_eq!(before.keys().collect::<Vec<_>>(), ["TEXT"]);
    target
        .apply(vec![put("TEXT", b"ours now"), put("OURS", b"ours")], &|done| {
            done.outcome.expect("a write");
        })
        .await;
    let after = target.look(&names).await.expect("a look").present;
    let list = gh.run(&["secret", "list", "--env", ENVIRONMENT, "--json", "name,updatedAt"], b"");
    let list: Vec<BTreeMap<String, String>> = serde_json::from_str(&list).expect("JSON");
    for (name, mark) in &after {
        let listed = list.iter().find(|one| one["name"] == *name).expect("listed by gh");
        assert_eq!(Some(&listed["updatedAt"]), mark.as_ref().map(|mark| &mark.0), "{name}");
    }
    gh.run(&["secret", "set", "OURS", "--env", ENVIRONMENT], b"theirs");
    let theirs = target.look(&names).await.expect("a look").present;
    assert!(theirs["OURS"] != after["OURS"] && theirs["TEXT"] == after["TEXT"]);
}

async fn its_login_is_the_last_resort(gh: &Gh<'_>) {
    let hosts = "github.com:\n    oauth_token: gho_of_the_login\n    user: ada\n    git_protocol: https\n";
    std::fs::write(gh.home.path().join("hosts.yml"), hosts).expect("the settings of gh");
    let folder = Path::new(gh.program).parent().expect("a folder").display().to_string();
    let home = gh.home.path().display().to_string();
    let target = open(None, &[("PATH", &folder), ("HOME", &home), ("GH_CONFIG_DIR", &home)]).await;
    assert_eq!(target.credential(), "gh auth token");
}

async fn open(base_url: Option<String>, env: &[(&str, &str)]) -> GitHub {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let routing =
        Routing { env: ENVIRONMENT.into(), gh_repo: Some(REPOSITORY.into()), base_url, ..Routing::default() };
    GitHub::open(&routing, &Surroundings { env, ..Surroundings::default() }).await.expect("a target")
}

fn put(name: &str, value: &[u8]) -> Write {
    let value = Secret::new(value.to_vec());
    Write::Put { name: name.into(), value, exists: false, token: String::new() }
}
