//! How far long work has come.

use std::sync::{Arc, OnceLock};

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

/// How many steps a slow watcher may lag behind.
const LAG: usize = 64;

/// Where steps are reported. Nobody need be listening, and mostly nobody does: the room for steps
/// is made for the first one who does.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<OnceLock<broadcast::Sender<Step>>>);

impl Progress {
    /// Reports a step.
    pub fn report(&self, stage: Stage, done: u64, total: Option<u64>) {
        if let Some(watchers) = self.0.get() {
            // An error means that nobody watches any more.
            let _ = watchers.send(Step { stage, done, total });
        }
    }

    /// Watches from now on.
    pub fn watch(&self) -> broadcast::Receiver<Step> {
        self.0.get_or_init(|| broadcast::channel(LAG).0).subscribe()
    }
}
