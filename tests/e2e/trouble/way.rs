//! The way to the store: names that do not resolve, and proxies.

use std::fs;

use vsync_core::format::envconfig::EnvConfig;

use super::*;

/// Writes another endpoint into the configuration of the vault. The daemon must not run.
fn readdress(ann: &Machine, endpoint: &str) -> String {
    let file = ann.path("config/vsync/config/acme_web/env_dev");
    let mut config = EnvConfig::read(&fs::read(&file).unwrap()).unwrap();
    let before = std::mem::replace(&mut config.s3.endpoint, endpoint.to_owned());
    fs::write(&file, config.write()).unwrap();
    before
}

#[test]
fn a_name_that_does_not_resolve() {
    let (_place, mut ann) = published();
    assert_eq!(ann.stop(), 0);
    let right = readdress(&ann, "http://store.invalid");
    ann.start();
    let state = ann.wait_status("dev", "it shows", |pair| pair["reason"] == UNREACHABLE.word);
    assert!(state["detail"].as_str().unwrap().contains("store.invalid"), "{state}");
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    for verb in ["push", "pull"] {
        fails(&ann, &[verb, "dev"], &UNREACHABLE);
    }
    assert_eq!(ann.stop(), 0);
    readdress(&ann, &right);
    ann.start();
    heals(&ann, 2);
}

/// The server of the bench is asked as a proxy for a name that nobody else could resolve.
#[test]
fn a_proxy_is_used_where_the_environment_names_one() {
    for (variable, exceptions, used) in [
        ("HTTP_PROXY", "", true),
        ("http_proxy", "127.0.0.1", true),
        ("HTTP_PROXY", "example.com,.invalid", false),
    ] {
        let (place, mut ann) = published();
        assert_eq!(ann.stop(), 0);
        let proxy = readdress(&ann, "http://store.invalid");
        let mut ann = ann.with(variable, &proxy).with("NO_PROXY", exceptions);
        ann.start();
        write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
        let (code, pushed) = ann.json(&["push", "dev"]);
        assert_eq!(code == 0, used, "{variable} {exceptions}: {pushed}");
        assert_eq!(place.bundles().len(), if used { 2 } else { 1 });
    }
}
