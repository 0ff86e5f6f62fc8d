//! Where the socket, the lock file and the state folder are. Declared here, once, for both ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Code, Failure};

/// The longest socket path the system takes, in bytes.
pub const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// How variables are looked up; an empty one counts as unset.
pub trait Env {
    /// The variable's value.
    fn get(&self, name: &str) -> Option<OsString>;

    /// The value as an absolute path: XDG says that relative ones are to be ignored.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn get(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }
}

/// What a running daemon writes into its lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockRecord {
    /// Its process id.
    pub pid: u32,
    /// The socket it listens on, absolute.
    pub socket: PathBuf,
}

/// The daemon's state folder: `$XDG_STATE_HOME/vsync`, else `~/.local/state/vsync`.
///
/// # Errors
/// [`Code::Config`] when neither variable is set.
pub fn state_dir(env: &impl Env) -> Result<PathBuf, Failure> {
    let base = match env.absolute("XDG_STATE_HOME") {
        Some(base) => base,
        None => home(env)?.join(".local/state"),
    };
    Ok(base.join("vsync"))
}

/// The settings folder: `$XDG_CONFIG_HOME/vsync`, else `~/.config/vsync`.
///
/// # Errors
/// [`Code::Config`] when neither variable is set.
pub fn config_dir(env: &impl Env) -> Result<PathBuf, Failure> {
    let base = match env.absolute("XDG_CONFIG_HOME") {
        Some(base) => base,
        None => home(env)?.join(".config"),
    };
    Ok(base.join("vsync"))
}

fn home(env: &impl Env) -> Result<PathBuf, Failure> {
    env.absolute("HOME").ok_or_else(|| {
        Failure::new(Code::Config, "the home folder is unknown: HOME is not set to an absolute path")
            .hint("set HOME, or both XDG_STATE_HOME and XDG_CONFIG_HOME")
    })
}

/// The lock file in the state folder; it holds a [`LockRecord`].
pub fn lock_file(state_dir: &Path) -> PathBuf {
    state_dir.join("vsyncd.lock")
}

/// The log of a daemon that was started in the background.
pub fn log_file(state_dir: &Path) -> PathBuf {
    state_dir.join("vsyncd.log")
}

/// The socket that was asked for: the flag's value, else `VSYNC_SOCKET`.
pub fn explicit_socket(flag: Option<&Path>, env: &impl Env) -> Option<PathBuf> {
    let asked = flag.map(Path::to_path_buf).or_else(|| env.get("VSYNC_SOCKET").map(PathBuf::from))?;
    // It is recorded for clients that run elsewhere.
    Some(std::path::absolute(&asked).unwrap_or(asked))
}

/// Where a daemon listens unless told otherwise: the runtime folder, else the state folder.
///
/// # Errors
/// [`Code::Config`] when neither is known.
pub fn default_socket(env: &impl Env) -> Result<PathBuf, Failure> {
    let folder = match env.absolute("XDG_RUNTIME_DIR") {
        Some(runtime) => runtime.join("vsync"),
        None => state_dir(env)?,
    };
    Ok(folder.join("vsyncd.sock"))
}

/// Where a daemon is to listen: what was asked for, else the default.
///
/// # Errors
/// As [`default_socket`] and [`check_socket`].
pub fn listen_socket(flag: Option<&Path>, env: &impl Env) -> Result<PathBuf, Failure> {
    let path = match explicit_socket(flag, env) {
        Some(path) => path,
        None => default_socket(env)?,
    };
    check_socket(path)
}

/// Where a client finds the daemon: what was asked for, else what the lock file records, else
/// the default. `record` is the lock file's content, where there is one; one that cannot be read
/// counts as none.
///
/// # Errors
/// As [`default_socket`] and [`check_socket`].
pub fn connect_socket(
    flag: Option<&Path>,
    env: &impl Env,
    record: Option<&[u8]>,
) -> Result<PathBuf, Failure> {
    let recorded = || serde_json::from_slice::<LockRecord>(record?).ok().map(|record| record.socket);
    let path = match explicit_socket(flag, env).or_else(recorded) {
        Some(path) => path,
        None => default_socket(env)?,
    };
    check_socket(path)
}

/// Refuses what no system can bind.
///
/// # Errors
/// [`Code::Config`] when the path is longer than [`SOCKET_PATH_MAX`].
pub fn check_socket(path: PathBuf) -> Result<PathBuf, Failure> {
    let len = path.as_os_str().len();
    if len > SOCKET_PATH_MAX {
        let text =
            format!("the socket path has {len} bytes, more than the {SOCKET_PATH_MAX} a socket can have");
        return Err(Failure::new(Code::Config, text)
            .cause(path.display().to_string())
            .hint("choose a shorter one with --socket or VSYNC_SOCKET"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Vars(BTreeMap<&'static str, &'static str>);

    impl Env for Vars {
        fn get(&self, name: &str) -> Option<OsString> {
            self.0.get(name).filter(|value| !value.is_empty()).map(OsString::from)
        }
    }

    fn vars<const N: usize>(pairs: [(&'static str, &'static str); N]) -> Vars {
        Vars(BTreeMap::from(pairs))
    }

    const RECORD: &[u8] = br#"{"pid":7,"socket":"/recorded/s"}"#;

    #[test]
    fn the_socket_is_looked_for_in_order() {
        let env = vars([("VSYNC_SOCKET", "/var/s"), ("XDG_RUNTIME_DIR", "/run/u"), ("HOME", "/h")]);
        let flag = Path::new("/flag/s");
        let find = |flag, env: &Vars, record| connect_socket(flag, env, record).unwrap();
        assert_eq!(find(Some(flag), &env, Some(RECORD)), flag);
        assert_eq!(find(None, &env, Some(RECORD)), Path::new("/var/s"));
        let env = vars([("XDG_RUNTIME_DIR", "/run/u"), ("HOME", "/h")]);
        assert_eq!(find(None, &env, Some(RECORD)), Path::new("/recorded/s"));
        assert_eq!(find(None, &env, None), Path::new("/run/u/vsync/vsyncd.sock"));
        assert_eq!(find(None, &env, Some(b"{\"pid\":")), Path::new("/run/u/vsync/vsyncd.sock"));
        assert_eq!(listen_socket(None, &env).unwrap(), Path::new("/run/u/vsync/vsyncd.sock"));
        let env = vars([("XDG_STATE_HOME", "/s"), ("HOME", "/h")]);
        assert_eq!(find(None, &env, None), Path::new("/s/vsync/vsyncd.sock"));
        let env = vars([("XDG_RUNTIME_DIR", "relative"), ("XDG_STATE_HOME", ""), ("HOME", "/h")]);
        assert_eq!(find(None, &env, None), Path::new("/h/.local/state/vsync/vsyncd.sock"));
    }

    #[test]
    fn without_a_home_it_says_what_to_set() {
        let failure = default_socket(&vars([])).unwrap_err();
        assert_eq!(failure.code, Code::Config);
        assert!(failure.message.contains("HOME"));
        assert_eq!(config_dir(&vars([("HOME", "/h")])).unwrap(), Path::new("/h/.config/vsync"));
    }

    #[test]
    fn a_path_no_socket_can_have_is_refused() {
        let fits = PathBuf::from(format!("/{}", "a".repeat(SOCKET_PATH_MAX - 1)));
        assert_eq!(check_socket(fits.clone()).unwrap(), fits);
        let failure = check_socket(PathBuf::from(format!("{}a", fits.display()))).unwrap_err();
        assert_eq!(failure.code, Code::Config);
        assert!(failure.hint.unwrap().contains("VSYNC_SOCKET"));
    }
}
