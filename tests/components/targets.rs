//! Targets of `sync` against the programs themselves. Each runs only where its variable names one, and
//! counts as ignored elsewhere: `gh.sh`, `openbao.sh` and `prism.sh` beside this file install, start and name them.
#![expect(clippy::disallowed_methods, reason = "a story lays out files as a person would")]

mod gh;
mod openbao;
mod prism;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

/// The real `gh`, by its path.
const GH: &str = "VSYNC_TEST_GH";
/// Prism and GitHub's description of its API, as `PROGRAM,FILE`.
const PRISM: &str = "VSYNC_TEST_PRISM";
/// An OpenBao in development mode, as `https://127.0.0.1:PORT,TOKEN,CA FILE`. It is sealed in the end.
const OPENBAO: &str = "VSYNC_TEST_OPENBAO";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial("gh", GH, |program| runtime().block_on(gh::stories(&program))),
        trial("prism", PRISM, |place| runtime().block_on(prism::stories(&place))),
        trial("openbao", OPENBAO, |place| runtime().block_on(openbao::stories(&place))),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

fn trial(name: &str, variable: &'static str, stories: impl FnOnce(String) + Send + 'static) -> Trial {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    let absent = value.is_none();
    let run = move || {
        let value = value.ok_or_else(|| Failed::from(format!("{variable} is not set")))?;
        stories(value);
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(absent)
}
