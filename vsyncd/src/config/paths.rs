//! Where things are on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::BaseDirs;
use vsync_core::id::Pair;

/// The folders of this user's vsync. Each is the XDG folder plus `vsync`, on every system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The home folder.
    pub home: PathBuf,
    /// The XDG configuration folder itself, where other programs such as git have theirs too.
    pub xdg_config: PathBuf,
    /// `$XDG_CONFIG_HOME/vsync`, else `~/.config/vsync`: profiles, pairs, backups, settings.
    pub config: PathBuf,
    /// `$XDG_STATE_HOME/vsync`, else `~/.local/state/vsync`: what only this machine needs.
    pub state: PathBuf,
    /// `$XDG_CACHE_HOME/vsync`, else `~/.cache/vsync`: what can be made again.
    pub cache: PathBuf,
    /// `$XDG_RUNTIME_DIR/vsync`, else the state folder: the socket.
    pub runtime: PathBuf,
}

/// Neither `$HOME` nor the user database names a home folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no home folder: set HOME to an absolute path")]
pub struct NoHome;

impl Paths {
    /// The folders for the environment that `get` reads (`std::env::var_os` in production).
    ///
    /// # Errors
    /// [`NoHome`] when the home folder is unknown or a relative path.
    pub fn from_env(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let home = match get("HOME").map(PathBuf::from) {
            Some(home) if home.is_absolute() => home,
            Some(home) if !home.as_os_str().is_empty() => return Err(NoHome),
            // Asks the user database, as a daemon started without an environment must.
            _ => BaseDirs::new().ok_or(NoHome)?.home_dir().to_owned(),
        };
        Ok(Self::under(home, get))
    }

    // `BaseDirs` serves for nothing but the home folder: on macOS its `config_dir` is
    // ~/Library/Application Support and it has no state folder, while a vsync tree is in the
    // same place on every system.
    fn under(home: PathBuf, get: impl Fn(&str) -> Option<OsString>) -> Self {
        // The XDG specification: a relative path is invalid and to be ignored; empty is unset.
        let xdg = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = |name, default: &str| xdg(name).unwrap_or_else(|| home.join(default));
        let xdg_config = folder("XDG_CONFIG_HOME", ".config");
        let state = folder("XDG_STATE_HOME", ".local/state").join("vsync");
        Self {
            config: xdg_config.join("vsync"),
            cache: folder("XDG_CACHE_HOME", ".cache").join("vsync"),
            runtime: xdg("XDG_RUNTIME_DIR").map_or_else(|| state.clone(), |dir| dir.join("vsync")),
            xdg_config,
            state,
            home,
        }
    }

    /// The daemon's own settings, `vsyncd.yaml`.
    pub fn settings(&self) -> PathBuf {
        self.config.join("vsyncd.yaml")
    }

    /// The folder of the profiles.
    pub fn profiles(&self) -> PathBuf {
        self.config.join("profiles")
    }

    /// The folder of the encrypted backups.
    pub fn backups(&self) -> PathBuf {
        self.config.join("backups")
    }

    /// The file that describes a pair.
    pub fn pair(&self, pair: &Pair) -> PathBuf {
        pair_file(&self.config.join("config"), pair)
    }

    /// Where the older client keeps the same file. Only ever read.
    pub fn pair_of_older_client(&self, pair: &Pair) -> PathBuf {
        pair_file(&self.config, pair)
    }

    /// The folder of the keys that are kept in files.
    pub fn keys(&self) -> PathBuf {
        self.state.join("keys")
    }
}

fn pair_file(folder: &Path, pair: &Pair) -> PathBuf {
    folder.join(pair.repo.as_str()).join(format!("env_{}", pair.env))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(vars: &[(&str, &str)]) -> Result<Paths, NoHome> {
        Paths::from_env(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn without_variables_everything_is_below_home() {
        let paths = paths(&[("HOME", "/home/a")]).unwrap();
        assert_eq!(paths.config, Path::new("/home/a/.config/vsync"));
        assert_eq!(paths.state, Path::new("/home/a/.local/state/vsync"));
        assert_eq!(paths.cache, Path::new("/home/a/.cache/vsync"));
        assert_eq!(paths.runtime, paths.state);
        assert_eq!(paths.settings(), Path::new("/home/a/.config/vsync/vsyncd.yaml"));
    }

    #[test]
    fn variables_win_and_relative_or_empty_ones_are_ignored() {
        let paths = paths(&[
            ("HOME", "/home/a"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", ""),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ])
        .unwrap();
        assert_eq!(paths.config, Path::new("/c/vsync"));
        assert_eq!(paths.xdg_config, Path::new("/c"));
        assert_eq!(paths.state, Path::new("/home/a/.local/state/vsync"));
        assert_eq!(paths.cache, Path::new("/home/a/.cache/vsync"));
        assert_eq!(paths.runtime, Path::new("/run/user/7/vsync"));
    }

    #[test]
    fn a_relative_home_is_refused_and_a_missing_one_looked_up() {
        assert_eq!(paths(&[("HOME", "home")]), Err(NoHome));
        let looked_up = paths(&[]).unwrap().home;
        assert_eq!(looked_up, BaseDirs::new().unwrap().home_dir());
    }

    #[test]
    fn no_folder_is_taken_from_the_system_convention() {
        let base = BaseDirs::new().unwrap();
        let paths = paths(&[("HOME", base.home_dir().to_str().unwrap())]).unwrap();
        let system_state = base.state_dir().map(|dir| dir.join("vsync"));
        if cfg!(target_os = "macos") {
            assert_ne!(paths.config, base.config_dir().join("vsync"));
            assert_eq!(system_state, None);
        }
        assert!(paths.config.ends_with(".config/vsync"));
    }

    #[test]
    fn a_pair_has_one_file_in_each_tree() {
        use vsync_core::id::{Env, Repo};
        let paths = paths(&[("HOME", "/h")]).unwrap();
        let pair = Pair::new(Repo::new("acme/web").unwrap(), Env::new("Prod").unwrap());
        assert_eq!(paths.pair(&pair), Path::new("/h/.config/vsync/config/acme_web/env_prod"));
        assert_eq!(paths.pair_of_older_client(&pair), Path::new("/h/.config/vsync/acme_web/env_prod"));
    }
}
