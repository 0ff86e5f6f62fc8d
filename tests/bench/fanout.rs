//! How long two hundred secrets take to GitHub, beside its own client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vsync_tests::folder::write;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};

use crate::table::{Line, median};

/// A program that is `gh`, where none is on the PATH.
const GH: &str = "VSYNC_BENCH_GH";
/// As many as GitHub keeps in an environment, and as many again in the repository.
const HALF: usize = 100;
/// Rounds of both, taken in turns so that a busy moment hits both.
const ROUNDS: usize = 3;
const REPOSITORY: &str = "acme/web";

fn env_file(round: usize) -> String {
    (0..HALF).map(|n| format!("SECRET_{n}=value {n} of round {round}\n")).collect()
}

fn run(mut command: Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let output = command.output().expect("the process starts");
    let took = begun.elapsed();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    took
}

/// A server with the environment that is written to.
fn server() -> GitHubServer {
    let server = GitHubServer::start(REPOSITORY);
    server.add_environment("dev");
    server
}

fn check(server: &GitHubServer, round: usize) {
    for place in [Some("dev"), None] {
        let last = HALF - 1;
        let value = server.secret(place, &format!("SECRET_{last}"));
        assert_eq!(value, Some(format!("value {last} of round {round}").into_bytes()));
        assert_eq!(server.names(place).len(), HALF);
    }
}

/// `vsyncctl sync` of both halves.
fn ours(machine: &Machine, server: &GitHubServer, round: usize) -> Duration {
    write(&machine.vault("dev"), ".env.dev", env_file(round), 0o600);
    let url = server.url();
    let took = ["env", "repo"].map(|scope| {
        let scope = format!("--gh-scope={scope}");
        let flags = ["-q", "sync", "dev", "gh", "--gh-repo", REPOSITORY, "--base-url", &url, &scope];
        run(machine.ctl_command(&flags))
    });
    check(server, round);
    took.iter().sum()
}

/// `gh secret set --env-file` of both halves.
fn theirs(machine: &Machine, gh: &Path, server: &GitHubServer, round: usize) -> Duration {
    let file = machine.path("gh.env");
    write(&machine.path(""), "gh.env", env_file(round), 0o600);
    let took = [&["--env", "dev"][..], &[]].map(|place| {
        let mut command = machine.command(gh);
        command.args(["secret", "set", "--repo", REPOSITORY, "--env-file"]).arg(&file).args(place);
        // This name makes it speak plain HTTP, which the proxy takes for all there is.
        command.env("GH_HOST", "github.localhost").env("HTTP_PROXY", server.url());
        command.env("GH_CONFIG_DIR", machine.path("gh")).env("GH_TOKEN", TOKEN);
        run(command)
    });
    check(server, round);
    took.iter().sum()
}

fn gh() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(GH) {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("gh")).find(|file| file.is_file())
}

/// Two hundred secrets, all of them changed, and none.
pub(crate) fn secrets() -> Vec<Line> {
    let mut machine = Machine::new("ann").with("GH_TOKEN", TOKEN);
    machine.start();
    team::init(&machine, &Place::folder(), "dev");
    let (here, there, gh) = (server(), server(), gh());
    let (mut sent, mut vendor) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        sent.push(ours(&machine, &here, round));
        vendor.extend(gh.as_deref().map(|gh| theirs(&machine, gh, &there, round)));
    }
    let again = vec![ours(&machine, &here, ROUNDS - 1)];
    if vendor.is_empty() {
        println!("gh secret set of 200 secrets: not run: gh is not installed");
    } else {
        let ratio = median(&vendor).as_secs_f64() / median(&sent).as_secs_f64();
        println!("gh secret set of 200 secrets takes {ratio:.1} times as long as vsyncctl sync");
    }
    let mut lines = vec![
        Line::figure("vsyncctl sync of 200 secrets to GitHub", sent),
        Line::figure("vsyncctl sync of 200 secrets, none changed", again),
    ];
    if !vendor.is_empty() {
        lines.push(Line::figure("gh secret set of 200 secrets", vendor));
    }
    lines
}
