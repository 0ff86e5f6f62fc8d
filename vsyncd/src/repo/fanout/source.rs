//! Reading the env file of a vault folder, and the files that it refers to.

use std::collections::BTreeMap;
use std::path::Path;

use vsync_core::dotenv::{Assignment, Parsed, Policy, Unreadable, Value};
use vsync_core::fanout::plan::limit;
use vsync_core::fanout::target::Target;
use vsync_core::id::Env;
use vsync_core::secret::Secret;
use vsync_core::sync::Problem;

use super::FanoutError;
use crate::disk::folder::{Folder, NotAFolder};
use crate::disk::plain::{self, NotRead};
use crate::repo::trouble::io_problem;

/// No env file is larger, in bytes.
const ENV_FILE_LIMIT: u64 = 16 << 20;
/// No more is read from all referenced files together, in bytes: a short env file can name very many.
const TOTAL_LIMIT: u64 = 256 << 20;

/// An env file with everything that it refers to.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// What is to be sent, in the file's order.
    pub wanted: Vec<Assignment>,
    /// Every value by key, those that stay here too.
    pub values: BTreeMap<String, Secret<String>>,
    /// Of the secrets whose file lies outside the vault folder, by name: where. Not everybody who may write
    /// the env file may read such a file, so the plan shows it.
    pub outside: BTreeMap<String, String>,
    /// What is doubtful about the file, for people.
    pub warnings: Vec<String>,
}

/// Reads `.env.<env>` of a vault folder, all or nothing. Blocks.
///
/// # Errors
/// [`FanoutError`], of every kind but those that a target gives.
pub fn read(
    folder: &Path,
    env: &Env,
    home: &str,
    policy: &Policy,
    target: Target,
) -> Result<Source, FanoutError> {
    let root = folder
        .to_str()
        .ok_or_else(|| Problem::FolderNotUsable("the path of the vault folder is not UTF-8".to_owned()))?;
    let open = Folder::open(folder).map_err(|error| match error {
        NotAFolder::Missing => Problem::FolderMissing,
        NotAFolder::Io(error) => io_problem("cannot read the vault folder", &error),
        other => Problem::FolderNotUsable(other.to_string()),
    })?;
    let name = format!(".env.{env}");
    let bytes = plain::read(&open, &name, ENV_FILE_LIMIT).map(Secret::new).map_err(|error| match error {
        NotRead::Missing => FanoutError::NoEnvFile { name: name.clone(), folder: root.to_owned() },
        other => {
            FanoutError::Unreadable { name: name.clone(), why: text(&unreadable(other, ENV_FILE_LIMIT)) }
        }
    })?;
    let parsed = Parsed::read(bytes.expose(), root, home, policy)?;
    let most = limit(target);
    let mut left = TOTAL_LIMIT;
    let wanted = parsed.resolve(|path| {
        let bytes = plain::read(&open, below(root, path), most.min(left));
        let bytes = bytes.map_err(|error| match error {
            NotRead::TooLarge if left < most => Unreadable::Other("all files together are too large".into()),
            other => unreadable(other, most),
        })?;
        left -= bytes.len() as u64;
        Ok(bytes)
    })?;
    let outside = parsed.entries.iter().filter_map(|entry| match &entry.value {
        Value::File(path) if leaves(below(root, path)) => Some((entry.name.clone(), path.clone())),
        Value::File(_) | Value::Inline(_) => None,
    });
    let outside = outside.collect();
    let warnings =
        parsed.warnings.iter().map(|warning| format!("{name}, line {}: {}", warning.line, warning.text));
    Ok(Source { wanted, outside, warnings: warnings.collect(), values: parsed.values })
}

/// The path as seen from the vault folder, where it lies there; else as it is.
fn below<'p>(root: &str, path: &'p str) -> &'p str {
    match path.strip_prefix(root.trim_end_matches('/')) {
        Some("" | "/") => ".",
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => path,
    }
}

/// Whether a path as seen from the vault folder leads out of it, by its text.
fn leaves(path: &str) -> bool {
    let mut depth = 0_usize;
    path.starts_with('/')
        || path.split('/').any(|part| match part {
            "" | "." => false,
            ".." if depth == 0 => true,
            ".." => {
                depth -= 1;
                false
            }
            _ => {
                depth += 1;
                false
            }
        })
}

fn unreadable(error: NotRead, limit: u64) -> Unreadable {
    match error {
        NotRead::Missing => Unreadable::NotFound,
        NotRead::NotAFile(what) => Unreadable::NotAFile(what),
        NotRead::TooLarge => Unreadable::TooLarge { limit },
        NotRead::Changing => Unreadable::Other("it kept changing while it was read".into()),
        NotRead::Io(error) => Unreadable::Other(error.to_string()),
    }
}

fn text(why: &Unreadable) -> String {
    match why {
        Unreadable::NotFound => "it is not there".into(),
        Unreadable::NotAFile(what) => format!("it is {what}, not a file"),
        Unreadable::TooLarge { limit } => format!("it is larger than {limit} bytes"),
        Unreadable::Other(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_lies_in_the_folder_is_reached_through_it() {
        for (path, seen) in [
            ("/v/keys/a", "keys/a"),
            ("/v/./a", "./a"),
            ("/v/../a", "../a"),
            ("/v", "."),
            ("/v/", "."),
            ("/v2/a", "/v2/a"),
            ("/home/ada/id", "/home/ada/id"),
        ] {
            assert_eq!(below("/v", path), seen);
        }
    }

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let temp = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = temp.path().join(name);
            crate::disk::atomic::create_private_dirs(path.parent().unwrap()).unwrap();
            crate::disk::atomic::write(&path, content, 0o600).unwrap();
        }
        temp
    }

    fn sourced(folder: &Path) -> Result<Source, FanoutError> {
        read(folder, &Env::new("dev").unwrap(), "/nowhere", &Policy::default(), Target::Gh)
    }

    #[test]
    fn the_env_file_and_what_it_names_are_read_byte_for_byte() {
        let key = [0, 255, 13, 10, 10];
        let temp = folder(&[(".env.dev", b"A=1\nKEY_FILE=./keys/k\nGITHUB_REPO=a/b\n"), ("keys/k", &key)]);
        let source = sourced(temp.path()).unwrap();
        let values: Vec<_> =
            source.wanted.iter().map(|one| (one.name.as_str(), one.value.expose().as_slice())).collect();
        assert_eq!(values, [("A", &b"1"[..]), ("KEY", &key[..])]);
        assert_eq!(source.values["GITHUB_REPO"].expose(), "a/b");
    }

    #[test]
    fn files_outside_of_the_folder_are_told() {
        let temp = folder(&[
            ("v/.env.dev", b"IN_FILE=keys/k\nUP_FILE=../u\nABS_PATH=${VAULT_ROOT}/keys/../../u\nX=../u\n"),
            ("v/keys/k", b"k"),
            ("u", b"u"),
        ]);
        let source = sourced(&temp.path().join("v")).unwrap();
        assert_eq!(source.outside.keys().collect::<Vec<_>>(), ["ABS", "UP"]);
        for (path, out) in
            [(".", false), ("a/../b", false), ("a/../../b", true), ("/etc", true), ("..", true)]
        {
            assert_eq!(leaves(path), out, "{path}");
        }
    }

    #[test]
    fn very_many_references_do_not_fill_the_memory() {
        let megabyte = vec![b'x'; 1 << 20];
        let text: String = (0..300).map(|n| format!("A{n}_FILE=big\n")).collect();
        let temp = folder(&[(".env.dev", text.as_bytes()), ("big", &megabyte)]);
        let dev = Env::new("dev").unwrap();
        let error = read(temp.path(), &dev, "/nowhere", &Policy::default(), Target::Hashicorp).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("44 file reference(s)") && text.contains("A256_FILE: "), "{text}");
        assert!(!text.contains("A255_FILE") && text.contains("all files together"), "{text}");
    }

    #[test]
    fn every_reference_that_cannot_be_read_is_named_at_once() {
        let temp = folder(&[
            (".env.dev", b"A=hunter2\nX_PATH=none\nD_FILE=dir\nF_PATH=fifo\nOK_FILE=dir/ok\n"),
            ("dir/ok", b"x"),
        ]);
        let fifo = temp.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let text = sourced(temp.path()).unwrap_err().to_string();
        for part in [
            "3 file reference(s)",
            "- X_PATH: file not found at ",
            "- D_FILE: ",
            "a folder",
            "- F_PATH: ",
            "a FIFO",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("OK_FILE") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn an_env_file_that_is_none_is_told_apart() {
        let empty = folder(&[]);
        assert!(matches!(sourced(empty.path()), Err(FanoutError::NoEnvFile { .. })));
        let odd = folder(&[(".env.dev/x", b"")]);
        let error = sourced(odd.path()).unwrap_err();
        assert!(matches!(&error, FanoutError::Unreadable { why, .. } if why.contains("a folder")), "{error}");
        let binary = folder(&[(".env.dev", b"A=1\n\xff\n")]);
        assert!(sourced(binary.path()).unwrap_err().to_string().contains("line 2"));
    }
}
