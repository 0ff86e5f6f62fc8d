//! Every case of `tests/cases/env-file.json` as a test of its own name.
//!
//! With `VSYNC_ENV_FILE_CASES` set, the cases of that file are run instead.
#![expect(clippy::disallowed_methods, reason = "a test reads its cases from files")]
#![expect(clippy::disallowed_macros, reason = "a test runner reports what it found")]

mod case;
mod vault;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/env-file.json");
    let file = std::env::var_os("VSYNC_ENV_FILE_CASES").map_or_else(ours, PathBuf::from);
    let cases = cases(&file);
    let found = cases.as_ref().map_or(0, Vec::len);
    eprintln!("{found} env-file cases found in {}", file.display());
    let trials = match cases {
        Ok(cases) if !cases.is_empty() => cases.into_iter().enumerate().map(trial).collect(),
        Ok(_) => vec![failure(format!("no cases in {}", file.display()))],
        Err(why) => vec![failure(format!("{}: {why}", file.display()))],
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn failure(why: String) -> Trial {
    Trial::test("env_file::found", move || Err(Failed::from(why)))
}

fn cases(file: &Path) -> Result<Vec<Value>, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn trial((index, case): (usize, Value)) -> Trial {
    let name = case["id"].as_str().map_or_else(|| format!("case-{index}"), str::to_owned);
    Trial::test(format!("env_file::{name}"), move || case::run(&case).map_err(Failed::from))
}
