//! The vsync daemon.

use std::io::Write as _;
use std::process::ExitCode;

use vsyncd::daemon::{self, Ground, Options, StartError};
use vsyncd::logging::{Logging, Output};
use vsyncd::{arguments, detach, harden};

fn main() -> ExitCode {
    harden::harden();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where that cannot be written the exit code has to do.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(match error {
                StartError::Usage(_) => 64,
                StartError::Config(_) => 78,
                StartError::AlreadyRunning(_) | StartError::Failed(_) => 1,
            })
        }
    }
}

fn start() -> Result<(), StartError> {
    let Some(options) = arguments::read(std::env::args_os())? else { return Ok(()) };
    let failed = |error: &dyn std::fmt::Display| StartError::Failed(error.to_string());
    if options.background {
        detach::detach().map_err(|error| failed(&error))?;
    }
    let output = match options.background {
        true => Output::File(daemon::background_log()?),
        false => Output::Stderr,
    };
    let filter = std::env::var("RUST_LOG").ok();
    let logging = Logging::init(&output, filter.as_deref()).map_err(|error| failed(&error))?;
    serve(options, logging).inspect_err(|error| {
        // A daemon in the background has no other way to say why.
        tracing::error!(%error, "vsyncd does not run");
    })
}

fn serve(options: Options, logging: Logging) -> Result<(), StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Failed(error.to_string());
    let ground = Ground::prepare(&options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    let ended = runtime.block_on(daemon::run(options, ground, logging));
    // A hung call on a blocking thread must not keep the process.
    runtime.shutdown_background();
    ended
}
