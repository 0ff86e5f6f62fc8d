//! What `vsyncd.yaml` says about single pairs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use vsync_core::id::{Env, Pair, Repo};

use super::settings::{OnConflict, OnEdit};
use super::values::{Account, Mode, some_duration};

/// The settings of one pair; what is not set follows the daemon-wide setting or the bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a map of settings")]
pub struct PairSettings {
    /// What an edit in the folder does.
    pub on_edit: Option<OnEdit>,
    /// What a new version does while the folder has edits of its own.
    pub on_conflict: Option<OnConflict>,
    /// How long to wait between two looks at the bucket.
    #[serde(deserialize_with = "some_duration")]
    pub poll_interval: Option<Duration>,
    /// Permission bits of every file, instead of those in the bundle.
    pub file_mode: Option<Mode>,
    /// Permission bits of the folder and those inside, instead of 0700.
    pub dir_mode: Option<Mode>,
    /// Owner of everything in the folder.
    pub owner: Option<Account>,
    /// Group of everything in the folder.
    pub group: Option<Account>,
}

/// What holds for one pair, see `Settings::policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What an edit in the folder does.
    pub on_edit: OnEdit,
    /// What a new version does while the folder has edits of its own.
    pub on_conflict: OnConflict,
    /// How long to wait between two looks at the bucket.
    pub poll_interval: Duration,
    /// Permission bits of every file; `None`: those in the bundle.
    pub file_mode: Option<u32>,
    /// Permission bits of every folder; `None`: 0700.
    pub dir_mode: Option<u32>,
    /// Owner of everything in the folder; `None`: whoever runs the daemon.
    pub owner: Option<Account>,
    /// Group of everything in the folder.
    pub group: Option<Account>,
}

/// Reads the map under `pairs:`. The names are normalised as everywhere, so two spellings of one
/// pair are an error and not a silent override.
pub(super) fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Pair, PairSettings>, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = BTreeMap<Pair, PairSettings>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map from \"repo/env\" to settings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                let pair = pair(&name).map_err(A::Error::custom)?;
                let settings: PairSettings = map.next_value()?;
                settings.check().map_err(|why| A::Error::custom(format!("{pair}: {why}")))?;
                if pairs.contains_key(&pair) {
                    return Err(A::Error::custom(format!("the pair '{pair}' is there twice")));
                }
                pairs.insert(pair, settings);
            }
            Ok(pairs)
        }
    }
    from.deserialize_map(Pairs)
}

fn pair(name: &str) -> Result<Pair, String> {
    // An environment has no slash, so the last one separates.
    let (repo, env) =
        name.rsplit_once('/').ok_or_else(|| format!("'{name}' is not a pair, written repo/env"))?;
    let repo = Repo::new(repo).map_err(|bad| bad.to_string())?;
    let env = Env::new(env).map_err(|bad| bad.to_string())?;
    Ok(Pair::new(repo, env))
}

impl PairSettings {
    /// The daemon has to read what it wrote.
    fn check(&self) -> Result<(), String> {
        match (self.file_mode, self.dir_mode) {
            (Some(Mode(mode)), _) if mode & 0o400 == 0 => {
                Err(format!("file_mode {mode:04o} does not let the owner read"))
            }
            (_, Some(Mode(mode))) if mode & 0o700 != 0o700 => {
                Err(format!("dir_mode {mode:04o} does not let the owner read, write and enter"))
            }
            _ => Ok(()),
        }
    }
}
