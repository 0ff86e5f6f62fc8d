//! Folders to publish and to compare.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// How often a folder may be replaced while it is read.
const TRIES: usize = 20;

/// One entry of a folder: a file with mode and content, or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// Content.
        content: Vec<u8>,
    },
    /// A folder. Its mode does not travel.
    Folder,
}

/// Everything in a folder by its path, as bytes and modes. A folder that is replaced while it is
/// read is read again, so that what is returned was all there.
///
/// # Panics
/// When it is not there, or something in it cannot be read.
pub fn read(folder: &Path) -> BTreeMap<String, Entry> {
    read_if_there(folder).unwrap_or_else(|| panic!("{} is not there", folder.display()))
}

/// As [`read`]; `None` when there is no such folder, or no more when it comes to reading it.
///
/// # Panics
/// When something in it cannot be read.
pub fn read_if_there(folder: &Path) -> Option<BTreeMap<String, Entry>> {
    let mut last = None;
    for _ in 0..TRIES {
        if !folder.is_dir() {
            return None;
        }
        let mut found = BTreeMap::new();
        match collect(folder, "", &mut found) {
            Ok(()) => return Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => last = Some(error),
            Err(error) => panic!("{}: {error}", folder.display()),
        }
    }
    panic!("{} is never whole: {last:?}", folder.display());
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Entry>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let about = entry.path().symlink_metadata()?;
        if about.is_dir() {
            found.insert(name.clone(), Entry::Folder);
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else {
            let content = fs::read(entry.path())?;
            found.insert(name, Entry::File { mode: about.permissions().mode() & 0o7777, content });
        }
    }
    Ok(())
}

/// Writes a file with a mode, making the folders above it.
///
/// # Panics
/// When it cannot.
pub fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>, mode: u32) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folders above it");
    fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
}

/// Bytes that do not compress, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
