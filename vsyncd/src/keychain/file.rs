//! Keys in files, for machines without a keychain: `<state>/keys/<repo>/<env>`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use vsync_core::id::Pair;
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::{KeyError, KeyStore, is_key};
use crate::disk::atomic;

/// No key file is larger than this, in bytes: a key has 44, and editors add a line end.
const FILE_LIMIT: u64 = 256;

/// Keys in files that only their owner can read, in folders that only their owner can enter.
#[derive(Debug, Clone)]
pub struct FileKeys {
    folder: PathBuf,
}

impl FileKeys {
    /// The keys in this folder, see `Paths::keys`.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, pair: &Pair) -> PathBuf {
        self.folder.join(pair.repo.as_str()).join(pair.env.as_str())
    }
}

impl KeyStore for FileKeys {
    fn get(&self, pair: &Pair) -> Result<Option<Secret<String>>, KeyError> {
        let path = self.path(pair);
        let failed = |source| KeyError::Io { pair: pair.clone(), source };
        let mut options = OpenOptions::new();
        // Neither a pipe that blocks nor a link that leads elsewhere.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        judge(&path, &file, geteuid().as_raw()).map_err(failed)??;
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_LIMIT as usize + 1));
        file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_ascii();
        if is_key(text) {
            Ok(Some(Secret::new(text.to_owned())))
        } else {
            Err(KeyError::NotAKey(pair.clone()))
        }
    }

    fn set(&self, pair: &Pair, key: &Secret<String>) -> Result<(), KeyError> {
        if !is_key(key.expose()) {
            return Err(KeyError::NotAKey(pair.clone()));
        }
        let path = self.path(pair);
        atomic::create_private_dirs(path.parent().unwrap_or(&self.folder))
            .and_then(|()| atomic::write(&path, key.expose().as_bytes(), 0o600))
            .map_err(|source| KeyError::Io { pair: pair.clone(), source })
    }

    fn name(&self) -> &'static str {
        "file"
    }
}

/// The open file is judged, not its name: the name may point elsewhere a moment later.
fn judge(path: &Path, file: &File, me: u32) -> io::Result<Result<(), KeyError>> {
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o777;
    let why = if !metadata.is_file() {
        "it is not a plain file".to_owned()
    } else if metadata.uid() != me {
        format!("it belongs to another user (uid {})", metadata.uid())
    } else if mode & 0o077 != 0 {
        format!(
            "other users have access to it (mode {mode:04o}); if the key is still yours alone, chmod 600 it"
        )
    } else {
        return Ok(Ok(()));
    };
    Ok(Err(KeyError::Exposed { path: path.to_owned(), why }))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use vsync_core::id::{Env, Repo};

    use super::*;
    use crate::keychain::new_key;

    fn pair() -> Pair {
        Pair::new(Repo::new("acme/web").unwrap(), Env::new("prod").unwrap())
    }

    fn bench() -> (tempfile::TempDir, FileKeys, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let keys = FileKeys::new(temp.path().join("vsync/keys"));
        let path = keys.path(&pair());
        (temp, keys, path)
    }

    #[test]
    fn a_key_is_kept_privately_and_read_back() {
        let (temp, keys, path) = bench();
        assert_eq!(keys.get(&pair()).unwrap(), None);
        keys.set(&pair(), &new_key().unwrap()).unwrap();
        let key = new_key().unwrap();
        keys.set(&pair(), &key).unwrap();
        assert_eq!(keys.get(&pair()).unwrap(), Some(key));
        assert_eq!(path, temp.path().join("vsync/keys/acme_web/prod"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn what_others_can_reach_is_refused() {
        let (_temp, keys, path) = bench();
        keys.set(&pair(), &new_key().unwrap()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = keys.get(&pair()).unwrap_err();
            assert!(matches!(error, KeyError::Exposed { .. }), "{mode:o}: {error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(keys.get(&pair()).unwrap().is_some());
        let file = File::open(&path).unwrap();
        let other = geteuid().as_raw() + 1;
        assert!(matches!(judge(&path, &file, other), Ok(Err(KeyError::Exposed { .. }))));
    }

    #[test]
    fn links_and_folders_are_no_keys() {
        let (_temp, keys, path) = bench();
        keys.set(&pair(), &new_key().unwrap()).unwrap();
        fs::rename(&path, path.with_file_name("other")).unwrap();
        symlink("other", &path).unwrap();
        assert!(keys.get(&pair()).is_err());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(keys.get(&pair()), Err(KeyError::Exposed { .. })));
    }

    #[test]
    fn only_the_base64_of_32_bytes_is_a_key() {
        let (_temp, keys, path) = bench();
        let good = new_key().unwrap();
        keys.set(&pair(), &good).unwrap();
        atomic::write(&path, format!("{}\n", good.expose()).as_bytes(), 0o600).unwrap();
        assert_eq!(keys.get(&pair()).unwrap().as_ref(), Some(&good));
        let long = "A".repeat(300);
        for bad in ["", "hunter2", "aHVudGVyMg==", &good.expose()[..43], &long, "\u{fffd}"] {
            atomic::write(&path, bad.as_bytes(), 0o600).unwrap();
            let error = keys.get(&pair()).unwrap_err();
            assert!(matches!(error, KeyError::NotAKey(_)), "{bad}: {error}");
            assert!(!error.to_string().contains("hunter2"));
            let refused = keys.set(&pair(), &Secret::new(bad.to_owned()));
            assert!(matches!(refused, Err(KeyError::NotAKey(_))), "{bad}");
        }
    }
}
