//! An object's file: one line of JSON, then the body. `docs/folder-store.md` promises the layout.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::store::etag::entity_tag;
use crate::store::{Metadata, Object, ObjectHead};

/// The version of the layout that is written, and the newest that is read.
const LAYOUT: u32 = 1;
/// A longer first line is damage. S3 itself allows 2 KiB of metadata.
const MAX_HEADER: u64 = 64 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    vsync_object: u32,
    etag: String,
    size: u64,
    metadata: Metadata,
}

/// Why a file gives no object.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObjectError {
    /// Its bytes are not an object as a whole.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    /// A newer vsync wrote it.
    #[error("the file has layout {0}, which this version does not know")]
    Newer(u32),
    /// The body is larger than the caller allows.
    #[error("the body has {0} bytes")]
    TooLarge(u64),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes an object; returns its entity tag.
pub(super) fn write(file: &mut File, body: &Bytes, metadata: &Metadata) -> io::Result<String> {
    let etag = entity_tag(metadata, body);
    let header = Header {
        vsync_object: LAYOUT,
        etag: etag.clone(),
        size: body.len() as u64,
        metadata: metadata.clone(),
    };
    let mut line = serde_json::to_vec(&header).map_err(io::Error::from)?;
    line.push(b'\n');
    if line.len() as u64 > MAX_HEADER {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too much metadata"));
    }
    file.write_all(&line)?;
    file.write_all(body)?;
    Ok(etag)
}

/// Reads the description and checks that the file is as long as it says.
pub(super) fn read_head(file: &File) -> Result<ObjectHead, ObjectError> {
    open(file).map(|(head, _)| head)
}

/// Reads the whole object and checks it against its entity tag.
pub(super) fn read(file: &File, limit: u64) -> Result<Object, ObjectError> {
    let (head, mut rest) = open(file)?;
    if head.size > limit {
        return Err(ObjectError::TooLarge(head.size));
    }
    let mut body = Vec::with_capacity(usize::try_from(head.size).unwrap_or(0));
    rest.read_to_end(&mut body)?;
    if body.len() as u64 != head.size || entity_tag(&head.metadata, &body) != head.etag {
        return Err(ObjectError::Damaged("the body is not the one that was written"));
    }
    Ok(Object { head, body: body.into() })
}

fn open(file: &File) -> Result<(ObjectHead, impl Read + '_), ObjectError> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(ObjectError::Damaged("it is not a regular file"));
    }
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    reader.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(ObjectError::Damaged("its first line is incomplete"));
    }
    let not_ours = ObjectError::Damaged("its first line is not an object's");
    let header: Header = match serde_json::from_slice(&line) {
        Ok(header) => header,
        Err(_) => return Err(newer(&line).map_or(not_ours, ObjectError::Newer)),
    };
    if header.vsync_object != LAYOUT {
        return Err(ObjectError::Newer(header.vsync_object));
    }
    if (line.len() as u64 + 1).checked_add(header.size) != Some(about.len()) {
        return Err(ObjectError::Damaged("it is shorter or longer than its first line says"));
    }
    let head = ObjectHead { etag: header.etag, metadata: header.metadata, size: header.size };
    Ok((head, reader))
}

/// The layout number of a header that is otherwise unknown.
fn newer(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        vsync_object: u32,
    }
    let version: Version = serde_json::from_slice(line).ok()?;
    (version.vsync_object > LAYOUT).then_some(version.vsync_object)
}
