//! Which file an object lies in.
//!
//! Every `/`-separated part of a key is a folder, the last one a file that ends in `.obj`. Names
//! hold only characters that mean the same on every file system: upper case and anything unusual
//! is written `%xx`, so that a disk which ignores case keeps `A` and `a` apart.

use std::fmt::Write as _;

use crate::store::StoreError;

/// How the name of an object's file ends.
const SUFFIX: &str = ".obj";
/// The longest name that file systems take.
const MAX_NAME: usize = 255;

/// The place of an object below the store's folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The folders, outermost first.
    pub(super) folders: Vec<String>,
    /// The file.
    pub(super) file: String,
}

impl Place {
    /// The place for a key.
    ///
    /// # Errors
    /// `Failed` for a key that could reach out of the store or into its own files: an empty part,
    /// one that starts with a dot, or one too long for a file name.
    pub(super) fn of(key: &str) -> Result<Self, StoreError> {
        let (folders, name) = key.rsplit_once('/').map_or(("", key), |(folders, name)| (folders, name));
        let refuse = |why| StoreError::Failed(format!("the key {key:?} cannot be stored: {why}"));
        let folders = if folders.is_empty() && !key.starts_with('/') {
            Vec::new()
        } else {
            folders.split('/').map(folder_name).collect::<Result<_, _>>().map_err(refuse)?
        };
        Ok(Self { folders, file: file_name(name).map_err(refuse)? })
    }
}

/// The folders that all keys under a prefix share.
///
/// # Errors
/// As for [`Place::of`].
pub(super) fn folders_of(prefix: &str) -> Result<Vec<String>, StoreError> {
    let Some((folders, _)) = prefix.rsplit_once('/') else { return Ok(Vec::new()) };
    let names = folders.split('/').map(folder_name).collect::<Result<_, _>>();
    names.map_err(|why| StoreError::Failed(format!("the prefix {prefix:?} cannot be listed: {why}")))
}

/// What an entry of a folder stands for in a key; `None` for what is not the store's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A folder: this part, more follow.
    Folder(String),
    /// An object: the last part.
    Object(String),
}

impl Part {
    /// Reads a name back. Only the one spelling that writing produces counts.
    pub(super) fn of(name: &str, is_folder: bool) -> Option<Self> {
        if is_folder {
            let part = unescape(name)?;
            return (folder_name(&part).ok()? == name).then_some(Self::Folder(part));
        }
        let part = unescape(name.strip_suffix(SUFFIX)?)?;
        (file_name(&part).ok()? == name).then_some(Self::Object(part))
    }
}

fn folder_name(part: &str) -> Result<String, &'static str> {
    check(part)?;
    // A folder must not look like an object's file, and some disks drop a dot at the end.
    let dot = part.strip_suffix(SUFFIX).or_else(|| part.strip_suffix('.')).map(str::len);
    let name = match dot.map(|at| part.split_at(at)) {
        Some((front, back)) => format!("{}%2e{}", escape(front), escape(&back[1..])),
        None => escape(part),
    };
    fits(name)
}

fn file_name(part: &str) -> Result<String, &'static str> {
    check(part)?;
    fits(escape(part) + SUFFIX)
}

fn check(part: &str) -> Result<(), &'static str> {
    match part.as_bytes() {
        [] => Err("a part between slashes is empty"),
        [b'.', ..] => Err("a part starts with a dot"),
        _ => Ok(()),
    }
}

fn fits(name: String) -> Result<String, &'static str> {
    if name.len() > MAX_NAME { Err("a part is too long for a file name") } else { Ok(name) }
}

fn escape(part: &str) -> String {
    part.bytes().fold(String::with_capacity(part.len()), |mut name, byte| {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'=' | b'+' | b'@' => {
                name.push(char::from(byte));
            }
            other => {
                let _ = write!(name, "%{other:02x}");
            }
        }
        name
    })
}

fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let hex = tail.get(..2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(key: &str) -> String {
        let place = Place::of(key).unwrap();
        place.folders.iter().chain([&place.file]).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn the_documented_layout() {
        assert_eq!(path("acme/prod/manifest"), "acme/prod/manifest.obj");
        assert_eq!(path("acme/prod/v=20261121-181410"), "acme/prod/v=20261121-181410.obj");
        assert_eq!(path("acme/prod/audit.csv"), "acme/prod/audit.csv.obj");
        assert_eq!(path("Acme/a b/ü"), "%41cme/a%20b/%c3%bc.obj");
        assert_eq!(path("a.obj/b"), "a%2eobj/b.obj");
        assert_eq!(path("a./b."), "a%2e/b..obj");
    }

    #[test]
    fn refuses_keys_that_reach_elsewhere() {
        for key in ["", "/", "/a", "a/", "a//b", "..", "a/../b", ".", "./a", "a/.hidden", ".vsync-store"] {
            assert!(matches!(Place::of(key), Err(StoreError::Failed(_))), "{key:?}");
        }
        assert!(Place::of(&"x".repeat(251)).is_ok());
        assert!(Place::of(&"x".repeat(252)).is_err());
    }

    #[test]
    fn only_the_canonical_spelling_is_read_back() {
        for name in
            ["a", "A.obj", "%61.obj", "%4g.obj", "%.obj", ".a.obj", ".obj", "%ff.obj", "%4A.obj", "a b.obj"]
        {
            assert_eq!(Part::of(name, false), None, "{name:?}");
        }
        assert_eq!(Part::of("a.obj", true), None);
        assert_eq!(Part::of("lost+found", true), Some(Part::Folder("lost+found".into())));
    }

    proptest! {
        #[test]
        fn every_part_comes_back(part in "[^/.\0][^/\0]{0,15}") {
            let place = Place::of(&format!("{part}/{part}")).unwrap();
            prop_assert_eq!(Part::of(&place.folders[0], true), Some(Part::Folder(part.clone())));
            prop_assert_eq!(Part::of(&place.file, false), Some(Part::Object(part)));
            prop_assert_ne!(&place.folders[0], &place.file);
        }
    }
}
