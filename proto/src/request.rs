//! The methods and their parameters. A field that is not listed is refused.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Code, Failure};
use crate::hello::{Hello, HelloResult};
use crate::response::*;
use crate::status::StatusReport;

mod backup;
mod caller;
mod daemon;
mod profile;
mod setup;
mod share;
mod status;
mod sync;
mod vault;

pub use backup::{BackupList, BackupRestore};
pub use caller::Caller;
pub use daemon::{DaemonInfo, DaemonLogLevel, DaemonReload, DaemonStop};
pub use profile::{ProfileAdd, ProfileList, ProfileRemove, ProfileShow};
pub use setup::{Forget, Init, Source, Track};
pub use share::{Export, Import};
pub use status::{Doctor, Status, Subscribe};
pub use sync::{GhScope, Sync, SyncTarget};
pub use vault::{Diff, Pull, PullMode, Push, Versions};

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::hidden::Hidden;

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
