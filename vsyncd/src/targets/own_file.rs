//! Credential files that a caller names.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use vsync_core::secret::Secret;

use crate::tasks;

/// No such file is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads a file of text that only root or the user the daemon runs as can have written: the path is the
/// caller's, and the daemon must neither lend what the caller could not read nor trust what strangers
/// wrote. `None` when there is no file.
///
/// # Errors
/// Why the file is not used, for people.
pub async fn read(file: PathBuf) -> Result<Option<Secret<String>>, &'static str> {
    tasks::blocking(move || own(&file)).await.unwrap_or(Err("it cannot be read"))
}

fn own(file: &Path) -> Result<Option<Secret<String>>, &'static str> {
    if !file.is_absolute() {
        return Err("the path is not absolute");
    }
    // Without this flag a pipe would be waited for.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let open = match OpenOptions::new().read(true).custom_flags(flags).open(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|_| "it cannot be read")?,
    };
    let about = open.metadata().map_err(|_| "it cannot be read")?;
    if !about.is_file() || ![0, rustix::process::geteuid().as_raw()].contains(&about.uid()) {
        return Err("it is no plain file of the user that the daemon runs as");
    }
    if about.mode() & 0o022 != 0 {
        return Err("others can write it");
    }
    let mut text = String::with_capacity(8192);
    let read = open.take(LONGEST).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map(|_| Some(text)).map_err(|_| "it is no text")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test lays out files as a person would")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn only_files_of_our_own_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.json");
        let text =
            async |file: &Path| read(file.to_owned()).await.map(|text| text.map(|t| t.expose().clone()));
        assert_eq!(text(&file).await, Ok(None));
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(text(&file).await, Ok(Some("{}".into())));
        for mode in [0o664, 0o646] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(text(&file).await, Err("others can write it"));
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, [0xff]).unwrap();
        assert_eq!(text(&file).await, Err("it is no text"));
        assert!(text(folder.path()).await.is_err(), "a folder");
        assert_eq!(text(Path::new("key.json")).await, Err("the path is not absolute"));
    }
}
