//! Every request of a run, and every answer of the bench's GitHub server, held against the description that
//! GitHub publishes of its API, by a proxy in between that refuses what the description does not allow.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use vsync_core::secret::Secret;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::wait::until;
use vsyncd::targets::gh::GitHub;
use vsyncd::targets::routing::{GhScope, Routing, Surroundings};
use vsyncd::targets::{Target, TargetError, Write};

const REPOSITORY: &str = "acme/web";

/// The proxy; it ends with the value.
struct Prism {
    child: Child,
    url: String,
}

impl Prism {
    /// `place` is the program and the description, with a comma between them.
    fn start(place: &str, server: &GitHubServer) -> Self {
        let (program, description) = place.split_once(',').expect("PROGRAM,DESCRIPTION");
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
            free.local_addr().expect("its address").port()
        };
        let child = Command::new(program)
            .args(["proxy", description, &server.url(), "--errors", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("prism starts");
        let prism = Self { child, url: format!("http://127.0.0.1:{port}") };
        until("prism answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        prism
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn open(prism: &Prism, env: &str, gh_scope: GhScope, create_environment: bool) -> GitHub {
    let routing = Routing {
        env: env.into(),
        gh_repo: Some(REPOSITORY.into()),
        base_url: Some(prism.url.clone()),
        gh_scope,
        create_environment,
        ..Routing::default()
    };
    let env = [("GH_TOKEN".to_owned(), TOKEN.to_owned())].into();
    GitHub::open(&routing, &Surroundings { env, ..Surroundings::default() }).await.expect("a target")
}

fn put(name: &str, value: &[u8]) -> Write {
    let value = Secret::new(value.to_vec());
    Write::Put { name: name.into(), value, exists: false, token: String::new() }
}

async fn writes(target: &GitHub) {
    let names = ["A", "B", "GONE"].map(str::to_owned);
    assert_eq!(target.look(&names).await.expect("a look").present.len(), 0);
    let fine = |done: vsyncd::targets::Done| assert!(done.outcome.is_ok(), "{done:?}");
    target.apply(vec![put("A", b"1"), put("B", &[0, 0xff]), put("GONE", b"")], &fine).await;
    target.apply(vec![put("A", b"2"), Write::Remove { name: "GONE".into() }], &fine).await;
    let seen = target.look(&names).await.expect("a look").present;
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), ["A", "B"]);
}

pub(crate) async fn stories(place: &str) {
    let server = GitHubServer::start(REPOSITORY);
    server.add_environment("dev");
    let prism = Prism::start(place, &server);
    // It is in between and awake: what the description does not have is refused by it alone.
    let nonsense = get(&prism.url, "/no/such/path");
    assert!(nonsense.contains("404") && server.http().log().is_empty(), "{nonsense}");
    writes(&open(&prism, "dev", GhScope::Environment, false).await).await;
    writes(&open(&prism, "dev", GhScope::Repository, false).await).await;
    let missing = open(&prism, "eu/prod", GhScope::Environment, false).await;
    let error = missing.look(&["A".to_owned()]).await.expect_err("no environment");
    assert!(matches!(error, TargetError::Missing { .. }), "{error}");
    writes(&open(&prism, "eu/prod", GhScope::Environment, true).await).await;
    assert_eq!(server.environments(), ["dev", "eu/prod"]);
    assert_eq!(server.secret(Some("eu/prod"), "B"), Some(vec![0, 0xff]));
}

/// The answer to a GET, as it comes.
fn get(url: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("prism answers");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}
