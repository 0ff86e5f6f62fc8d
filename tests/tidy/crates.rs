//! Which crate may depend on which.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::tree;

/// What each crate of the workspace may have of the others.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("vsync-proto", &[]),
    ("vsync-core", &[]),
    ("vsyncctl", &["vsync-proto"]),
    ("vsyncd", &["vsync-core", "vsync-proto"]),
    ("vsync-tests", &[]),
];

/// What core must not even have through others: it does no I/O, starts nothing and logs nothing.
/// (That the client has no runtime, cipher or archive is held by `tests/cli/offline.rs`.)
const NOT_IN_CORE: [&str; 7] = ["tokio", "tracing", "notify", "rustix", "async-trait", "rustls", "hyper"];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).current_dir(tree::top()).output().expect("cargo runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// What cargo knows of the workspace.
pub(crate) fn metadata() -> Value {
    let json = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    serde_json::from_str(&json).expect("metadata is JSON")
}

/// The arrows between the crates are the ones that ARCHITECTURE.md draws.
#[test]
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let known = found.entry(package["name"].as_str().expect("a name")).or_default();
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            // Development dependencies are for tests and link nothing into the programs.
            if dependency["path"].is_string() && dependency["kind"] != "dev" {
                known.push(dependency["name"].as_str().expect("a name"));
            }
        }
        known.sort_unstable();
    }
    let allowed: BTreeMap<&str, Vec<&str>> =
        ALLOWED.iter().map(|(name, others)| (*name, others.to_vec())).collect();
    assert_eq!(found, allowed, "left: what Cargo.toml files say, right: what this test allows");
}

/// Core decides and never does, and neither does anything it links.
#[test]
fn core_links_nothing_that_acts() {
    let tree = cargo(&["tree", "--offline", "-p", "vsync-core", "-e", "normal", "--prefix", "none"]);
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"zip"), "the tree looks wrong:\n{tree}");
    let found: Vec<String> = names
        .iter()
        .filter(|name| NOT_IN_CORE.contains(name) || name.starts_with("aws-"))
        .map(|name| format!("vsync-core links {name}"))
        .collect();
    crate::report(&found, "core must stay free of I/O; do it in vsyncd and hand the result in");
}

/// What people install cannot be told where to die: only tests build the daemon with fail points.
#[test]
fn a_release_has_no_fail_points() {
    let features = |more: &[&str]| {
        let plain =
            ["tree", "--offline", "-p", "vsyncd", "-e", "no-dev", "--depth", "0", "-f", "{p} features: {f}"];
        cargo(&[&plain[..], more].concat())
    };
    let asked = features(&["--features", "fail-points"]);
    assert!(asked.contains("fail-points"), "the feature is not where this test looks for it: {asked}");
    let release = features(&[]);
    assert!(!release.contains("fail-points"), "cargo build gives {release}");
}
