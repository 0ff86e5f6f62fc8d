//! What a daemon costs that has nothing to do but to look at its buckets every 15 seconds.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use ring::digest;
use serde_json::Value;
use vsync_tests::folder::{noise, write};
use vsync_tests::machine::Machine;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

use crate::table::Line;

/// How long the daemons are watched, all at the same time.
const WATCHED: Duration = Duration::from_secs(60);
/// What comes after a start: the first looks at every bucket and folder, and threads that end.
const SETTLING: Duration = Duration::from_secs(25);
/// The environment that all others are copies of.
const FIRST: &str = "e0";

/// Pairs, the most memory in MiB, the most CPU in percent of one core.
const CASES: [(usize, Option<f64>, Option<f64>); 3] =
    [(1, None, None), (20, Some(12.0), None), (1000, Some(40.0), Some(3.0))];

/// Memory and CPU of daemons with 1, 20 and 1000 pairs.
pub(crate) fn daemons() -> Vec<Line> {
    let place = Place::s3();
    let machines = CASES.map(|(pairs, ..)| machine(&place, pairs));
    std::thread::sleep(SETTLING);
    let begun: Vec<Duration> = machines.iter().map(|machine| cpu_time(machine.pid())).collect();
    let asked = place.server().requests("HEAD", "/manifest");
    let started = Instant::now();
    std::thread::sleep(WATCHED);
    let (polls, took) = (place.server().requests("HEAD", "/manifest") - asked, started.elapsed());
    let pairs: usize = CASES.iter().map(|(pairs, ..)| pairs).sum();
    let expected = took.as_secs_f64() / 15.0 * pairs as f64;
    assert!(polls as f64 >= expected * 0.8, "only {polls} polls, {expected:.0} were due");
    let mut lines = Vec::new();
    for ((pairs, most, share), (machine, begun)) in CASES.into_iter().zip(machines.iter().zip(begun)) {
        let used = cpu_time(machine.pid()).saturating_sub(begun);
        let percent = used.as_secs_f64() / took.as_secs_f64() * 100.0;
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        let ok = machine.json(&["status"]).1;
        let ok = ok["pairs"].as_array().expect("pairs").iter().filter(|pair| pair["state"] == "ok").count();
        assert_eq!(ok, pairs, "pairs that are in step");
        let memory = mib(resident(machine.pid()));
        lines.push(Line::amount(&format!("resident memory, {pairs} pairs"), memory, "MiB", most));
        if let Some(own) = from_rollup(machine.pid(), "Anonymous:") {
            let what = format!("of it not of the program's file, {pairs} pairs");
            lines.push(Line::amount(&what, mib(own), "MiB", None));
        }
        lines.push(Line::amount(&format!("CPU of one core, {pairs} pairs"), percent, "%", share));
    }
    lines
}

/// A machine whose daemon keeps this many pairs. The first is set up by its verbs; the others are
/// written as copies of it, in the bucket and on disk, because each key of their own would cost a
/// derivation.
fn machine(place: &Place, pairs: usize) -> Machine {
    let mut machine = Machine::new("ann").with("VSYNC_POLL_INTERVAL", "15s").without("RUST_LOG");
    machine.set_origin(&format!("git@git.example:acme/idle{pairs}.git"));
    machine.start();
    team::init(&machine, place, FIRST);
    for number in 0..5 {
        write(&machine.vault(FIRST), &format!("tls/{number}.key"), noise(number, 700), 0o600);
    }
    machine.ok(&["push", FIRST]);
    machine.wait_state(FIRST, "ok");
    machine.stop();
    let repo = format!("acme_idle{pairs}");
    for number in 1..pairs {
        copy(&machine, place, &repo, &format!("e{number}"));
    }
    register(&machine, pairs);
    machine.start();
    let mut left = pairs;
    until("every pair is in step", || {
        let (_, status) = machine.json(&["status"]);
        // A daemon that has just begun with a thousand pairs may be too busy to answer.
        let Some(all) = status["pairs"].as_array() else { return false };
        left = all.iter().filter(|pair| pair["state"] != "ok").count();
        left == 0 && all.len() == pairs
    });
    machine
}

/// One more environment: configuration, key, ledger, folder and objects.
fn copy(machine: &Machine, place: &Place, repo: &str, env: &str) {
    let config = |env: &str| machine.path(&format!("config/vsync/config/{repo}/env_{env}"));
    let packed = fs::File::open(config(FIRST)).expect("the first configuration");
    let mut json = String::new();
    GzDecoder::new(packed).read_to_string(&mut json).expect("a configuration");
    let mut value: Value = serde_json::from_str(&json).expect("a configuration");
    let prefix = value["prefix"].as_str().expect("a prefix").to_owned();
    let own = prefix.replace(&format!("/{FIRST}/"), &format!("/{env}/"));
    value["prefix"] = own.clone().into();
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(value.to_string().as_bytes()).expect("memory");
    private(&config(env), &packer.finish().expect("memory"));
    let key = |env: &str| machine.path(&format!("state/vsync/keys/{repo}/{env}"));
    private(&key(env), &fs::read(key(FIRST)).expect("the first key"));
    let ledger = |env: &str| {
        let identity = format!("{repo}\0{env}\0{}", machine.repo().display());
        let hash = digest::digest(&digest::SHA256, identity.as_bytes());
        let name: String = hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        machine.path(&format!("state/vsync/folders/{name}/ledger.json"))
    };
    private(&ledger(env), &fs::read(ledger(FIRST)).expect("the first ledger"));
    for (name, entry) in vsync_tests::folder::read(&machine.vault(FIRST)) {
        if let vsync_tests::folder::Entry::File { mode, content } = entry {
            write(&machine.vault(env), &name, content, mode);
        }
    }
    let server = place.server();
    for name in server.keys().into_iter().filter(|name| name.starts_with(&prefix)) {
        let object = server.get_raw(&name).expect("an object");
        let metadata: Vec<(&str, &str)> =
            object.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        server.put_raw(&name.replace(&prefix, &own), object.body.clone(), &metadata);
    }
}

/// Puts the copies beside the first environment in the list of checkouts.
fn register(machine: &Machine, pairs: usize) {
    let file = machine.path("state/vsync/checkouts.json");
    let list: Vec<Value> =
        serde_json::from_slice(&fs::read(&file).expect("the list of checkouts")).expect("a list");
    let first = &list[0];
    let all: Vec<Value> = (0..pairs)
        .map(|number| {
            let mut entry = first.clone();
            let env = format!("e{number}");
            let folder = first["vault_folder"].as_str().expect("a folder");
            let folder = folder.strip_suffix(FIRST).expect("a folder named like its environment");
            entry["vault_folder"] = format!("{folder}{env}").into();
            entry["env"] = env.into();
            entry
        })
        .collect();
    private(&file, serde_json::to_string(&all).expect("a list").as_bytes());
}

fn private(path: &Path, bytes: &[u8]) {
    let parent = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(parent).expect("a folder");
    fs::set_permissions(parent, fs::Permissions::from_mode(0o700)).expect("a private folder");
    let mut options = fs::File::options();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).expect("a small file");
}

/// Resident memory of a process in bytes.
fn resident(pid: u32) -> f64 {
    let by_ps = || ps(pid, "rss=").trim().parse::<f64>().expect("a number") * 1024.0;
    from_rollup(pid, "Rss:").unwrap_or_else(by_ps)
}

/// One kind of a process's memory in bytes: exact, where the system has it and lets us read it.
fn from_rollup(pid: u32, kind: &str) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let amount = text.lines().find_map(|line| line.strip_prefix(kind))?.trim();
    Some(amount.trim_end_matches(" kB").parse::<f64>().ok()? * 1024.0)
}

/// What a process has used of the processors so far, all its threads together.
fn cpu_time(pid: u32) -> Duration {
    let ticks = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|text| {
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        fields.get(11..13)?.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()
    });
    if let Some(ticks) = ticks {
        return Duration::from_millis(ticks * 10);
    }
    let text = ps(pid, "cputime=");
    let parts = text.trim().split(':').map(|part| part.parse::<f64>().expect("a number"));
    Duration::from_secs_f64(parts.fold(0.0, |all, part| all * 60.0 + part))
}

fn ps(pid: u32, what: &str) -> String {
    let output = std::process::Command::new("ps").args(["-o", what, "-p", &pid.to_string()]).output();
    String::from_utf8(output.expect("ps runs").stdout).expect("text")
}
