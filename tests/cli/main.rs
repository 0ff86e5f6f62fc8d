//! The command line without a daemon: help, usage, errors, and what the program is made of.

mod errors;
mod generated;
mod help;
mod offline;

use std::process::{Command, Output};

/// A home of its own, where no daemon runs and none can be found.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vsyncctl"));
        command.env_clear().env("HOME", self.0.path()).env("COLUMNS", "100").current_dir(self.0.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().expect("vsyncctl runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}
