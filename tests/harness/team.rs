//! Two and more machines that share one vault.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::folder::{self, Entry};
use crate::machine::Machine;
use crate::s3::S3Server;

/// A passphrase for share files of the tests.
pub const PASSPHRASE: &str = "only for tests, plum orbit lantern";

/// The store that a team shares.
#[derive(Debug)]
pub enum Place {
    /// A folder store.
    Folder(TempDir),
    /// An S3 server.
    S3(S3Server),
}

impl Place {
    /// A folder store in a throw-away folder.
    ///
    /// # Panics
    /// When there is none to be had.
    pub fn folder() -> Self {
        Self::Folder(tempfile::Builder::new().prefix("vs-store-").tempdir().expect("a throw-away store"))
    }

    /// An S3 server of its own.
    pub fn s3() -> Self {
        Self::S3(S3Server::start())
    }

    /// The S3 server.
    ///
    /// # Panics
    /// When it is a folder.
    pub fn server(&self) -> &S3Server {
        match self {
            Self::S3(server) => server,
            Self::Folder(_) => panic!("the store is a folder"),
        }
    }

    /// Everything in the store by its key; of a folder store the files as they lie there.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let root = match self {
            Self::S3(server) => {
                let object = |key: &String| server.get_raw(key).map(|object| object.body.to_vec());
                return server
                    .keys()
                    .into_iter()
                    .filter_map(|key| Some((key.clone(), object(&key)?)))
                    .collect();
            }
            Self::Folder(root) => root.path().join("store"),
        };
        if !root.exists() {
            return BTreeMap::new();
        }
        let found = folder::read(&root).into_iter().filter_map(|(name, entry)| match entry {
            Entry::File { content, .. } => Some((name.strip_suffix(".obj")?.replace("%3d", "="), content)),
            Entry::Folder => None,
        });
        found.collect()
    }

    /// The bundles in the store by their keys: objects that never change.
    pub fn bundles(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = self.objects();
        all.retain(|key, _| key.contains("/v="));
        all
    }

    /// The pointer of the only vault in the store, if there is one.
    pub fn pointer(&self) -> Option<Vec<u8>> {
        self.objects().into_iter().find(|(key, _)| key.ends_with("/manifest")).map(|(_, content)| content)
    }
}

/// Sets up an environment on a machine whose daemon runs: profile if needed, then `init`.
///
/// # Panics
/// When it fails.
pub fn init(machine: &Machine, place: &Place, env: &str) {
    match place {
        Place::Folder(folder) => {
            let url = format!("file://{}", folder.path().join("store").display());
            machine.ok(&["init", env, "--store", &url]);
        }
        Place::S3(server) => {
            profile(machine, server);
            machine.ok(&["init", env, "--profile", "test"]);
        }
    }
}

/// Stores the server as the profile `test`.
///
/// # Panics
/// When it fails.
pub fn profile(machine: &Machine, server: &S3Server) {
    let keys = server.credentials();
    let secret = machine.path("s3-secret");
    private(&secret, &keys.secret_access_key);
    machine.hand_over();
    let (endpoint, secret) = (server.endpoint(), secret.display().to_string());
    let place = ["--endpoint", &endpoint, "--region", server.region(), "--bucket", server.bucket()];
    let access = ["--access-key-id", &keys.access_key_id, "--secret-access-key-file", &secret];
    machine.ok(&[&["profile", "add", "test"][..], &place, &access].concat());
}

/// Passes an environment on: a share file from one machine, imported on the other.
///
/// # Panics
/// When it fails.
pub fn join(from: &Machine, to: &Machine, env: &str) {
    let (share, pass) = (from.path(&format!("{env}.share")), from.path("passphrase"));
    let _ = fs::remove_file(&share);
    private(&pass, PASSPHRASE);
    let (share, pass) = (share.display().to_string(), pass.display().to_string());
    from.ok(&["export", env, "--out", &share, "--passphrase-file", &pass]);
    to.ok(&["import", env, &share, "--passphrase-file", &pass]);
}

/// A team of running machines that share the environment `dev`, nothing published yet.
///
/// # Panics
/// When it cannot be set up.
pub fn of(place: &Place, names: &[&str]) -> Vec<Machine> {
    let mut machines: Vec<Machine> = names.iter().map(|name| Machine::new(name)).collect();
    machines.iter_mut().for_each(Machine::start);
    let Some((first, rest)) = machines.split_first() else { return machines };
    init(first, place, "dev");
    rest.iter().for_each(|other| join(first, other, "dev"));
    machines
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).expect("a small file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a private file");
}
