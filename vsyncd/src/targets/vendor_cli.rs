//! A vendor's command line, asked for a token: the last place where a credential is looked for.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use vsync_core::secret::Secret;

use crate::tasks;

/// How long the program may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// No token is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Runs a program and takes the one line that it prints for a token; `None` when it is not installed,
/// fails, takes longer than five seconds or prints something else.
///
/// The program is looked up on the `PATH` of `env`, which is also all the environment that it gets: give
/// it only what it needs. Its arguments are visible to everybody on the machine.
pub async fn token(program: &str, args: &[&str], env: &BTreeMap<String, String>) -> Option<Secret<String>> {
    let (name, path) = (program.to_owned(), env.get("PATH")?.clone());
    let found = tasks::blocking(move || find(&name, &path)).await.ok()??;
    let mut command = Command::new(found);
    command.args(args).env_clear().envs(env).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // A group of its own, so that what the program starts ends with it.
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn().ok()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut printed = Secret::new(Vec::new());
    let ended = tokio::time::timeout(PATIENCE, finish(&mut child, &mut printed)).await;
    if let (Err(_), Some(group)) = (&ended, group) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    let fine = ended.ok()??.success();
    tracing::debug!(program, fine, "asked for a token");
    if fine { line(printed.expose()) } else { None }
}

async fn finish(child: &mut Child, printed: &mut Secret<Vec<u8>>) -> Option<ExitStatus> {
    let mut bytes = Vec::with_capacity(4096);
    child.stdout.take()?.take(LONGEST + 1).read_to_end(&mut bytes).await.ok()?;
    *printed = Secret::new(bytes);
    child.wait().await.ok()
}

/// The program of that name in the first absolute folder of the path that has it.
fn find(name: &str, path: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|file| is_trusted(file))
}

/// Whether a file is a program that only this user or root can have put there: the path is the caller's,
/// and a daemon may serve others than the one it runs as.
fn is_trusted(file: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let Ok(file) = file.canonicalize() else { return false };
    let Ok(about) = file.metadata() else { return false };
    let guarded = |about: &std::fs::Metadata| [0, own].contains(&about.uid()) && about.mode() & 0o002 == 0;
    let folder = file.parent().and_then(|folder| folder.metadata().ok());
    about.is_file() && about.mode() & 0o111 != 0 && guarded(&about) && folder.is_some_and(|f| guarded(&f))
}

/// The only word of the only line.
fn line(printed: &[u8]) -> Option<Secret<String>> {
    let text = std::str::from_utf8(printed).ok()?.trim();
    let fits = !text.is_empty() && printed.len() as u64 <= LONGEST;
    (fits && !text.contains(char::is_whitespace)).then(|| Secret::new(text.to_owned()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test installs programs as a person would")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn install(folder: &Path, script: &str, mode: u32) -> BTreeMap<String, String> {
        let file = folder.join("vendor");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let path = format!("relative::{}:/usr/bin:/bin", folder.display());
        BTreeMap::from([("PATH".to_owned(), path)])
    }

    async fn said(script: &str, mode: u32) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let env = install(folder.path(), script, mode);
        token("vendor", &["auth"], &env).await.map(|token| token.expose().clone())
    }

    #[tokio::test]
    async fn one_word_of_a_program_that_succeeds_is_a_token() {
        assert_eq!(said("echo \"t0k3n-$1\"", 0o755).await.as_deref(), Some("t0k3n-auth"));
        for script in ["exit 0", "echo t; exit 1", "echo two words", "echo a; echo b", "printf '\\377'"] {
            assert_eq!(said(script, 0o755).await, None, "{script}");
        }
        assert_eq!(said("head -c 70000 /dev/zero | tr '\\0' x", 0o755).await, None, "too long");
    }

    #[tokio::test]
    async fn it_gets_the_environment_that_was_given_and_no_input() {
        let names = "env | cut -d= -f1 | grep -v '^_$\\|^PWD$\\|^SHLVL$\\|^OLDPWD$' | tr '\\n' ,; cat";
        assert_eq!(said(names, 0o755).await.as_deref(), Some("PATH,"));
    }

    #[tokio::test]
    async fn programs_that_others_could_have_put_there_are_not_run() {
        assert_eq!(said("echo t", 0o644).await, None);
        assert_eq!(said("echo t", 0o757).await, None);
        let folder = tempfile::tempdir().unwrap();
        let env = install(folder.path(), "echo t", 0o755);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(token("vendor", &[], &env).await, None);
        assert_eq!(token("vendor", &[], &BTreeMap::new()).await, None, "no path");
    }

    #[tokio::test]
    async fn a_program_that_never_ends_is_ended_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let env = install(folder.path(), "sleep 1000 & echo $! > \"$1\"; wait", 0o755);
        let pid = folder.path().join("pid");
        assert_eq!(token("vendor", &[pid.to_str().unwrap()], &env).await, None);
        let started: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        let started = Pid::from_raw(started).unwrap();
        let deadline = crate::clock::monotonic() + Duration::from_secs(20);
        // Its state is gone, or that of a process that only waits to be buried.
        while rustix::process::test_kill_process(started).is_ok() && !is_dead(started) {
            assert!(crate::clock::monotonic() < deadline, "it still runs");
            tokio::task::yield_now().await;
        }
    }

    fn is_dead(pid: Pid) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
    }
}
