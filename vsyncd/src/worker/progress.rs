//! How far long work has come.

use tokio::sync::broadcast;

/// One step forward, told to whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, where known.
    pub total: Option<u64>,
}

/// What long work consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Comparing the folder with the ledger; counted in files.
    Scan,
    /// Reading the folder; counted in bytes.
    Read,
    /// Encrypting and uploading; counted in bytes.
    Upload,
    /// Downloading and decrypting; counted in bytes.
    Download,
    /// Writing the backup; counted in bytes.
    Backup,
    /// Writing the new folder; counted in bytes.
    Write,
}

impl Stage {
    /// The word for people and the socket.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Backup => "backup",
            Self::Write => "write",
        }
    }
}

/// Where steps are reported. Nobody need be listening.
#[derive(Debug, Clone)]
pub struct Progress(broadcast::Sender<Step>);

impl Default for Progress {
    fn default() -> Self {
        Self(broadcast::channel(64).0)
    }
}

impl Progress {
    /// Reports a step.
    pub fn report(&self, stage: Stage, done: u64, total: Option<u64>) {
        // An error means that nobody watches.
        let _ = self.0.send(Step { stage, done, total });
    }

    /// Watches from now on.
    pub fn watch(&self) -> broadcast::Receiver<Step> {
        self.0.subscribe()
    }
}
