//! A folder into a zip.

use std::io::{Cursor, Write as _};

use flate2::{Compress, Compression, FlushCompress, Status};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;
use zip::result::ZipError;
use zip::write::FullFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::BundleError;
use super::directory::EXTENDED_TIMESTAMP;
use crate::format::{envelope, seal};
use crate::vault::snapshot::{Snapshot, SnapshotFile};
use crate::vault::tree::MODE_MASK;

/// What an entry costs beside its name (written twice) and content: both headers, both
/// timestamps, and what deflate may add before it gives up.
const PER_ENTRY: usize = 160;

/// Up to this many bytes a file is deflated to see whether it shrinks.
const TRIED_WHOLE: usize = 256 * 1024;
/// How many slices of a larger one are, and how many bytes each has.
const SLICES: usize = 8;
const SLICE: usize = 16 * 1024;
/// A slice counts when it loses at least one byte in this many.
const WORTH: usize = 32;

/// Makes a zip of a folder: sorted, with modes, times and empty folders, each file deflated or, where
/// that does not make it smaller, stored. Equal folders give equal bytes. The result is wiped on drop and has
/// room for the seal and the envelope around it.
///
/// # Errors
/// [`BundleError::Unwritable`] when a name is too long for a zip.
pub fn archive(snapshot: &Snapshot) -> Result<Zeroizing<Vec<u8>>, BundleError> {
    let mut zip = Zeroizing::new(Vec::with_capacity(capacity(snapshot)));
    write(snapshot, &mut zip).map_err(|error| BundleError::Unwritable(error.to_string()))?;
    Ok(zip)
}

fn write(snapshot: &Snapshot, zip: &mut Vec<u8>) -> Result<(), ZipError> {
    let mut writer = ZipWriter::new(Cursor::new(zip));
    let mut trial = Trial::new();
    let files = snapshot.files.iter().map(|(path, file)| (path, Some(file)));
    let dirs = snapshot.empty_dirs.iter().map(|path| (path, None));
    let mut entries: Vec<_> = files.chain(dirs).collect();
    entries.sort_by_key(|(path, _)| *path);
    for (path, file) in entries {
        match file {
            Some(file) => {
                writer.start_file(path.as_str(), options(file, trial.shrinks(&file.content))?)?;
                writer.write_all(&file.content)?;
            }
            // A folder's own mode and time do not travel.
            None => {
                let options = FullFileOptions::default().system(System::Unix).unix_permissions(0o700);
                writer.add_directory(path.as_str(), options.last_modified_time(DateTime::default()))?;
            }
        }
    }
    writer.finish()?;
    Ok(())
}

fn options(file: &SnapshotFile, deflated: bool) -> Result<FullFileOptions<'static, 'static>, ZipError> {
    let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut options = FullFileOptions::default()
        .system(System::Unix)
        .compression_method(method)
        .unix_permissions(file.mode & MODE_MASK)
        .last_modified_time(dos_time(file.mtime))
        .large_file(file.content.len() as u64 >= zip::ZIP64_BYTES_THR);
    // The DOS time counts in steps of two seconds from 1980; this field has the exact one.
    if let Ok(seconds) = i32::try_from(file.mtime) {
        let mut field = vec![1];
        field.extend_from_slice(&seconds.to_le_bytes());
        options.add_extra_field(EXTENDED_TIMESTAMP, field, false)?;
    }
    Ok(options)
}

/// Finds out which contents shrink. Its state is large, so one serves for many files.
struct Trial {
    deflate: Compress,
    out: Zeroizing<Vec<u8>>,
}

impl Trial {
    fn new() -> Self {
        Self { deflate: Compress::new(Compression::fast(), false), out: Zeroizing::new(vec![0; 2 * SLICE]) }
    }

    /// Whether deflating a file is worth it. A small one is tried whole. Of a large one some slices
    /// are tried first: where none of them shrinks, keys, images and archives for example, it is
    /// stored without having been gone through.
    fn shrinks(&mut self, content: &[u8]) -> bool {
        let mut worth = |slice: &[u8]| self.fits(slice, slice.len() - slice.len() / WORTH);
        (content.len() <= TRIED_WHOLE || slices(content).any(&mut worth)) && self.fits(content, content.len())
    }

    /// Whether the fastest level makes fewer bytes than `room` of it.
    fn fits(&mut self, content: &[u8], room: usize) -> bool {
        let (room, much) = (room as u64, content.len() > TRIED_WHOLE);
        loop {
            let taken = usize::try_from(self.deflate.total_in()).unwrap_or(usize::MAX);
            let rest = content.get(taken..).unwrap_or_default();
            let flush = if rest.is_empty() { FlushCompress::Finish } else { FlushCompress::None };
            let done = self.deflate.compress(rest, &mut self.out, flush);
            let made = self.deflate.total_out();
            match done {
                Ok(Status::StreamEnd) => {
                    self.deflate.reset();
                    return made < room;
                }
                Ok(Status::Ok) if made < room || !much => {}
                // One that is reset before its end does not begin anew.
                Ok(_) | Err(_) => {
                    *self = Self::new();
                    return false;
                }
            }
        }
    }
}

/// Slices of a large content, evenly spread, its first and its last bytes among them.
fn slices(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let step = (content.len() - SLICE) / (SLICES - 1);
    (0..SLICES).filter_map(move |number| content.get(number * step..)?.get(..SLICE))
}

/// The time in UTC, moved into the years a zip can say.
fn dos_time(mtime: i64) -> DateTime {
    let Ok(instant) = Timestamp::from_second(mtime) else { return DateTime::default() };
    let t = instant.to_zoned(TimeZone::UTC).datetime();
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(t.year()).unwrap_or_default();
    DateTime::from_date_and_time(
        year,
        part(t.month()),
        part(t.day()),
        part(t.hour()),
        part(t.minute()),
        part(t.second()),
    )
    .unwrap_or_default()
}

/// Enough that the buffer never has to move: an abandoned one would not be wiped.
fn capacity(snapshot: &Snapshot) -> usize {
    let files = snapshot.files.iter().map(|(path, file)| {
        2 * path.as_str().len() + file.content.len() + file.content.len() / 1000 + PER_ENTRY
    });
    let dirs = snapshot.empty_dirs.iter().map(|path| 2 * path.as_str().len() + PER_ENTRY);
    files.chain(dirs).sum::<usize>() + PER_ENTRY + seal::OVERHEAD + envelope::OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one trial makes of a content says nothing about the next.
    #[test]
    fn one_trial_serves_for_all_files() {
        let mut state = 7_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap_or_default()
        };
        let mut trial = Trial::new();
        for round in 0..1500 {
            let most = [40, 2000, 40_000, 400_000][round % 4];
            let (len, kind) = (next() % most, next() % 4);
            let content: Vec<u8> = (0..len)
                .map(|at| match kind {
                    0 => next() as u8,
                    1 => b"KEY=value\n"[at % 10],
                    2 if at % 1000 < 500 => next() as u8,
                    2 => b'a',
                    _ => (next() % 7) as u8,
                })
                .collect();
            let room = if next() % 2 == 0 { len } else { next() % (len + 1) };
            assert_eq!(trial.fits(&content, room), Trial::new().fits(&content, room), "round {round}");
        }
    }
}
