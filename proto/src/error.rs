//! The closed list of what can go wrong, and how it travels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What kind of failure a [`Code`] is. Each kind is one exit code of `vsyncctl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// It did not work, for a reason that has no kind of its own.
    Failed,
    /// The command or its arguments are wrong.
    Usage,
    /// No daemon that understands this client answers.
    Unreachable,
    /// The folder was edited, or somebody else published first.
    Conflict,
    /// A key or passphrase is missing or wrong.
    Key,
    /// The store, a target or the system does not allow it.
    Denied,
    /// What is stored cannot be trusted as it stands.
    Integrity,
    /// The store or a target does not answer, or the bucket is missing.
    Store,
    /// The person or the system stopped it.
    Interrupted,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Failed,
        Self::Usage,
        Self::Unreachable,
        Self::Conflict,
        Self::Key,
        Self::Denied,
        Self::Integrity,
        Self::Store,
        Self::Interrupted,
    ];
}

macro_rules! codes {
    ($($name:ident $word:literal $category:ident $meaning:literal;)+) => {
        /// One word for each thing that can go wrong or hold a pair back: the `code` of an error
        /// and the `reason` of a pair's state. The list is closed; `docs/errors.md` prints it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $name,)+
        }

        impl Code {
            /// All words, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word itself, `snake_case`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// What the word means, as one sentence for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }

            /// Which kind of failure it is.
            pub const fn category(self) -> Category {
                match self { $(Self::$name => Category::$category),+ }
            }
        }
    };
}

codes! {
    Usage "usage" Usage "The command line is wrong.";
    BadRequest "bad_request" Failed "The daemon cannot read the request: not JSON, a field missing, unknown or of the wrong kind.";
    UnknownMethod "unknown_method" Failed "The daemon does not know the method.";
    ProtocolMismatch "protocol_mismatch" Unreachable "Client and daemon are of versions that do not understand each other.";
    RequestTooLarge "request_too_large" Failed "The request is longer than 1 MiB.";
    Busy "busy" Failed "The daemon serves as many clients or requests as it can; try again.";
    PeerRefused "peer_refused" Denied "The daemon belongs to another user.";
    DaemonUnreachable "daemon_unreachable" Unreachable "No daemon answers on the socket.";
    AlreadyRunning "already_running" Failed "Another daemon uses the same state folder.";
    ShuttingDown "shutting_down" Unreachable "The daemon is stopping and takes no more work.";
    Cancelled "cancelled" Interrupted "The work was given up because its client left.";
    Interrupted "interrupted" Interrupted "Stopped from the keyboard or by a signal.";
    Internal "internal" Failed "A fault in vsync itself; its log has more.";
    Io "io" Failed "Reading or writing a file or the socket failed.";
    DiskFull "disk_full" Failed "No space, or no quota, is left on the disk.";
    Config "config" Failed "A settings file cannot be used.";
    UnsafePermissions "unsafe_permissions" Failed "Another user could write a file that must be trusted.";
    UnknownProfile "unknown_profile" Failed "There is no profile of that name.";
    ProfileExists "profile_exists" Failed "There is a profile of that name already.";
    UnknownPair "unknown_pair" Failed "This machine knows no such environment of that repository.";
    NotTracked "not_tracked" Failed "The environment is known, but not in this checkout.";
    AlreadyExists "already_exists" Failed "What would be made is there already, and is not overwritten.";
    RepoUnknown "repo_unknown" Failed "Nothing says which repository the folder belongs to.";
    RepoAmbiguous "repo_ambiguous" Failed "Two different origins would share one repository name.";
    BadName "bad_name" Usage "A repository, environment or profile name has characters that are not allowed.";
    PrefixTaken "prefix_taken" Conflict "Somebody has published under that place in the bucket before.";
    FolderNotUsable "folder_not_usable" Failed "The folder cannot be a vault: a link, a mount point, inside another vault, or not a folder.";
    VaultNotPlain "vault_not_plain" Failed "The vault holds a link, socket, pipe or device.";
    NameClash "name_clash" Failed "Two names in the vault differ only by case or Unicode form.";
    FolderChanging "folder_changing" Failed "Files kept changing while they were read.";
    TooLarge "too_large" Failed "More bytes or files than the limits allow.";
    ClassicLayout "classic_layout" Failed "The bucket is laid out by the older client; it is left alone.";
    Edited "edited" Conflict "The folder has edits that were not published.";
    Diverged "diverged" Conflict "The folder was edited and the remote has moved too.";
    RemoteAhead "remote_ahead" Conflict "The remote has a newer version than the one this folder started from.";
    LostRace "lost_race" Conflict "Somebody else published first, at the same moment.";
    KeyMissing "key_missing" Key "This machine has no key for the environment.";
    KeyRotated "key_rotated" Key "The remote is encrypted with another key, and says so.";
    WrongKey "wrong_key" Key "The key does not open the bundle: another key, or changed bytes.";
    WrongPassphrase "wrong_passphrase" Key "The passphrase does not open the file.";
    PassphraseWeak "passphrase_weak" Key "The passphrase is too easy to guess.";
    KeychainUnavailable "keychain_unavailable" Key "The system keychain does not answer or is locked.";
    AccessDenied "access_denied" Denied "The store refuses the credentials or the right to do it.";
    ClockSkew "clock_skew" Denied "The store refuses because this machine's clock is wrong.";
    Tampered "tampered" Integrity "What is stored contradicts itself; somebody may have changed it.";
    Torn "torn" Integrity "The pointer names a version that is not in the bucket.";
    RollbackSuspected "rollback_suspected" Integrity "The remote offers an older version than the last one applied here.";
    FutureDated "future_dated" Integrity "The remote version is dated more than a day ahead of this clock.";
    BadTimestamp "bad_timestamp" Integrity "A timestamp in the bucket is not one.";
    CorruptArchive "corrupt_archive" Integrity "The archive inside a bundle cannot be read.";
    UnsafeArchive "unsafe_archive" Integrity "The archive inside a bundle holds names or entries that are refused.";
    Corrupt "corrupt" Integrity "A stored file is damaged.";
    NotAShare "not_a_share" Failed "The file is not a share file.";
    UnsupportedVersion "unsupported_version" Failed "Written by a newer version of vsync than this one.";
    StoreUnreachable "store_unreachable" Store "The store does not answer.";
    BucketMissing "bucket_missing" Store "The bucket, or the folder that plays it, does not exist.";
    StoreFailed "store_failed" Failed "The store answered with an error.";
    NothingPublished "nothing_published" Failed "Nothing has been published for the environment yet.";
    NoSuchVersion "no_such_version" Failed "There is no version of that name.";
    NoSuchBackup "no_such_backup" Failed "There is no backup of that name.";
    EnvFileInvalid "env_file_invalid" Failed "The env file is missing, cannot be read, or refers to files that cannot; nothing was sent.";
    SecretRefused "secret_refused" Failed "The target's rules forbid a name or value of the env file; nothing was sent.";
    RoutingMissing "routing_missing" Usage "Nothing says which place of the target is meant, or what says so makes no sense.";
    NoTargetCredential "no_target_credential" Denied "No credential for the target was found.";
    TargetDenied "target_denied" Denied "The target refuses the credential or the right to do it.";
    TargetMissing "target_missing" Denied "The place in the target is not there, or the credential may not see it.";
    TargetUnreachable "target_unreachable" Store "The target does not answer.";
    TargetFailed "target_failed" Failed "The target answered with an error.";
    TargetConflict "target_conflict" Conflict "Somebody else changed the place in the target at the same moment.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(word: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word).ok_or(UnknownCode)
    }
}

/// The word is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCode;

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the error words")
    }
}

impl std::error::Error for UnknownCode {}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// A failure as both ends hold it. On the wire it is a JSON-RPC error object whose `data` has
/// the word, the hint and the causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which failure.
    pub code: Code,
    /// What failed and why, in words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What led to it, outermost first.
    pub causes: Vec<String>,
}

impl Failure {
    /// A failure without hint or causes.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, causes: Vec::new() }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with one more cause, the innermost so far.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The number JSON-RPC wants: its own where it has one, −32000 for everything else.
    pub const fn rpc_code(&self) -> i64 {
        match self.code {
            Code::RequestTooLarge => -32600,
            Code::UnknownMethod => -32601,
            Code::BadRequest => -32602,
            Code::Internal => -32603,
            _ => -32000,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[derive(Serialize, Deserialize)]
struct Wire {
    code: i64,
    message: String,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Serialize, Deserialize)]
struct Data {
    code: String,
    hint: Option<String>,
    #[serde(default)]
    causes: Vec<String>,
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = Data {
            code: self.code.as_str().to_owned(),
            hint: self.hint.clone(),
            causes: self.causes.clone(),
        };
        Wire { code: self.rpc_code(), message: self.message.clone(), data: Some(data) }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Failure {
    /// A word this version does not know reads as [`Code::Internal`]: the message still reaches
    /// the person.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { message, data, .. } = Wire::deserialize(deserializer)?;
        let Some(Data { code, hint, causes }) = data else {
            return Ok(Self::new(Code::Internal, message));
        };
        Ok(Self { code: code.parse().unwrap_or(Code::Internal), message, hint, causes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_read_back() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert!(code.meaning().ends_with('.'), "{code}");
            assert!(Code::ALL[at + 1..].iter().all(|other| other.as_str() != code.as_str()), "{code} twice");
        }
        assert_eq!("edited ".parse::<Code>(), Err(UnknownCode));
        assert!(serde_json::from_str::<Code>("\"nonsense\"").is_err());
    }

    #[test]
    fn a_failure_keeps_everything_on_the_wire() {
        let failure = Failure::new(Code::RemoteAhead, "the remote moved").hint("pull first").cause("by b");
        let text = serde_json::to_string(&failure).unwrap();
        assert_eq!(
            text,
            r#"{"code":-32000,"message":"the remote moved","data":{"code":"remote_ahead","hint":"pull first","causes":["by b"]}}"#
        );
        assert_eq!(serde_json::from_str::<Failure>(&text).unwrap(), failure);
    }

    #[test]
    fn an_unknown_word_keeps_its_message() {
        let text = r#"{"code":-32000,"message":"m","data":{"code":"from_the_future","hint":null}}"#;
        assert_eq!(serde_json::from_str::<Failure>(text).unwrap(), Failure::new(Code::Internal, "m"));
        let bare = r#"{"code":-32601,"message":"m"}"#;
        assert_eq!(serde_json::from_str::<Failure>(bare).unwrap(), Failure::new(Code::Internal, "m"));
    }
}
