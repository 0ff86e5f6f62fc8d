//! A folder with the files of a case.

use std::io::ErrorKind;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use vsync_core::dotenv::Unreadable;

/// A folder that goes away with the case.
pub(crate) struct Vault {
    _above: TempDir,
    root: PathBuf,
}

impl Vault {
    /// Writes the files: a name in the folder for each, and its content in base64.
    pub(crate) fn with(files: &Value) -> Result<Self, String> {
        let above = TempDir::with_prefix("vsync-env-file-").map_err(|error| error.to_string())?;
        let root = above.path().canonicalize().map_err(|error| error.to_string())?.join("vault");
        let put = |name: &str, content: &Value| -> Result<(), String> {
            let bytes = decode(content.as_str().ok_or("a file that is not base64")?)?;
            let path = root.join(name);
            let folder = path.parent().ok_or("a file without a folder")?;
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
            std::fs::write(&path, bytes).map_err(|error| format!("{name}: {error}"))
        };
        std::fs::create_dir(&root).map_err(|error| error.to_string())?;
        files.as_object().into_iter().flatten().try_for_each(|(name, content)| put(name, content))?;
        Ok(Self { _above: above, root })
    }

    /// Where it is.
    pub(crate) fn root(&self) -> Result<&str, String> {
        self.root.to_str().ok_or_else(|| "the temporary folder has no name in UTF-8".to_owned())
    }

    /// The text with `{{VAULT}}` replaced.
    pub(crate) fn placed(&self, text: &str) -> Result<String, String> {
        Ok(text.replace("{{VAULT}}", self.root()?))
    }
}

/// Reads what a reference points to; `limit` in bytes.
pub(crate) fn fetch(path: &str, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unreadable::NotFound,
        _ => Unreadable::Other(error.to_string()),
    };
    let found = std::fs::metadata(path).map_err(refused)?;
    match () {
        () if found.is_dir() => Err(Unreadable::NotAFile("a folder")),
        () if !found.is_file() => Err(Unreadable::NotAFile("a FIFO or a device")),
        () if found.len() > limit => Err(Unreadable::TooLarge { limit }),
        () => std::fs::read(path).map_err(refused),
    }
}

/// Bytes from base64.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("base64: {error}"))
}
