//! What was ever published.

use vsync_core::format::audit::ReadRow;
use vsync_core::sync::Problem;
use vsync_core::version::Version;

use super::remote::{PointerRead, Remote};

/// One published version.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub version: Version,
    /// Size of its bundle in bytes.
    pub size: u64,
    /// The audit row of its push, where there is one.
    pub pushed: Option<ReadRow>,
}

impl Remote {
    /// Every bundle in the bucket, newest first, with who pushed it where the audit tells, and
    /// the pointer.
    ///
    /// # Errors
    /// What the store says about the list or the pointer; an audit that cannot be read is left
    /// out.
    pub async fn versions(&self) -> Result<(Vec<Listed>, Option<PointerRead>), Problem> {
        let prefix = format!("{}v=", self.place.prefix());
        let pointer = self.pointer(true).await?;
        let objects = self.place.store.list(&prefix).await?;
        let rows = self.audit.read().await.unwrap_or_default();
        let mut listed: Vec<_> = objects
            .into_iter()
            .filter_map(|(key, size)| Some((self.place.version_of(&key)?, size)))
            .map(|(version, size)| {
                let name = version.to_string();
                let pushed = rows.iter().rev().find(|row| row.action == "push" && row.version_ts == name);
                Listed { version, size, pushed: pushed.cloned() }
            })
            .collect();
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.version));
        Ok((listed, pointer))
    }
}
