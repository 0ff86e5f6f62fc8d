//! What `stat` tells, with the same types on every system.

use rustix::fs::{FileType, Stat};
use vsync_core::vault::ledger::LedgerStat;
use vsync_core::vault::tree::MODE_MASK;

use super::folder::FolderId;

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: i64 = 1_000_000_000;

/// The metadata of one directory entry or open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// File, folder, symlink and so on.
    pub(crate) kind: FileType,
    /// Which file or folder it is, whatever its name.
    pub(crate) id: FolderId,
    /// What the ledger keeps of it; the mode within [`MODE_MASK`].
    pub(crate) stat: LedgerStat,
}

impl From<&Stat> for Facts {
    fn from(stat: &Stat) -> Self {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let mode = number(stat.st_mode) as u32 & MODE_MASK;
        let inode = number(stat.st_ino).cast_unsigned();
        let ns = |seconds: i64, ns: i64| seconds.saturating_mul(SECOND_NS).saturating_add(ns);
        Self {
            kind,
            id: FolderId { device: number(stat.st_dev).cast_unsigned(), inode },
            stat: LedgerStat {
                size: number(stat.st_size).cast_unsigned(),
                mtime_ns: ns(number(stat.st_mtime), number(stat.st_mtime_nsec)),
                ctime_ns: ns(number(stat.st_ctime), number(stat.st_ctime_nsec)),
                mode,
                inode,
            },
        }
    }
}

/// The fields have other integer types on other systems; all their values fit.
fn number<T: TryInto<i64>>(value: T) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
