//! Try it: two machines, one folder store, everything printed as it happens.
//!
//! `cargo run -p vsync-tests --bin demo` needs no account, no configuration and no network beyond
//! cargo's own. Every line after a `$` is run by a shell exactly as it stands.

mod binaries;
mod person;
mod playground;
mod script;
mod story;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p vsync-tests --bin demo [-- FOLDER]
FOLDER must not exist; without it a new one is made among the temporary files";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map(PathBuf::from);
    let asked =
        folder.as_deref().is_some_and(|folder| folder.as_os_str().as_encoded_bytes().starts_with(b"-"));
    if asked || arguments.next().is_some() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let outcome = binaries::build().and_then(|programs| {
        let ground = playground::Playground::new(folder, programs)?;
        story::tell(&ground)?;
        ground.leave_to_play()
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, in words.
type Outcome<T> = Result<T, String>;
