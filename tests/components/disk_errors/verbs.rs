//! The verbs that write, and what has to be so before and after each.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use vsync_tests::folder::{self, Entry};

use crate::bench::{Bench, CANARY};

/// What is done while the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Push,
    Pull,
    PullBackup,
    Restore,
    Init,
    Import,
    ImportAgain,
    Export,
    Profile,
    Forget,
}

impl Verb {
    pub(crate) const ALL: [Self; 10] = [
        Self::Push,
        Self::Pull,
        Self::PullBackup,
        Self::Restore,
        Self::Init,
        Self::Import,
        Self::ImportAgain,
        Self::Export,
        Self::Profile,
        Self::Forget,
    ];
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::PullBackup => "pull_backup",
            Self::Restore => "restore",
            Self::Init => "init",
            Self::Import => "import",
            Self::ImportAgain => "import_again",
            Self::Export => "export",
            Self::Profile => "profile",
            Self::Forget => "forget",
        };
        f.write_str(name)
    }
}

/// One time a verb is done.
#[derive(Debug)]
pub(crate) struct Act {
    verb: Verb,
    words: Vec<String>,
    env: String,
    edit: String,
    before: BTreeMap<String, Entry>,
    backups: usize,
}

impl Act {
    /// Makes the verb have something to do.
    pub(crate) fn prepare(bench: &mut Bench, verb: Verb) -> Self {
        let serial = bench.next();
        let (mut env, mut edit) = ("dev".to_owned(), String::new());
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let pass = bench.ann.path("passphrase").display().to_string();
        let words = match verb {
            Verb::Push => {
                edit = bench.edit_at_ben();
                words("push dev")
            }
            Verb::Pull => {
                bench.edit_at_ann();
                words("pull dev")
            }
            Verb::PullBackup => {
                bench.edit_at_ann();
                edit = bench.edit_at_ben();
                words("pull dev --backup")
            }
            Verb::Restore => {
                if backups(bench).is_empty() {
                    bench.edit_at_ann();
                    bench.edit_at_ben();
                    bench.ben.ok(&["pull", "dev", "--backup"]);
                }
                let name = backups(bench).first().cloned().expect("a backup");
                let into = bench.ben.path(&format!("restored-{serial}")).display().to_string();
                words(&format!("backup restore dev {name} {into}"))
            }
            Verb::Init => {
                env = format!("e{serial}");
                words(&format!("init {env} --profile test"))
            }
            Verb::Import => {
                env = format!("i{serial}");
                let share = bench.ann.path(&format!("{env}.share")).display().to_string();
                bench.ann.ok(&["init", &env, "--profile", "test"]);
                folder::write(&bench.ann.vault(&env), "a.env", format!("I={CANARY}\n"), 0o600);
                bench.ann.ok(&["push", &env]);
                bench.ann.ok(&["export", &env, "--out", &share, "--passphrase-file", &pass]);
                words(&format!("import {env} {share} --passphrase-file {pass}"))
            }
            Verb::ImportAgain => {
                let share = bench.ann.path("dev.share").display().to_string();
                words(&format!("import dev {share} --passphrase-file {pass}"))
            }
            Verb::Export => {
                let out = bench.ben.path(&format!("out-{serial}.share")).display().to_string();
                words(&format!("export dev --out {out} --passphrase-file {pass}"))
            }
            Verb::Profile => {
                let secret = bench.ann.path("s3-secret").display().to_string();
                let endpoint = bench.place.server().endpoint();
                words(&format!(
                    "profile add p{serial} --endpoint {endpoint} --region r --bucket b --access-key-id i \
                     --secret-access-key-file {secret}"
                ))
            }
            Verb::Forget => {
                env = format!("f{serial}");
                bench.ben.ok(&["init", &env, "--profile", "test"]);
                words(&format!("forget {env}"))
            }
        };
        let (before, backups) = (Bench::content(&bench.ben), backups(bench).len());
        Self { verb, words, env, edit, before, backups }
    }

    /// Does it once.
    pub(crate) fn run(&self, bench: &Bench) -> (i32, Value) {
        bench.ben.json(&self.words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What is wrong right after it failed, or did not.
    pub(crate) fn wrong_now(&self, bench: &Bench) -> Option<String> {
        let now = Bench::content(&bench.ben);
        let new = Bench::content(&bench.ann);
        let may_be_new = matches!(self.verb, Verb::Pull | Verb::PullBackup);
        if now != self.before && !(may_be_new && now == new) {
            return Some("the folder is neither old nor new".to_owned());
        }
        if let Verb::Restore | Verb::Export = self.verb {
            let out = std::path::Path::new(self.words.last().map_or("", String::as_str));
            let half = out.is_dir() && folder::read(out).is_empty();
            return half.then(|| "half a folder was restored".to_owned());
        }
        None
    }

    /// Does it again now that the disk is well; what is wrong then.
    pub(crate) fn recover(&self, bench: &Bench, first: i32) -> Option<String> {
        let done_once = first == 0 && !matches!(self.verb, Verb::Push | Verb::Pull | Verb::PullBackup);
        if !done_once {
            let (code, answer) = self.run(bench);
            let there = matches!(self.verb, Verb::Forget) && answer["error"]["code"] == "unknown_pair";
            if code != 0 && !there {
                return Some(format!("again: exit {code}, {answer}"));
            }
        }
        match self.verb {
            Verb::Push => {
                bench.ann.ok(&["pull", "dev"]);
            }
            Verb::PullBackup => {
                let grown = backups(bench).len().saturating_sub(self.backups);
                if grown != 1 {
                    return Some(format!("{grown} backups of one pull"));
                }
                if let Some(wrong) = self.not_kept(bench) {
                    return Some(wrong);
                }
            }
            Verb::Init | Verb::Import => {
                bench.ben.ok(&["forget", &self.env]);
                return None;
            }
            _ => {}
        }
        if Bench::content(&bench.ben) != Bench::content(&bench.ann) {
            return Some("the machines differ".to_owned());
        }
        let pair = bench.ben.wait_status("dev", "it is well again", |pair| pair["state"] == "ok");
        (pair["state"] != "ok").then(|| pair.to_string())
    }

    /// The edit that was replaced is in the newest backup.
    fn not_kept(&self, bench: &Bench) -> Option<String> {
        let newest = backups(bench).first().cloned().expect("a backup");
        let into = bench.ben.path("look");
        let _ = std::fs::remove_dir_all(&into);
        bench.ben.ok(&["backup", "restore", "dev", &newest, &into.display().to_string()]);
        let kept = std::fs::read_to_string(into.join("b.env")).unwrap_or_default();
        (kept != self.edit).then(|| format!("the edit is not in the backup: {kept:?}"))
    }
}

/// The names of ben's backups, newest first.
fn backups(bench: &Bench) -> Vec<String> {
    let (code, list) = bench.ben.json(&["backup", "list", "dev"]);
    assert_eq!(code, 0, "{list}");
    let all = list.as_array().cloned().unwrap_or_default();
    all.iter().filter_map(|backup| backup["name"].as_str().map(str::to_owned)).collect()
}
