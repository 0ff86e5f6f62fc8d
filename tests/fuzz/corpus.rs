//! The committed corpora through the fuzzer's targets, on the stable compiler: one test per file.
#![expect(clippy::disallowed_methods, reason = "a test reads its cases from files")]

#[expect(unreachable_pub, reason = "in the fuzzer's workspace this file is a library")]
mod targets;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 15] = [
    ("envelope", targets::envelope),
    ("seal", targets::seal),
    ("bundle", targets::bundle),
    ("share", targets::share),
    ("token", targets::token),
    ("pointer", targets::pointer),
    ("audit", targets::audit),
    ("envconfig", targets::envconfig),
    ("merge_yaml", targets::merge_yaml),
    ("merge_json", targets::merge_json),
    ("merge_ini", targets::merge_ini),
    ("merge_toml", targets::merge_toml),
    ("merge_text", targets::merge_text),
    ("merge_netrc", targets::merge_netrc),
    ("env_file", targets::env_file),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    let mut trials = Vec::new();
    for (name, target) in TARGETS {
        let mut files: Vec<_> = std::fs::read_dir(corpora.join(name))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        if files.is_empty() {
            let none = format!("{name} has no corpus");
            trials.push(Trial::test(format!("{name}::corpus"), move || Err(Failed::from(none))));
        }
        for file in files {
            let case = file.file_name().unwrap_or_default().display().to_string();
            trials.push(Trial::test(format!("{name}::{case}"), move || {
                target(&std::fs::read(&file)?);
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
