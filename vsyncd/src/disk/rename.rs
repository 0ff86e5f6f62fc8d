//! Renames that replace nothing, also where the system has no such call.

use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use super::folder::Folder;

/// True when the system, or this file system, does not know the kind of rename asked for.
pub(crate) fn unsupported(error: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].contains(&error)
}

/// Renames a folder within `parent` to a name that is free.
pub(crate) fn folder_to_free(
    parent: &Folder,
    from: impl Arg + Copy,
    to: impl Arg + Copy,
) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(parent, from, parent, to, RenameFlags::NOREPLACE) {
        // The plain call lets a folder replace nothing but an empty folder.
        Err(error) if unsupported(error) => rustix::fs::renameat(parent, from, parent, to),
        other => other,
    }
}

/// Renames a file within `parent` to a name that is free.
pub(crate) fn file_to_free(
    parent: &Folder,
    from: impl Arg + Copy,
    to: impl Arg + Copy,
) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(parent, from, parent, to, RenameFlags::NOREPLACE) {
        Err(error) if unsupported(error) => {
            rustix::fs::linkat(parent, from, parent, to, AtFlags::empty())?;
            rustix::fs::unlinkat(parent, from, AtFlags::empty())
        }
        other => other,
    }
}
