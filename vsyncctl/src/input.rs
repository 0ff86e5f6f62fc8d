//! What is read from people and the files they name: secrets, answers, share files.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::io::Errno;
use vsync_proto::{Code, Failure, Hidden};

use crate::interrupt;

/// No secret and no share file is longer.
const FILE_MAX: u64 = 1 << 20;

/// Where a secret may come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    /// What to call it in prompts and errors: `passphrase`.
    pub(crate) what: &'a str,
    /// The file that was named.
    pub(crate) file: Option<&'a Path>,
    /// The variable that may hold it.
    pub(crate) variable: Option<&'a str>,
    /// Whether the prompt asks twice.
    pub(crate) twice: bool,
    /// What to do where nobody can be asked.
    pub(crate) hint: &'a str,
}

/// A secret and what to warn about.
pub(crate) type Warned<T> = (T, Option<String>);

/// Finds a secret: the file, else the variable, else a hidden prompt on a terminal.
pub(crate) fn secret(sources: Sources<'_>) -> Result<Warned<Hidden>, Failure> {
    let what = sources.what;
    if let Some(path) = sources.file {
        let (text, warning) = read_secret(path)?;
        return not_empty(what, text).map(|secret| (secret, warning));
    }
    if let Some(value) = sources.variable.and_then(std::env::var_os).filter(|value| !value.is_empty()) {
        let text =
            value.into_string().map_err(|_| Failure::new(Code::Usage, format!("the {what} is not UTF-8")))?;
        return Ok((Hidden::new(text), None));
    }
    if !on_terminal() {
        return Err(Failure::new(Code::Usage, format!("no {what} was given")).hint(sources.hint));
    }
    let first = prompt(&format!("{}: ", capital(what)))?;
    if sources.twice && prompt(&format!("{}, again: ", capital(what)))? != first {
        return Err(Failure::new(Code::Usage, format!("the two entries of the {what} differ")));
    }
    not_empty(what, first).map(|secret| (secret, None))
}

/// Reads a secret from stdin to its end.
pub(crate) fn secret_from_stdin(what: &str) -> Result<Hidden, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(FILE_MAX).read_to_string(&mut text);
    read.map_err(|error| io_failure("cannot read stdin", &error))?;
    not_empty(what, text)
}

fn not_empty(what: &str, text: String) -> Result<Hidden, Failure> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::new(Code::Usage, format!("the {what} is empty")));
    }
    Ok(Hidden::new(text))
}

fn read_secret(path: &Path) -> Result<Warned<String>, Failure> {
    let (file, shown) = (open(path)?, path.display());
    let meta = file.metadata().map_err(|error| io_failure(&format!("cannot read {shown}"), &error))?;
    let mut warning = None;
    if meta.is_file() {
        let foreign = ![0, rustix::process::geteuid().as_raw()].contains(&meta.uid());
        if meta.mode() & 0o022 != 0 || foreign {
            return Err(Failure::new(
                Code::UnsafePermissions,
                format!("another user could have written {shown}"),
            )
            .hint(format!("make it yours alone: chmod 600 {shown}")));
        }
        if meta.mode() & 0o044 != 0 {
            warning = Some(format!("other users can read {shown}; chmod 600 it"));
        }
    }
    let bytes = read_all(file, path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Code::Usage, format!("{shown} is not UTF-8 text")))?;
    Ok((text, warning))
}

/// Reads a share file.
pub(crate) fn share(path: &Path) -> Result<Vec<u8>, Failure> {
    read_all(open(path)?, path)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| io_failure(&format!("cannot open {}", path.display()), &error))
}

fn read_all(file: File, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = file.take(FILE_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| io_failure(&format!("cannot read {}", path.display()), &error))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Failure::new(Code::TooLarge, format!("{} is larger than 1 MiB", path.display())));
    }
    Ok(bytes)
}

/// Asks a question that is answered with y or n; anything but y is no.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    let failed = |error| io_failure("cannot ask on the terminal", &error);
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Whether there is somebody to ask.
pub(crate) fn on_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

fn prompt(text: &str) -> Result<String, Failure> {
    interrupt::held_off(|| rpassword::prompt_password(text)).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::new(Code::Interrupted, "interrupted"),
        _ => io_failure("cannot ask on the terminal", &error),
    })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A failed file operation; a full disk has a word of its own.
pub(crate) fn io_failure(text: &str, error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::Io,
    };
    let failure = Failure::new(code, text).cause(error.to_string());
    match advice(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What to do about a disk that does not take or give something.
fn advice(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error().map(Errno::from_raw_os_error)? {
        Errno::NOSPC => "free some space, and try again",
        Errno::DQUOT => "free some of your quota, or have it raised, and try again",
        Errno::ROFS => "the file system is mounted read-only: name a place on another one",
        Errno::MFILE | Errno::NFILE => {
            "raise the limit of open files (ulimit -n), or end what holds so many open"
        }
        Errno::IO => "the disk may be failing: look at the system's log, or name a place on another one",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    fn file(dir: &Path, content: &str, mode: u32) -> PathBuf {
        let path = dir.join(format!("f{mode:o}"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn from_file(path: &Path) -> Result<Warned<Hidden>, Failure> {
        secret(Sources { what: "passphrase", file: Some(path), variable: None, twice: false, hint: "" })
    }

    #[test]
    fn a_secret_file_loses_its_line_end_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, warning) = from_file(&file(dir.path(), " two words \r\n", 0o600)).unwrap();
        assert_eq!((secret.expose(), warning), (" two words ", None));
        assert_eq!(from_file(&file(dir.path(), "\n", 0o400)).unwrap_err().code, Code::Usage);
        assert_eq!(from_file(&dir.path().join("none")).unwrap_err().code, Code::Io);
    }

    #[test]
    fn a_secret_file_others_can_write_is_refused_and_one_they_can_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o620, 0o602, 0o666] {
            assert_eq!(from_file(&file(dir.path(), "x", mode)).unwrap_err().code, Code::UnsafePermissions);
        }
        let (_, warning) = from_file(&file(dir.path(), "x", 0o644)).unwrap();
        assert!(warning.unwrap().contains("can read"));
    }
}
