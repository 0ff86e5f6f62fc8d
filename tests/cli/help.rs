//! The help texts are the reference: `docs/cli.md` is made of them.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Home, text};

fn help(home: &Home, verb: &[String]) -> String {
    let mut args: Vec<&str> = verb.iter().map(String::as_str).collect();
    args.push("--help");
    let output = home.run(&args);
    assert!(output.status.success(), "{verb:?}");
    text(&output.stdout)
}

/// The words under `Commands:`.
fn verbs_in(help: &str) -> Vec<String> {
    let list = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    // Deeper lines continue a description.
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// Every verb, with its help, in the order the help gives.
fn everything(home: &Home, verb: &[String], out: &mut Vec<(Vec<String>, String)>) {
    let help = help(home, verb);
    let below = verbs_in(&help);
    out.push((verb.to_vec(), help));
    for name in below {
        let mut longer = verb.to_vec();
        longer.push(name);
        everything(home, &longer, out);
    }
}

fn page(pages: &[(Vec<String>, String)]) -> String {
    let mut page = String::from(
        "# vsyncctl\n\nThe help texts of the program. Global options are listed once, at the top; every verb takes them.\n",
    );
    for (verb, help) in pages {
        let own =
            if verb.is_empty() { help } else { help.split("\nGlobal options:").next().unwrap_or_default() };
        let name = ["vsyncctl".to_owned()].iter().chain(verb).cloned().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = own.trim_end().lines().map(str::trim_end).collect();
        write!(page, "\n## {name}\n```text\n{}\n```\n", lines.join("\n")).unwrap();
    }
    page
}

#[test]
fn the_reference_is_what_the_program_says() {
    let mut pages = Vec::new();
    everything(&Home::new(), &[], &mut pages);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        #[expect(clippy::disallowed_methods, reason = "writes the documentation, on request only")]
        std::fs::write(&path, page(&pages)).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, page(&pages), "run the test with INSTA_UPDATE=always to write docs/cli.md");
}

#[test]
fn the_verbs_are_these() {
    let mut pages = Vec::new();
    everything(&Home::new(), &[], &mut pages);
    let verbs: Vec<String> = pages.iter().skip(1).map(|(verb, _)| verb.join(" ")).collect();
    insta::assert_snapshot!(verbs.join(", "), @"status, watch, diff, push, pull, versions, sync, init, import, export, track, forget, profile, profile list, profile show, profile add, profile remove, backup, backup list, backup restore, restore-backup, doctor, daemon, daemon start, daemon stop, daemon reload, daemon log-level, daemon status");
    for (verb, help) in &pages {
        for later in ["--merge", "--take-over", "--edit", "rollback <", "rotate", "migrate"] {
            assert!(!help.contains(later), "{verb:?} speaks of {later}");
        }
        let about = help.lines().next().unwrap_or_default();
        assert!(!about.is_empty() && !about.ends_with('.'), "{verb:?}: {about}");
    }
}

#[test]
fn help_fits_a_narrow_terminal() {
    let home = Home::new();
    let output = home.command().env("COLUMNS", "60").args(["pull", "-h"]).output().unwrap();
    let help = text(&output.stdout);
    for line in help.lines() {
        assert!(line.chars().count() <= 60, "{line}");
    }
}
