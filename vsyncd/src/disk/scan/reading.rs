//! Reading one file so that what was read is what the file was.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use vsync_core::vault::ledger::LedgerStat;
use vsync_core::vault::tree::ContentHash;
use zeroize::Zeroizing;

use super::NotPlain;
use crate::disk::facts::Facts;
use crate::disk::folder::facts_at;

/// How often a file that changes under the reader is read again, and the pause between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is not there any more.
    Gone,
    /// It is no file.
    NotPlain(NotPlain),
    /// It changed each time.
    Changing,
    /// It has more bytes than allowed.
    TooLarge,
    /// The system refused.
    Io(io::Error),
}

/// Opens a plain file and tells what it is; never follows a symlink, never waits for a FIFO.
pub(crate) fn open_file(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
) -> Result<(File, Facts), Unread> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd: OwnedFd = match rustix::fs::openat(&dir, name, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Err(Unread::Gone),
        Err(error) => {
            // A symlink, a socket or a device refuses to be opened in ways of its own.
            return match facts_at(&dir, name).map_err(Unread::Io)?.map(|facts| facts.kind) {
                None => Err(Unread::Gone),
                Some(FileType::RegularFile | FileType::Directory) => Err(Unread::Io(error.into())),
                Some(kind) => Err(Unread::NotPlain(NotPlain::of(kind))),
            };
        }
    };
    let facts = Facts::from(&rustix::fs::fstat(&fd).map_err(|error| Unread::Io(error.into()))?);
    match facts.kind {
        FileType::RegularFile => Ok((File::from(fd), facts)),
        kind => Err(Unread::NotPlain(NotPlain::of(kind))),
    }
}

/// Hashes a file, again when its metadata moved meanwhile. `limit` bounds its size in bytes.
pub(super) fn hash(
    dir: impl AsFd,
    name: impl rustix::path::Arg + Copy,
    limit: u64,
) -> Result<(LedgerStat, ContentHash), Unread> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        let (file, before) = open_file(&dir, name)?;
        let (size, hash) = digest(&file, limit)?;
        let after = rustix::fs::fstat(&file).map_err(|error| Unread::Io(error.into()))?;
        if Facts::from(&after).stat == before.stat && size == before.stat.size {
            return Ok((before.stat, hash));
        }
    }
    Err(Unread::Changing)
}

fn digest(mut file: &File, limit: u64) -> Result<(u64, ContentHash), Unread> {
    let mut buffer = Zeroizing::new(vec![0; 64 * 1024]);
    let mut digest = Sha256::new();
    let mut size = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(Unread::Io)?,
        };
        if read == 0 {
            return Ok((size, ContentHash(digest.finalize().into())));
        }
        size += read as u64;
        if size > limit {
            return Err(Unread::TooLarge);
        }
        digest.update(&buffer[..read]);
    }
}
