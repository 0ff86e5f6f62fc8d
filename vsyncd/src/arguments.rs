//! The daemon's command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::daemon::{Options, StartError};

const HELP: &str = "\
vsyncd keeps vault folders in step with their encrypted versions in a bucket.

Usage: vsyncd [--config FILE] [--socket PATH] [--once]

  --config FILE   settings (default: $XDG_CONFIG_HOME/vsync/vsyncd.yaml, which may be absent)
  --socket PATH   socket to serve (default: $VSYNC_SOCKET, else $XDG_RUNTIME_DIR/vsync/vsyncd.sock)
  --once          look at every checkout once, do what is due, and end
  -h, --help      this text
  -V, --version   the version

It runs in the foreground and logs to stderr; RUST_LOG sets what is logged.
Exit codes: 0 ended as asked, 1 failed, 64 usage, 78 configuration.
";

/// Reads the command line; `None` when it only asked for a text, which was printed.
///
/// # Errors
/// [`StartError::Usage`].
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, StartError> {
    let usage = |error: lexopt::Error| StartError::Usage(format!("{error} (vsyncd --help shows the usage)"));
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut options = Options::default();
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Long("config") => options.config = Some(absolute(parser.value().map_err(usage)?)),
            Long("socket") => options.socket = Some(absolute(parser.value().map_err(usage)?)),
            Long("once") => options.once = true,
            // For vsyncctl only.
            Long("background") => options.background = true,
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(None);
            }
            Short('V') | Long("version") => {
                println!("vsyncd {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Some(options))
}

/// The working directory changes when the daemon detaches.
fn absolute(path: OsString) -> PathBuf {
    let path = PathBuf::from(path);
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Option<Options>, StartError> {
        read(std::iter::once("vsyncd").chain(arguments.iter().copied()).map(OsString::from))
    }

    #[test]
    fn reads_the_documented_flags() {
        let options = parsed(&["--config", "/c", "--socket=/s", "--once"]).unwrap().unwrap();
        assert_eq!(options.config.unwrap(), PathBuf::from("/c"));
        assert_eq!(options.socket.unwrap(), PathBuf::from("/s"));
        assert!(options.once && !options.background);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for arguments in [&["--frobnicate"][..], &["--config"], &["extra"], &["--once=yes"]] {
            assert!(matches!(parsed(arguments), Err(StartError::Usage(_))), "{arguments:?}");
        }
    }
}
