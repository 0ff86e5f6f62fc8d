//! Targets of `sync` against the programs themselves. Each runs only where its variable names one, and
//! counts as ignored elsewhere: the scripts beside this file install, start and name them.
#![expect(clippy::disallowed_methods, reason = "a story lays out files as a person would")]

mod aws;
mod gcloud;
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
/// The real `gcloud`, by its path.
const GCLOUD: &str = "VSYNC_TEST_GCLOUD";
/// A moto that checks requests, as `http://127.0.0.1:PORT,KEY ID,KEY`.
const MOTO: &str = "VSYNC_TEST_MOTO";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial("aws", MOTO, |place| runtime().block_on(aws::stories(&place))),
        trial("gcloud", GCLOUD, |program| runtime().block_on(gcloud::stories(&program))),
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
