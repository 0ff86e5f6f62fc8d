//! A zip into a folder.

use std::io::Read as _;

use flate2::read::DeflateDecoder;
use zeroize::Zeroizing;

use super::directory::{self, Record};
use super::{BundleError, Limits, TooLarge};
use crate::relpath::{BadPath, RelPath};
use crate::vault::snapshot::{Snapshot, SnapshotFile};
use crate::vault::tree::MODE_MASK;

/// The mode of a file whose archive tells none: nobody else's business.
const DEFAULT_MODE: u32 = 0o600;

const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// No deflate stream grows by more than this factor.
const MAX_RATIO: u64 = 1032;

struct Entry<'a> {
    path: RelPath,
    folder: bool,
    record: Record<'a>,
}

/// Reads a zip into memory. When all its entries lie under `classic_prefix`, they lose it.
///
/// Every name is judged before any content is read, and sizes are counted while decompressing:
/// what the headers claim never decides how much memory is used.
///
/// # Errors
/// [`BundleError`]; then nothing of the archive may be used.
pub fn unarchive(zip: &[u8], limits: Limits, classic_prefix: Option<&str>) -> Result<Snapshot, BundleError> {
    limits.admit_bundle(zip.len() as u64)?;
    let records = directory::read(zip, limits.entries)?;
    let mut entries = records.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    if let Some(prefix) = classic_prefix {
        entries = without_prefix(entries, prefix.trim_start_matches("./").trim_end_matches('/'))?;
    }
    // With the separator sorted before every other character, what lies in a folder follows it.
    entries.sort_by(|a, b| a.path.components().cmp(b.path.components()));
    check_tree(&entries)?;

    let mut snapshot = Snapshot::default();
    let mut left = limits.uncompressed;
    let mut entries = entries.into_iter().peekable();
    while let Some(entry) = entries.next() {
        if entry.folder {
            if !entries.peek().is_some_and(|next| lies_in(&next.path, &entry.path)) {
                snapshot.empty_dirs.insert(entry.path);
            }
            continue;
        }
        let content = content(zip, &entry.record, left).map_err(|error| match error {
            BundleError::TooLarge(_) => BundleError::TooLarge(TooLarge::Uncompressed(limits.uncompressed)),
            error => error,
        })?;
        left -= content.len() as u64;
        let mode = if entry.record.mode == 0 { DEFAULT_MODE } else { entry.record.mode & MODE_MASK };
        let file = SnapshotFile { mode, mtime: entry.record.mtime, content };
        snapshot.files.insert(entry.path, file);
    }
    Ok(snapshot)
}

fn refused(name: &[u8], why: &'static str) -> BundleError {
    let entry = String::from_utf8_lossy(name).escape_debug().to_string();
    BundleError::UnsafeArchive { entry, why }
}

fn entry(record: Record<'_>) -> Result<Entry<'_>, BundleError> {
    let name = std::str::from_utf8(record.name).map_err(|_| refused(record.name, "it is not UTF-8"))?;
    let (name, folder) = match name.strip_suffix('/') {
        Some(name) => (name, true),
        None => (name, false),
    };
    match record.mode & TYPE_MASK {
        0 => {}
        FOLDER if folder => {}
        REGULAR if !folder => {}
        _ => return Err(refused(record.name, "it is neither a plain file nor a folder")),
    }
    if folder && record.size != 0 {
        return Err(BundleError::CorruptArchive("a folder has content"));
    }
    let path = RelPath::new(name).map_err(|bad| refused(record.name, reason(bad)))?;
    Ok(Entry { path, folder, record })
}

const fn reason(bad: BadPath) -> &'static str {
    match bad {
        BadPath::Empty => "it has no name",
        BadPath::Absolute => "its name is absolute",
        BadPath::Backslash => "its name contains a backslash",
        BadPath::Nul => "its name contains a NUL byte",
        BadPath::Component => "its name contains an empty, '.' or '..' component",
    }
}

/// Removes a path that every entry starts with; folders that are only the way there go.
fn without_prefix<'a>(entries: Vec<Entry<'a>>, prefix: &str) -> Result<Vec<Entry<'a>>, BundleError> {
    let inside = |path: &RelPath| {
        path.as_str().strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned)
    };
    let on_the_way = |entry: &Entry<'_>| {
        let rest = prefix.strip_prefix(entry.path.as_str());
        entry.folder && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if !entries.iter().all(|entry| inside(&entry.path).is_some() || on_the_way(entry)) {
        return Ok(entries);
    }
    let stripped = entries.into_iter().filter_map(|entry| inside(&entry.path).map(|rest| (entry, rest)));
    stripped
        .map(|(entry, rest)| {
            let path = RelPath::new(&rest).map_err(|bad| refused(entry.record.name, reason(bad)))?;
            Ok(Entry { path, ..entry })
        })
        .collect()
}

/// Refuses two entries of one name, and files that others lie in.
fn check_tree(sorted: &[Entry<'_>]) -> Result<(), BundleError> {
    for pair in sorted.windows(2) {
        let (one, next) = (&pair[0], &pair[1]);
        if one.path == next.path {
            let why = if one.folder == next.folder { "it is there twice" } else { BOTH };
            return Err(refused(next.record.name, why));
        }
        if !one.folder && lies_in(&next.path, &one.path) {
            return Err(refused(one.record.name, BOTH));
        }
    }
    Ok(())
}

const BOTH: &str = "it is a file and a folder";

fn lies_in(path: &RelPath, folder: &RelPath) -> bool {
    path.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
}

/// Decompresses one entry of at most `limit` bytes.
fn content(zip: &[u8], record: &Record<'_>, limit: u64) -> Result<Zeroizing<Vec<u8>>, BundleError> {
    let stored = record.stored(zip)?;
    let possible = match record.method {
        0 => stored.len() as u64,
        8 => (stored.len() as u64).saturating_mul(MAX_RATIO),
        _ => return Err(BundleError::CorruptArchive("an entry's compression is not known")),
    };
    let claimed = record.size.min(possible).min(limit);
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(claimed).unwrap_or(0)));
    let mut extra = 0;
    let mut take = |bytes: &[u8]| {
        let room = usize::try_from(claimed).unwrap_or(0) - content.len();
        let (fits, over) = bytes.split_at(bytes.len().min(room));
        content.extend_from_slice(fits);
        extra += over.len() as u64;
        if claimed + extra > limit {
            Err(BundleError::TooLarge(TooLarge::Uncompressed(limit)))
        } else {
            Ok(())
        }
    };
    if record.method == 0 {
        take(stored)?;
    } else {
        let mut decoder = DeflateDecoder::new(stored);
        let mut chunk = Zeroizing::new([0; 16 << 10]);
        loop {
            match decoder.read(chunk.as_mut_slice()) {
                Ok(0) => break,
                Ok(read) => take(&chunk[..read])?,
                Err(_) => return Err(BundleError::CorruptArchive("an entry cannot be decompressed")),
            }
        }
    }
    if extra > 0 || content.len() as u64 != record.size {
        return Err(BundleError::CorruptArchive("an entry has another size than it says"));
    }
    if crc32fast::hash(&content) != record.crc {
        return Err(BundleError::CorruptArchive("an entry's checksum is wrong"));
    }
    Ok(content)
}
