//! What the system tells the daemon, and what the daemon tells the system.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// SIGXFSZ, which has this number on Linux and macOS: a file grew beyond what the process may write.
const FILE_TOO_LARGE: i32 = 25;

/// The signals that are handled, from now on.
#[derive(Debug)]
pub struct Signals {
    /// Heard and passed over: the write fails with an error of its own, instead of ending the daemon.
    _file_too_large: Option<Stream>,
    terminate: Option<Stream>,
    interrupt: Option<Stream>,
    hangup: Option<Stream>,
}

impl Signals {
    /// Listens from now on.
    pub fn new() -> Self {
        let listen = |kind| match signal(kind) {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::warn!(%error, "cannot listen for a signal");
                None
            }
        };
        Self {
            _file_too_large: listen(SignalKind::from_raw(FILE_TOO_LARGE)),
            terminate: listen(SignalKind::terminate()),
            interrupt: listen(SignalKind::interrupt()),
            hangup: listen(SignalKind::hangup()),
        }
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            () = wait(&mut self.terminate) => Signal::Stop,
            () = wait(&mut self.interrupt) => Signal::Stop,
            () = wait(&mut self.hangup) => Signal::Reload,
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

async fn wait(stream: &mut Option<Stream>) {
    let heard = match stream {
        Some(stream) => stream.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Tells the service manager that clients can connect.
pub fn ready() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Ready]);
}

/// Tells the service manager that the end has begun.
pub fn stopping() {
    #[cfg(target_os = "linux")]
    notify(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(target_os = "linux")]
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
