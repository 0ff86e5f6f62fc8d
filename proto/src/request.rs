//! The methods and their parameters. A field that is not listed is refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Code, Failure};
use crate::hello::{Hello, HelloResult};
use crate::hidden::Hidden;
use crate::response::*;
use crate::status::{KeyStore, StatusReport};

/// The parameters of one method: which one, and what it answers with.
pub trait Ask: Serialize {
    /// The method these parameters belong to.
    const METHOD: Method;
    /// The result's type.
    type Answer: Serialize + DeserializeOwned;
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $word:literal -> $answer:ty;)+) => {
        /// The methods. The list is closed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $name,)+
        }

        impl Method {
            /// All methods.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }

        /// A request that was understood: the method with its parameters.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[expect(clippy::large_enum_variant, reason = "there is one for each request that is being read")]
        pub enum Call {
            $($(#[$doc])* $name($name),)+
        }

        impl Call {
            /// Reads the parameters of a method.
            ///
            /// # Errors
            /// [`Code::UnknownMethod`], or [`Code::BadRequest`] naming the field that is missing,
            /// unknown or of another type.
            pub fn read(method: &str, params: Option<&RawValue>) -> Result<Self, Failure> {
                let params = params.map_or("{}", RawValue::get);
                match method {
                    $($word => params_of(method, params).map(Self::$name),)+
                    _ => Err(Failure::new(Code::UnknownMethod, format!("there is no method '{}'", clip(method)))),
                }
            }

            /// Which method it is.
            pub const fn method(&self) -> Method {
                match self { $(Self::$name(_) => Method::$name),+ }
            }
        }

        $(impl Ask for $name {
            const METHOD: Method = Method::$name;
            type Answer = $answer;
        })+
    };
}

methods! {
    /// Opens the conversation.
    Hello "hello" -> HelloResult;
    /// What is here, what is remote, what holds it back.
    Status "status" -> StatusReport;
    /// The same as a stream of events.
    Subscribe "subscribe" -> Done;
    /// Publishes the folder as a new version.
    Push "push" -> PushResult;
    /// Brings the folder to the remote's version.
    Pull "pull" -> PullResult;
    /// What was edited here since the last sync.
    Diff "diff" -> DiffResult;
    /// The published versions, newest first.
    Versions "versions" -> Vec<VersionEntry>;
    /// Sends the env file's secrets to the place where they are used.
    Sync "sync" -> SyncResult;
    /// Makes a new pair.
    Init "init" -> InitResult;
    /// Stores a profile.
    ProfileAdd "profile_add" -> Profile;
    /// All profiles, by name.
    ProfileList "profile_list" -> Vec<Profile>;
    /// One profile, without its secret.
    ProfileShow "profile_show" -> Profile;
    /// Removes a profile.
    ProfileRemove "profile_remove" -> Done;
    /// Registers this checkout of a known pair.
    Track "track" -> TrackResult;
    /// Unregisters this checkout; deletes nothing.
    Forget "forget" -> ForgetResult;
    /// The pair's key and settings, sealed with a passphrase.
    Export "export" -> ExportResult;
    /// Takes such a file in.
    Import "import" -> ImportResult;
    /// The backups, newest first.
    BackupList "backup_list" -> Vec<BackupEntry>;
    /// Unpacks a backup into a new folder.
    BackupRestore "backup_restore" -> BackupRestoreResult;
    /// Looks for what is wrong on this machine.
    Doctor "doctor" -> DoctorResult;
    /// Stops the daemon.
    DaemonStop "daemon_stop" -> Done;
    /// Reads the settings again.
    DaemonReload "daemon_reload" -> ReloadResult;
    /// Changes what the daemon logs, until it stops.
    DaemonLogLevel "daemon_log_level" -> LogLevelResult;
    /// Where the daemon runs and keeps its things.
    DaemonInfo "daemon_info" -> DaemonInfoResult;
}

fn params_of<T: DeserializeOwned>(method: &str, params: &str) -> Result<T, Failure> {
    serde_json::from_str(params).map_err(|error| {
        // The category and place only: serde's own text can quote a value.
        let what = if error.is_data() { field_complaint(&error) } else { "not valid JSON".to_owned() };
        Failure::new(Code::BadRequest, format!("cannot read the parameters of '{method}': {what}"))
    })
}

/// serde's complaint when it names fields or types, without any value it may quote.
fn field_complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let names_fields = ["missing field", "unknown field", "duplicate field", "unknown variant"];
    if names_fields.iter().any(|start| text.starts_with(start)) {
        return clip(&text).to_owned();
    }
    format!("a field has the wrong type (column {})", error.column())
}

fn clip(text: &str) -> &str {
    let mut end = text.len().min(200);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// From where a person asks: the daemon finds repository and checkout with it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// The working directory, absolute.
    pub cwd: String,
    /// The variables [`Caller::passes`] lets through.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The repository's name, when it was given (`--repo`).
    #[serde(default)]
    pub repo: Option<String>,
}

impl Caller {
    const NAMES: [&str; 12] = [
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "HOME",
        "PATH",
        "GH_HOST",
        "GH_CONFIG_DIR",
        // Where vendors' programs find their settings and the keychain that has their token.
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
    ];
    const PREFIXES: [&str; 5] = ["VAULT_", "AWS_", "AZURE_", "VSYNC_AUDIT_", "CLOUDSDK_"];

    /// Whether a variable of the caller's environment may travel to the daemon.
    pub fn passes(name: &str) -> bool {
        Self::NAMES.contains(&name) || Self::PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }
}

impl fmt::Debug for Caller {
    /// Variables can hold tokens: their names are shown, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.keys().collect();
        f.debug_struct("Caller")
            .field("cwd", &self.cwd)
            .field("env", &names)
            .field("repo", &self.repo)
            .finish()
    }
}

/// Asks for the state of pairs: one environment of the caller's repository, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// From where.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
    /// Every pair of every repository; those of the caller's checkout still come first.
    #[serde(default)]
    pub all: bool,
}

/// Asks for status events: first one for the present state of each matching pair, then one per
/// change, until the client leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// From where. Without it, or without `env`, every pair matches.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
}

/// Publishes the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// Publish although the remote moved since the last sync.
    #[serde(default)]
    pub force: bool,
    /// A note for the audit.
    #[serde(default)]
    pub note: Option<String>,
    /// More fields for the audit.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// Write no audit row.
    #[serde(default)]
    pub no_audit: bool,
}

/// What a pull does with edits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullMode {
    /// Refuse when the folder was edited.
    #[default]
    Plain,
    /// Save the edits in a backup, then replace the folder.
    Backup,
    /// As `backup`, and replace the folder also when the remote has not moved.
    Force,
}

/// Brings the folder to the remote's version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// What happens to edits.
    #[serde(default)]
    pub mode: PullMode,
    /// Take an older version than the last one applied here.
    #[serde(default)]
    pub allow_rollback: bool,
}

/// Asks what was edited here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
}

/// Asks for the published versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
}

/// A place that secrets are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncTarget {
    /// GitHub Actions secrets.
    Gh,
    /// Google Cloud Secret Manager.
    Gcp,
    /// AWS Secrets Manager.
    Aws,
    /// Azure Key Vault.
    Azure,
    /// HashiCorp Vault or OpenBao, KV version 2.
    #[serde(alias = "vault")]
    Hashicorp,
}

impl SyncTarget {
    /// The word on the wire and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gh => "gh",
            Self::Gcp => "gcp",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Hashicorp => "hashicorp",
        }
    }
}

/// Which secrets of a GitHub repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GhScope {
    /// Those of the environment with the vault's name.
    #[default]
    Env,
    /// Those of the repository.
    Repo,
}

/// Sends the secrets of `<vault folder>/.env.<env>` to a target. What is null is looked up: first what an
/// earlier run was told, then the env file, then the habits of the target's own tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// Where to.
    pub target: SyncTarget,
    /// Only tell what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Send also what has not changed.
    #[serde(default)]
    pub all: bool,
    /// Take away what an earlier run sent and the env file no longer has.
    #[serde(default)]
    pub prune: bool,
    /// Where the service answers, instead of its public address.
    #[serde(default)]
    pub base_url: Option<String>,
    /// `owner/name` on GitHub.
    #[serde(default)]
    pub gh_repo: Option<String>,
    /// Which secrets there.
    #[serde(default)]
    pub gh_scope: GhScope,
    /// Make the GitHub environment when it is missing.
    #[serde(default)]
    pub create_environment: bool,
    /// The Google Cloud project.
    #[serde(default)]
    pub gcp_project: Option<String>,
    /// The AWS region.
    #[serde(default)]
    pub aws_region: Option<String>,
    /// What names begin with in AWS.
    #[serde(default)]
    pub aws_secret_prefix: Option<String>,
    /// The name of the Azure key vault.
    #[serde(default)]
    pub azure_vault: Option<String>,
    /// The address of HashiCorp Vault or OpenBao.
    #[serde(default)]
    pub vault_addr: Option<String>,
    /// Its mount.
    #[serde(default)]
    pub vault_mount: Option<String>,
    /// The path below the mount.
    #[serde(default)]
    pub vault_path: Option<String>,
    /// Its namespace.
    #[serde(default)]
    pub vault_namespace: Option<String>,
    /// Drop other keys at that path.
    #[serde(default)]
    pub replace: bool,
    /// Suffixes of keys that name files, instead of `_PATH` and `_FILE`.
    #[serde(default)]
    pub inline_file_suffix: Vec<String>,
    /// Names that are never sent, instead of the four routing and credential keys.
    #[serde(default)]
    pub exclude_property: Vec<String>,
}

/// Where a new pair's versions live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The bucket of a stored profile.
    Profile(String),
    /// A folder store: `file:///absolute/folder`.
    Store(String),
}

/// Makes a new pair and registers the caller's checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// Where versions live.
    pub source: Source,
    /// The vault folder, absolute or relative to the top of the checkout; default
    /// `infra/vault/<env>`.
    #[serde(default)]
    pub vault_folder: Option<String>,
    /// What keys in the bucket start with; `<env>/` is added.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Where the key goes; default as the daemon is set up.
    #[serde(default)]
    pub key_store: Option<KeyStore>,
    /// Whether pushes and pulls write audit rows.
    #[serde(default = "yes")]
    pub audit: bool,
}

const fn yes() -> bool {
    true
}

/// Stores a profile: a bucket and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileAdd {
    /// The profile's name.
    pub name: String,
    /// URL of the S3 endpoint.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Access key id.
    pub access_key_id: String,
    /// The secret that belongs to it.
    pub secret_access_key: Hidden,
    /// What keys in the bucket start with.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// Asks for all profiles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileList {}

/// Asks for one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileShow {
    /// Its name.
    pub name: String,
}

/// Removes a profile; pairs that were made with it keep their own copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileRemove {
    /// Its name.
    pub name: String,
}

/// Registers the caller's checkout of a known pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// The vault folder, absolute or relative to the top of the checkout; default
    /// `infra/vault/<env>`.
    #[serde(default)]
    pub vault_folder: Option<String>,
    /// False only tells what would be registered.
    #[serde(default)]
    pub confirm: bool,
}

/// Unregisters the caller's checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
}

/// Asks for a share file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// What the file is sealed with.
    pub passphrase: Hidden,
}

/// Takes a share file in and registers the caller's checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// The file's bytes, standard base64.
    pub share_b64: Hidden,
    /// What the file is sealed with.
    pub passphrase: Hidden,
    /// Where the key goes; default as the daemon is set up.
    #[serde(default)]
    pub key_store: Option<KeyStore>,
    /// The vault folder, absolute or relative to the top of the checkout; default
    /// `infra/vault/<env>`.
    #[serde(default)]
    pub vault_folder: Option<String>,
}

/// Asks for the backups of the caller's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupList {
    /// From where.
    pub caller: Caller,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
}

/// Unpacks a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRestore {
    /// From where.
    pub caller: Caller,
    /// The environment.
    pub env: String,
    /// The backup's name, as listed.
    pub name: String,
    /// A folder that does not exist yet, absolute.
    pub into: String,
}

/// Looks for what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doctor {
    /// From where.
    #[serde(default)]
    pub caller: Option<Caller>,
    /// Only this environment.
    #[serde(default)]
    pub env: Option<String>,
}

/// Stops the daemon once swaps and publishes in flight are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonStop {}

/// Reads the settings file again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonReload {}

/// Changes the log filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonLogLevel {
    /// A level (`debug`) or directives (`info,vsyncd::worker=trace`).
    pub filter: String,
}

/// Asks where the daemon runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonInfo {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, params: &str) -> Result<Call, Failure> {
        let params: Box<RawValue> = serde_json::from_str(params).unwrap();
        Call::read(method, Some(&params))
    }

    #[test]
    fn reads_a_push_and_fills_in_defaults() {
        let call = read("push", r#"{"caller":{"cwd":"/w"},"env":"dev"}"#).unwrap();
        let caller = Caller { cwd: "/w".into(), ..Caller::default() };
        assert_eq!(call, Call::Push(Push { caller, env: "dev".into(), ..Push::default() }));
        assert_eq!(call.method(), Method::Push);
    }

    #[test]
    fn refuses_unknown_fields_and_methods() {
        for (method, params) in [
            ("push", r#"{"caller":{"cwd":"/w"},"env":"dev","forse":true}"#),
            ("push", r#"{"env":"dev"}"#),
            ("push", r#"{"caller":{"cwd":"/w","shell":"x"},"env":"dev"}"#),
            ("daemon_stop", r#"{"now":true}"#),
            ("pull", r#"{"caller":{"cwd":"/w"},"env":"dev","mode":"merge"}"#),
            ("push", "[]"),
            ("push", "7"),
        ] {
            assert_eq!(read(method, params).unwrap_err().code, Code::BadRequest, "{params}");
        }
        assert_eq!(read("pusch", "{}").unwrap_err().code, Code::UnknownMethod);
        assert_eq!(Call::read("daemon_stop", None), Ok(Call::DaemonStop(DaemonStop {})));
    }

    #[test]
    fn a_refusal_quotes_no_value() {
        let params = r#"{"caller":{"cwd":"/w"},"env":"dev","passphrase":{"hunter2":1}}"#;
        let failure = read("export", params).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        let params = r#"{"caller":"hunter2","env":"dev","passphrase":"x"}"#;
        let failure = read("export", params).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }

    #[test]
    fn debug_shows_neither_secrets_nor_variables() {
        let env = BTreeMap::from([("GH_TOKEN".to_owned(), "hunter2".to_owned())]);
        let caller = Caller { cwd: "/w".into(), env, repo: None };
        let ask = Export { caller, env: "dev".into(), passphrase: Hidden::new("hunter2") };
        let shown = format!("{ask:?}");
        assert!(shown.contains("GH_TOKEN") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn lets_through_only_what_the_verbs_need() {
        for name in [
            "HOME",
            "AWS_PROFILE",
            "VAULT_ADDR",
            "VSYNC_AUDIT_NOTE",
            "CLOUDSDK_CONFIG",
            "GH_ENTERPRISE_TOKEN",
        ] {
            assert!(Caller::passes(name), "{name}");
        }
        for name in ["VSYNC_PASSPHRASE", "SSH_AUTH_SOCK", "HOMEBREW", "aws_profile", "VSYNC_SOCKET", ""] {
            assert!(!Caller::passes(name), "{name}");
        }
    }
}
