//! What it takes to send two hundred secrets to each target: all new, none changed, one changed. Beside it the
//! same writes as plainly as can be, and GitHub's own client where there is one.

mod beds;
mod floor;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vsync_tests::folder::write;
use vsync_tests::github::{GitHubServer, TOKEN};
use vsync_tests::key_vault::KeyVault;
use vsync_tests::kv2::Kv2Server;
use vsync_tests::machine::Machine;
use vsync_tests::secret_manager::SecretManager;
use vsync_tests::secrets_manager::SecretsManager;
use vsync_tests::team::{self, Place};

use crate::table::{Line, median};
use beds::Bed;

/// A program that is `gh`, where none is on the PATH.
const GH: &str = "VSYNC_BENCH_GH";
/// Rounds of everything, taken in turns so that a busy moment hits all.
const ROUNDS: usize = 5;

/// What one target took.
#[derive(Default)]
struct Times {
    new: Vec<Duration>,
    unchanged: Vec<Duration>,
    one: Vec<Duration>,
    floor: Vec<Duration>,
    /// Requests of the three runs.
    requests: [usize; 3],
}

fn values(count: usize, word: &str) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("SECRET{n}"), format!("{word} value of secret {n}"))).collect()
}

fn env_file(values: &beds::Values) -> String {
    values.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

fn run(mut command: Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let output = command.output().expect("the process starts");
    let took = begun.elapsed();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    took
}

fn check<B: Bed>(bed: &B, values: &beds::Values) {
    for (name, value) in values {
        assert_eq!(bed.secret(name).as_ref(), Some(value), "{name} of {}", B::NAME);
    }
}

/// `vsyncctl sync` of these values, and the number of requests that it made.
fn ours<B: Bed>(machine: &Machine, bed: &B, values: &beds::Values) -> (Duration, usize) {
    write(&machine.vault("dev"), ".env.dev", env_file(values), 0o600);
    bed.http().forget_log();
    let runs = bed.runs();
    let took = runs.iter().map(|arguments| {
        let arguments = arguments.iter().map(String::as_str);
        run(machine.ctl_command(&["-q", "sync", "dev"].into_iter().chain(arguments).collect::<Vec<_>>()))
    });
    let took = took.sum();
    check(bed, values);
    (took, bed.http().log().len())
}

/// A machine and a server that have never heard of each other, and another server for the floor.
fn round<B: Bed>(times: &mut Times) {
    let (bed, plain, place) = (B::start(), B::start(), Place::folder());
    let variables = bed.variables();
    let mut machine =
        variables.iter().fold(Machine::new("ann"), |machine, (name, value)| machine.with(name, value));
    machine.start();
    team::init(&machine, &place, "dev");
    let mut all = values(B::NAMES, "first");
    let new = ours(&machine, &bed, &all);
    let unchanged = ours(&machine, &bed, &all);
    all[B::NAMES / 2].1 = "another value".to_owned();
    let one = ours(&machine, &bed, &all);
    times.new.push(new.0);
    times.unchanged.push(unchanged.0);
    times.one.push(one.0);
    times.requests = [new.1, unchanged.1, one.1];
    let begun = Instant::now();
    plain.floor(&all);
    times.floor.push(begun.elapsed());
    check(&plain, &all);
}

fn lines<B: Bed>(times: Times) -> Vec<Line> {
    let ratio = |times: &[Duration], of: &[Duration]| median(times).as_secs_f64() / median(of).as_secs_f64();
    println!(
        "{}: 200 new are {:.1} times the floor, none changed {:.2} times, one changed {:.2} times",
        B::NAME,
        ratio(&times.new, &times.floor),
        ratio(&times.unchanged, &times.floor),
        ratio(&times.one, &times.floor),
    );
    let [new, unchanged, one] = times.requests;
    vec![
        Line::figure(&format!("{}, 200 new ({new} requests)", B::NAME), times.new),
        Line::figure(&format!("{}, none changed ({unchanged})", B::NAME), times.unchanged),
        Line::figure(&format!("{}, one changed ({one})", B::NAME), times.one),
        Line::figure(&format!("{}, floor: the writes alone", B::NAME), times.floor),
    ]
}

/// `gh secret set --env-file` for the environment and for the repository.
fn theirs(gh: &Path) -> Duration {
    let (server, machine) = (<GitHubServer as Bed>::start(), Machine::new("gh"));
    let all = values(GitHubServer::NAMES, "first");
    write(&machine.path(""), "gh.env", env_file(&all), 0o600);
    let took = [&["--env", "dev"][..], &[]].map(|place| {
        let mut command = machine.command(gh);
        command.args(["secret", "set", "--repo", "acme/web", "--env-file"]);
        command.arg(machine.path("gh.env")).args(place);
        // This name makes it speak plain HTTP, which the proxy takes for all there is.
        command.env("GH_HOST", "github.localhost").env("HTTP_PROXY", server.url());
        command.env("GH_CONFIG_DIR", machine.path("gh")).env("GH_TOKEN", TOKEN);
        run(command)
    });
    check(&server, &all);
    took.iter().sum()
}

fn gh() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(GH) {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("gh")).find(|file| file.is_file())
}

/// Every target.
pub(crate) fn secrets() -> Vec<Line> {
    let mut times: [Times; 5] = Default::default();
    let (gh, mut vendor) = (gh(), Vec::new());
    for _ in 0..ROUNDS {
        let [github, google, aws, azure, vault] = &mut times;
        round::<GitHubServer>(github);
        vendor.extend(gh.as_deref().map(theirs));
        round::<SecretManager>(google);
        round::<SecretsManager>(aws);
        round::<KeyVault>(azure);
        round::<Kv2Server>(vault);
    }
    let [github, google, aws, azure, vault] = times;
    if vendor.is_empty() {
        println!("gh secret set of 200 secrets: not run: gh is not installed");
    } else {
        let ratio = median(&vendor).as_secs_f64() / median(&github.new).as_secs_f64();
        println!("gh secret set of 200 secrets takes {ratio:.1} times as long as vsyncctl sync");
    }
    let mut lines = lines::<GitHubServer>(github);
    if !vendor.is_empty() {
        lines.push(Line::figure("GitHub, gh secret set of 200", vendor));
    }
    lines.extend(self::lines::<SecretManager>(google));
    lines.extend(self::lines::<SecretsManager>(aws));
    lines.extend(self::lines::<KeyVault>(azure));
    lines.extend(self::lines::<Kv2Server>(vault));
    lines
}
