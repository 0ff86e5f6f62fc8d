//! Completions and manual pages: made without a daemon, complete, and readable by what they are for.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::{Home, help, text};

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

fn verbs(home: &Home) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    help::everything(home, &[], &mut pages);
    pages.into_iter().map(|(verb, _)| verb).filter(|verb| !verb.is_empty()).collect()
}

fn completions(home: &Home, shell: &str) -> String {
    let output = home.run(&["--no-start", "completions", shell]);
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn every_shell_completes_every_verb() {
    let home = Home::new();
    let verbs = verbs(&home);
    for shell in SHELLS {
        let script = completions(&home, shell);
        for verb in &verbs {
            let name = verb.last().unwrap();
            assert!(script.contains(name.as_str()), "{shell} does not know {verb:?}");
        }
        assert!(script.contains("--key-store") || script.contains("key-store"), "{shell}");
    }
}

/// Shells that are here read their script without a complaint.
#[test]
fn scripts_are_readable_by_their_shells() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let path = home.0.path().join(shell);
        let script = completions(&home, shell);
        std::io::Write::write_all(&mut new_file(&path), script.as_bytes()).unwrap();
        let checked = Command::new(shell).arg("-n").arg(&path).stdin(Stdio::null()).output();
        // A shell that is not installed cannot complain.
        if let Ok(output) = checked {
            assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {}", text(&output.stderr));
        }
    }
}

fn new_file(path: &std::path::Path) -> std::fs::File {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path).unwrap()
}

#[test]
fn bash_completes_a_verb_and_a_flag() {
    let home = Home::new();
    let script = completions(&home, "bash");
    let ask = |words: &[&str]| {
        let last = words.len() - 1;
        let ask = format!(
            "COMP_WORDS=({}); COMP_CWORD={last}; _vsyncctl vsyncctl '{}' '{}'; printf '%s ' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words[last],
            words[last - 1]
        );
        Command::new("bash").args(["-c", &format!("{script}\n{ask}")]).output()
    };
    let Ok(output) = ask(&["vsyncctl", "pu"]) else { return };
    let found: BTreeSet<String> = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
    assert_eq!(found, ["pull", "push"].map(str::to_owned).into());
    let output = ask(&["vsyncctl", "pull", "--ba"]).unwrap();
    assert_eq!(text(&output.stdout).trim(), "--backup");
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    let output = Home::new().run(&["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("bash"), "{}", text(&output.stderr));
}

#[test]
fn every_verb_has_a_manual_page() {
    let home = Home::new();
    let dir = home.0.path().join("share/man1");
    let output = home.run(&["--no-start", "man", "--dir", dir.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let pages: BTreeSet<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut wanted: BTreeSet<String> =
        verbs(&home).iter().map(|verb| format!("vsyncctl-{}.1", verb.join("-"))).collect();
    wanted.insert("vsyncctl.1".to_owned());
    assert_eq!(pages, wanted);
    for page in &pages {
        let page = std::fs::read_to_string(dir.join(page)).unwrap();
        assert!(page.contains(".TH") && page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn the_main_page_is_printed() {
    let output = Home::new().run(&["man"]);
    assert!(output.status.success());
    let page = text(&output.stdout);
    assert!(page.contains(".TH vsyncctl 1") && page.contains("vsyncctl\\-pull(1)"), "{page}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let home = Home::new();
    let output = home.run(&["man", "--dir", "/proc/none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/proc/none"), "{}", text(&output.stderr));
}
