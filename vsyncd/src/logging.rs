//! The daemon's log: for people on a terminal, for the journal under systemd, as JSON elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::disk::atomic;

mod journal;

/// Said before every filter: libraries only speak up when something is wrong. A filter that names
/// one of them explicitly still wins.
const QUIET: &str = "info,aws_config=warn,aws_runtime=warn,aws_sdk_s3=warn,aws_sigv4=warn,\
    aws_smithy_http_client=warn,aws_smithy_runtime=warn,aws_smithy_runtime_api=warn,\
    h2=warn,hyper=warn,hyper_util=warn,rustls=warn";
/// A log file that is larger when it is opened becomes `<name>.1`, in bytes.
const ROTATE_AT: u64 = 5 << 20;

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard error, in the form that suits what it is connected to.
    Stderr,
    /// A file, as JSON: a daemon in the background has no terminal.
    File(PathBuf),
}

/// Why the log cannot be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is no list of `level` and `target=level`.
    #[error("'{filter}' is not a log filter such as info or vsyncd=debug: {why}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// The log file cannot be used.
    #[error("cannot open the log file {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a log already.
    #[error("the log was set up before")]
    Twice,
}

/// The running log.
#[derive(Debug, Clone)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Human { colour: bool },
    Journal,
    Json,
}

impl Logging {
    /// Sets the process's log up. `filter` is what `RUST_LOG` says; without it, everything from
    /// `info` up.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn init(output: &Output, filter: Option<&str>) -> Result<Self, LogError> {
        let filter = parse(filter.unwrap_or_default())?;
        let (subscriber, logging) = match output {
            Output::Stderr => Self::build(filter, stderr_form(), io::stderr),
            Output::File(path) => {
                let file = open(path).map_err(|source| LogError::File { path: path.to_owned(), source })?;
                Self::build(filter, Form::Json, Arc::new(file))
            }
        };
        tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
        Ok(logging)
    }

    /// Replaces the filter while the daemon runs.
    ///
    /// # Errors
    /// [`LogError::Filter`]; the old one stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), LogError> {
        let parsed = parse(filter)?;
        let gone = |why: reload::Error| LogError::Filter { filter: filter.to_owned(), why: why.to_string() };
        self.filter.reload(parsed).map_err(gone)
    }

    fn build<W>(filter: EnvFilter, form: Form, writer: W) -> (Box<dyn Subscriber + Send + Sync>, Self)
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let (filter, handle) = reload::Layer::new(filter);
        let layer = fmt::layer().with_writer(writer);
        let layer: Box<dyn Layer<_> + Send + Sync> = match form {
            Form::Human { colour } => layer.with_ansi(colour).boxed(),
            Form::Journal => layer.with_ansi(false).event_format(journal::Journal).boxed(),
            Form::Json => layer.json().flatten_event(true).boxed(),
        };
        let subscriber = tracing_subscriber::registry().with(filter).with(layer);
        (Box::new(subscriber), Self { filter: handle })
    }
}

fn stderr_form() -> Form {
    let variable = |name| std::env::var(name).unwrap_or_default();
    if io::stderr().is_terminal() {
        Form::Human { colour: variable("NO_COLOR").is_empty() && variable("TERM") != "dumb" }
    } else if journal::is_stderr(&variable("JOURNAL_STREAM")) {
        Form::Journal
    } else {
        Form::Json
    }
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let bad = |why: String| LogError::Filter { filter: filter.to_owned(), why };
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let mut directives = QUIET.to_owned();
    for part in filter.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        // A misspelt level would be taken for the name of a module, of which everything is shown.
        if !part.contains(['=', '[']) && !levels.contains(&part.to_ascii_lowercase().as_str()) {
            return Err(bad(format!("'{part}' is none of {}", levels.join(", "))));
        }
        directives.extend([",", part]);
    }
    EnvFilter::builder().parse(directives).map_err(|error| bad(error.to_string()))
}

/// Opens the log file for appending, readable by its owner only. A large one is put aside first,
/// in the place of the one put aside before.
fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        atomic::create_private_dirs(folder)?;
    }
    match fs::symlink_metadata(path) {
        Ok(old) if !old.is_file() => return Err(io::Error::other("it is not a plain file")),
        Ok(old) if old.len() >= ROTATE_AT => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".1");
            fs::rename(path, aside)?;
        }
        _ => {}
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests;
