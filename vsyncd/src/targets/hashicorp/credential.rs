//! What the caller's environment says about Vault: token, certificates.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use vsync_core::secret::Secret;

use super::super::TargetError;
use super::super::routing::Surroundings;
use crate::tasks;

/// The file that `vault login` writes, below the home folder.
const FILE: &str = ".vault-token";
/// No such file is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// A token and the place that had it.
#[derive(Debug)]
pub(super) struct Credential {
    pub(super) token: Secret<String>,
    pub(super) place: &'static str,
}

impl Credential {
    /// Looks at `VAULT_TOKEN`, then at `~/.vault-token` of the caller.
    pub(super) async fn find(around: &Surroundings) -> Result<Self, TargetError> {
        if let Some(found) = around.variable("VAULT_TOKEN").and_then(|token| Self::of(token, "VAULT_TOKEN")) {
            return Ok(found);
        }
        let none = || TargetError::NoCredential {
            target: "hashicorp",
            looked: "VAULT_TOKEN, ~/.vault-token".to_owned(),
        };
        let home = around.variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let file = home.ok_or_else(none)?.join(FILE);
        let text = tasks::blocking(move || own(&file)).await.map_err(|_| none())??;
        text.and_then(|text| Self::of(text.expose(), "~/.vault-token")).ok_or_else(none)
    }

    fn of(token: &str, place: &'static str) -> Option<Self> {
        let token = token.trim();
        (!token.is_empty()).then(|| Self { token: Secret::new(token.to_owned()), place })
    }
}

/// The text of a file that belongs to the user the daemon runs as and that nobody else can write: the
/// path is the caller's, and the daemon must not lend what the caller could not read. `None` when there
/// is no file.
fn own(file: &Path) -> Result<Option<Secret<String>>, TargetError> {
    let refuse = |what: &str| TargetError::Denied {
        target: format!("~/{FILE}"),
        what: what.to_owned(),
        hint: Some("log in again, or set VAULT_TOKEN".into()),
    };
    let Some(mut open) = open(file) else { return Ok(None) };
    let about = open.metadata().map_err(|_| refuse("it cannot be read"))?;
    if !about.is_file() || about.uid() != rustix::process::geteuid().as_raw() {
        return Err(refuse("it is no plain file of the user that the daemon runs as"));
    }
    if about.mode() & 0o022 != 0 {
        return Err(refuse("others can write it"));
    }
    let mut text = String::with_capacity(4096);
    let read = (&mut open).take(LONGEST).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map(|_| Some(text)).map_err(|_| refuse("it cannot be read"))
}

/// The certificates (PEM) in the file that `VAULT_CACERT` names; `None` when it is not set.
pub(super) async fn certificates(around: &Surroundings) -> Result<Option<Vec<u8>>, TargetError> {
    let Some(path) = around.variable("VAULT_CACERT").map(str::to_owned) else {
        return Ok(None);
    };
    let refuse = |what: &str| TargetError::Routing {
        what: format!("VAULT_CACERT: {what}"),
        hint: "name a file of certificates in PEM form by its absolute path".into(),
    };
    if !Path::new(&path).is_absolute() {
        return Err(refuse("the path is not absolute"));
    }
    let read = tasks::blocking(move || {
        let file = open(Path::new(&path))?;
        let plain = file.metadata().is_ok_and(|about| about.is_file());
        let mut pem = Vec::new();
        (plain && file.take(LONGEST).read_to_end(&mut pem).is_ok()).then_some(pem)
    });
    let pem = read.await.ok().flatten();
    pem.map(Some).ok_or_else(|| refuse("the file cannot be read"))
}

/// Opens a file without waiting for whoever is at the other end of a pipe.
fn open(file: &Path) -> Option<std::fs::File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).ok()?;
    OpenOptions::new().read(true).custom_flags(flags).open(file).ok()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test lays out files as a person would")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Surroundings {
        let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings { env, ..Surroundings::default() }
    }

    #[tokio::test]
    async fn the_variable_wins_over_the_file() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".vault-token");
        let path = home.path().to_str().unwrap();
        assert!(matches!(Credential::find(&env(&[])).await, Err(TargetError::NoCredential { .. })));
        let none = Credential::find(&env(&[("HOME", path)])).await.unwrap_err().to_string();
        assert!(none.contains("VAULT_TOKEN, ~/.vault-token"), "{none}");
        fs::write(&file, "hvs.file\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let found = Credential::find(&env(&[("HOME", path), ("VAULT_TOKEN", " ")])).await.unwrap();
        assert_eq!((found.token.expose().as_str(), found.place), ("hvs.file", "~/.vault-token"));
        let found = Credential::find(&env(&[("HOME", path), ("VAULT_TOKEN", "hvs.var")])).await.unwrap();
        assert_eq!((found.token.expose().as_str(), found.place), ("hvs.var", "VAULT_TOKEN"));
    }

    #[tokio::test]
    async fn a_file_that_others_could_have_written_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".vault-token");
        let home = env(&[("HOME", home.path().to_str().unwrap())]);
        fs::write(&file, "hvs.x").unwrap();
        for mode in [0o620, 0o602] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let error = Credential::find(&home).await.unwrap_err();
            assert!(matches!(&error, TargetError::Denied { what, .. } if what.contains("others")), "{error}");
        }
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(matches!(Credential::find(&home).await, Err(TargetError::Denied { .. })), "a folder");
    }

    #[tokio::test]
    async fn certificates_come_from_an_absolute_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs::write(&file, "PEM").unwrap();
        let of = |path: &str| env(&[("VAULT_CACERT", path)]);
        assert_eq!(certificates(&env(&[])).await.unwrap(), None);
        assert_eq!(certificates(&of(file.to_str().unwrap())).await.unwrap().unwrap(), b"PEM");
        for path in ["ca.pem", "/nowhere/ca.pem", folder.path().to_str().unwrap()] {
            let error = certificates(&of(path)).await.unwrap_err();
            assert!(matches!(&error, TargetError::Routing { what, .. } if what.contains("VAULT_CACERT")));
        }
    }
}
