//! The command line. The doc comments are the help texts, and `docs/cli.md` is made of those.

mod sync;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};

pub(crate) use sync::{GhScopeArg, Sync};

/// Keeps folders of secrets in step with encrypted versions in a bucket
///
/// Results go to stdout, everything else to stderr. If no daemon runs, one is started.
///
/// Exit codes: 0 ok, 1 failed, 2 usage, 3 daemon unreachable, 4 conflict or edited folder, 5 key or
/// passphrase missing or wrong, 6 denied, 7 partial, 8 integrity, 9 store unreachable or bucket
/// missing, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "vsyncctl", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Print one JSON value on stdout, also for an error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The repository's name, instead of the `.vsync` file or git's origin
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// The daemon's socket [env: VSYNC_SOCKET]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(crate) socket: Option<PathBuf>,
    /// Fail with exit code 3 instead of starting a daemon
    #[arg(long, global = true)]
    pub(crate) no_start: bool,
    /// No progress and no confirmations
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Show more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyStoreArg {
    /// The system's keychain
    Keychain,
    /// A private file in the daemon's state folder
    File,
}

/// A switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show what is here, what is remote and what holds it back
    ///
    /// Without ENV every environment of every repository is shown, those of this checkout first.
    Status(MaybeEnv),
    /// Show the status as it changes, until Ctrl-C
    ///
    /// On a terminal the picture is redrawn; otherwise each change is one line.
    Watch(MaybeEnv),
    /// List what was edited here since the last sync, names only
    Diff(OneEnv),
    /// Publish the folder as a new version
    ///
    /// Nothing changed: no new version. The remote has moved since the last sync: refused with exit
    /// code 4.
    Push(Push),
    /// Bring the folder to the remote's version
    ///
    /// An edited folder is refused with exit code 4, unless --backup or --force is given. Whatever is
    /// replaced is kept in an encrypted backup.
    Pull(Pull),
    /// List the published versions, newest first
    Versions(OneEnv),
    /// Send the secrets of the env file to where they are used
    ///
    /// Reads .env.ENV in the vault folder as it is on disk. A key that ends in _PATH or _FILE names a
    /// file whose content is sent under the name without that ending. Everything is checked before
    /// anything is sent: one file that cannot be read, or one name that the target forbids, and nothing
    /// is. What the target holds already is not sent again.
    ///
    /// Exit code 7: some were sent and some failed; run it again for the rest.
    Sync(Box<Sync>),
    /// Make a new environment and its vault folder in this checkout
    ///
    /// Makes the key, the vault folder, the lines in .gitignore and the .vsync file.
    Init(Init),
    /// Take in an environment that somebody exported
    ///
    /// Registers this checkout and pulls at once where the store answers.
    Import(Import),
    /// Write key and settings of an environment to a file, sealed with a passphrase
    Export(Export),
    /// Look after an environment in this checkout too
    ///
    /// Shows repository, folder and origin and asks before it registers them.
    Track(Track),
    /// Stop looking after an environment in this checkout; deletes nothing
    Forget(OneEnv),
    /// Buckets and how to reach them
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// What was saved before it was replaced
    #[command(subcommand)]
    Backup(BackupVerb),
    /// The same as `backup restore`
    RestoreBackup(Restore),
    /// Look for what is wrong on this machine; exit code 1 when a check fails
    Doctor(MaybeEnv),
    /// The daemon itself
    #[command(subcommand)]
    Daemon(DaemonVerb),
}

/// An environment, required.
#[derive(Debug, Args)]
pub(crate) struct OneEnv {
    /// The environment
    pub(crate) env: String,
}

/// An environment, or all.
#[derive(Debug, Args)]
pub(crate) struct MaybeEnv {
    /// Only this environment of this checkout's repository
    pub(crate) env: Option<String>,
}

/// `push`
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The environment
    pub(crate) env: String,
    /// Publish although the remote has moved since the last sync
    #[arg(long)]
    pub(crate) force: bool,
    /// A note for the audit
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// One more field for the audit; may be repeated
    #[arg(long, value_name = "K=V", value_parser = key_value)]
    pub(crate) meta: Vec<(String, String)>,
    /// Write no audit row
    #[arg(long)]
    pub(crate) no_audit: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// `pull`
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The environment
    pub(crate) env: String,
    /// Replace an edited folder; the edits go into a backup, whose name is shown
    #[arg(long, conflicts_with = "force")]
    pub(crate) backup: bool,
    /// As --backup, and replace the folder also when the remote has not moved
    #[arg(long)]
    pub(crate) force: bool,
    /// Take a version that is older than the last one applied here
    #[arg(long)]
    pub(crate) allow_rollback: bool,
}

/// `init`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").required(true))]
pub(crate) struct Init {
    /// The environment's name: a-z 0-9 . _ -
    pub(crate) env: String,
    /// Keep versions in the bucket of this profile
    #[arg(long, value_name = "NAME", group = "source")]
    pub(crate) profile: Option<String>,
    /// Keep versions in a folder: file:///DIR
    #[arg(long, value_name = "URL", group = "source")]
    pub(crate) store: Option<String>,
    /// The vault folder, seen from the top of the checkout [default: infra/vault/ENV]
    #[arg(long, value_name = "PATH")]
    pub(crate) vault_folder: Option<String>,
    /// What names in the bucket start with [default: the profile's, else the repository's name]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Where the key is kept
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(crate) key_store: Option<KeyStoreArg>,
    /// Whether pushes and pulls are recorded in the bucket
    #[arg(long, value_enum, value_name = "SWITCH", default_value_t = Switch::On)]
    pub(crate) audit: Switch,
}

/// `import`
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The environment
    pub(crate) env: String,
    /// The share file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The file that holds the passphrase [default: $VSYNC_PASSPHRASE, else a prompt]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Where the key is kept
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(crate) key_store: Option<KeyStoreArg>,
    /// The vault folder, seen from the top of the checkout [default: infra/vault/ENV]
    #[arg(long, value_name = "PATH")]
    pub(crate) vault_folder: Option<String>,
}

/// `export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The environment
    pub(crate) env: String,
    /// Where to write the share file; readable by you alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    /// The file that holds the passphrase [default: $VSYNC_PASSPHRASE, else a prompt]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// `track`
#[derive(Debug, Args)]
pub(crate) struct Track {
    /// The environment
    pub(crate) env: String,
    /// The vault folder, seen from the top of the checkout [default: infra/vault/ENV]
    #[arg(long, value_name = "PATH")]
    pub(crate) vault_folder: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Verbs on profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileVerb {
    /// List all profiles
    List,
    /// Show one profile, without its secret
    Show(ProfileName),
    /// Store a bucket and how to reach it
    ///
    /// The secret comes from a file, from stdin, or on a terminal from a hidden prompt.
    Add(ProfileAdd),
    /// Remove a profile; environments made with it keep working
    Remove(ProfileName),
}

/// A profile.
#[derive(Debug, Args)]
pub(crate) struct ProfileName {
    /// The profile's name
    pub(crate) name: String,
}

/// `profile add`
#[derive(Debug, Args)]
pub(crate) struct ProfileAdd {
    /// The profile's name
    pub(crate) name: String,
    /// URL of the S3 endpoint
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: String,
    /// Region
    #[arg(long, value_name = "REGION")]
    pub(crate) region: String,
    /// Bucket
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: String,
    /// Access key id
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: String,
    /// The file that holds the secret access key
    #[arg(long, value_name = "FILE", conflicts_with = "secret_access_key_stdin", value_hint = ValueHint::FilePath)]
    pub(crate) secret_access_key_file: Option<PathBuf>,
    /// Read the secret access key from stdin
    #[arg(long)]
    pub(crate) secret_access_key_stdin: bool,
    /// What names in the bucket start with
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
}

/// Verbs on backups.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupVerb {
    /// List the backups of this checkout's repository, newest first
    List(MaybeEnv),
    /// Unpack a backup into a new folder
    Restore(Restore),
}

/// `backup restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The environment
    pub(crate) env: String,
    /// The backup, as `backup list` names it
    pub(crate) name: String,
    /// A folder that does not exist yet
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
}

/// Verbs on the daemon.
#[derive(Debug, Subcommand)]
pub(crate) enum DaemonVerb {
    /// Start the daemon, unless it runs
    Start,
    /// Stop the daemon and wait until it is gone
    Stop,
    /// Let the daemon read its settings again
    Reload,
    /// Change what the daemon logs, until it stops
    LogLevel(LogLevel),
    /// Show where the daemon runs and keeps its things
    Status,
}

/// `daemon log-level`
#[derive(Debug, Args)]
pub(crate) struct LogLevel {
    /// A level such as debug, or directives such as info,vsyncd::worker=trace
    pub(crate) filter: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
