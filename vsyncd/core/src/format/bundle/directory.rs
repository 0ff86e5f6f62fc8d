//! The central directory of a zip, record by record.
//!
//! Archive libraries keep one record per name and decode names by a flag; a bundle is refused for
//! two records of one name, and its names are UTF-8 whatever the flag says. So it is read here.

use super::{BundleError, TooLarge};

/// Header id of the extra field that holds times in seconds since 1970.
pub(super) const EXTENDED_TIMESTAMP: u16 = 0x5455;

const ZIP64: u16 = 0x0001;
const END: &[u8] = b"PK\x05\x06";
const END_SIZE: usize = 22;
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR64: &[u8] = b"PK\x06\x07";
const LOCATOR64_SIZE: usize = 20;
const RECORD: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// One record of the directory.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// The name's bytes.
    pub(super) name: &'a [u8],
    /// Type and permissions as `st_mode` has them; 0 when the archive tells none.
    pub(super) mode: u32,
    /// Modification time, seconds since 1970.
    pub(super) mtime: i64,
    /// Compression method: 0 stored, 8 deflated.
    pub(super) method: u16,
    /// CRC-32 of the content.
    pub(super) crc: u32,
    /// Size of the content, as claimed.
    pub(super) size: u64,
    flags: u16,
    compressed: u64,
    header_at: u64,
}

/// Reads the directory, at most `max` records.
///
/// # Errors
/// [`BundleError::CorruptArchive`], [`BundleError::TooLarge`].
pub(super) fn read(zip: &[u8], max: usize) -> Result<Vec<Record<'_>>, BundleError> {
    let (mut rest, claimed) = locate(zip).ok_or(BundleError::CorruptArchive("it has no directory"))?;
    let mut records = Vec::new();
    while !rest.0.is_empty() {
        if records.len() == max {
            return Err(BundleError::TooLarge(TooLarge::Entries(max)));
        }
        let record = record(&mut rest).ok_or(BundleError::CorruptArchive("a directory record is broken"))?;
        records.push(record);
    }
    if records.len() as u64 != claimed {
        return Err(BundleError::CorruptArchive("the directory has another length than it says"));
    }
    Ok(records)
}

impl<'a> Record<'a> {
    /// The entry's bytes as they lie in the archive, still compressed.
    ///
    /// # Errors
    /// [`BundleError::CorruptArchive`] when they are encrypted, or not where the record says.
    pub(super) fn stored<'z>(&self, zip: &'z [u8]) -> Result<&'z [u8], BundleError> {
        if self.flags & 1 != 0 {
            return Err(BundleError::CorruptArchive("an entry has a password of its own"));
        }
        self.locate(zip).ok_or(BundleError::CorruptArchive("an entry is not where the directory says"))
    }

    fn locate<'z>(&self, zip: &'z [u8]) -> Option<&'z [u8]> {
        let mut bytes = Bytes(zip.get(usize::try_from(self.header_at).ok()?..)?);
        bytes.expect(LOCAL)?;
        bytes.take(22)?;
        let (name, extra) = (bytes.u16()?, bytes.u16()?);
        if bytes.take(name.into())? != self.name {
            return None;
        }
        bytes.take(extra.into())?;
        bytes.take(usize::try_from(self.compressed).ok()?)
    }
}

/// Finds the directory and the number of records it claims to have.
fn locate(zip: &[u8]) -> Option<(Bytes<'_>, u64)> {
    let last = zip.len().checked_sub(END_SIZE)?;
    let at = (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(|&at| {
        let comment = u16::from_le_bytes([zip[at + 20], zip[at + 21]]);
        zip[at..].starts_with(END) && at + END_SIZE + usize::from(comment) == zip.len()
    })?;
    let mut end = Bytes(&zip[at + END.len()..]);
    let (disk, start_disk, here, total) = (end.u16()?, end.u16()?, end.u16()?, end.u16()?);
    let (size, offset) = (end.u32()?, end.u32()?);
    let wide = at.checked_sub(LOCATOR64_SIZE).and_then(|at| locate64(zip, at));
    let (count, size, offset, limit) = match wide {
        Some(wide) => wide,
        None if (disk, start_disk, here) == (0, 0, total) => {
            (u64::from(total), u64::from(size), u64::from(offset), at)
        }
        None => return None,
    };
    let start = usize::try_from(offset).ok()?;
    let stop = start.checked_add(usize::try_from(size).ok()?).filter(|&stop| stop <= limit)?;
    Some((Bytes(&zip[start..stop]), count))
}

/// The same from the records that replace the end record of large archives: count, size and
/// offset of the directory, and where it has to end.
fn locate64(zip: &[u8], locator_at: usize) -> Option<(u64, u64, u64, usize)> {
    let mut locator = Bytes(&zip[locator_at..]);
    locator.expect(LOCATOR64)?;
    locator.u32().filter(|&disk| disk == 0)?;
    let at = usize::try_from(locator.u64()?).ok()?;
    let mut end = Bytes(zip.get(at..locator_at)?);
    end.expect(END64)?;
    end.take(12)?;
    let (disk, start_disk) = (end.u32()?, end.u32()?);
    let (here, total, size, offset) = (end.u64()?, end.u64()?, end.u64()?, end.u64()?);
    ((disk, start_disk) == (0, 0) && here == total).then_some((total, size, offset, at))
}

fn record<'a>(bytes: &mut Bytes<'a>) -> Option<Record<'a>> {
    bytes.expect(RECORD)?;
    bytes.take(4)?;
    let (flags, method, time, date) = (bytes.u16()?, bytes.u16()?, bytes.u16()?, bytes.u16()?);
    let (crc, compressed, size) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let (name, extra, comment) = (bytes.u16()?, bytes.u16()?, bytes.u16()?);
    bytes.take(4)?;
    let (attributes, header_at) = (bytes.u32()?, bytes.u32()?);
    let name = bytes.take(name.into())?;
    let extra = bytes.take(extra.into())?;
    bytes.take(comment.into())?;
    let mut record = Record {
        name,
        mode: attributes >> 16,
        mtime: dos_seconds(date, time),
        method,
        crc,
        size: size.into(),
        flags,
        compressed: compressed.into(),
        header_at: header_at.into(),
    };
    widen(&mut record, extra)?;
    Some(record)
}

/// Takes from the extra fields what the record itself has no room for.
fn widen(record: &mut Record<'_>, extra: &[u8]) -> Option<()> {
    let mut fields = Bytes(extra);
    // Other tools leave odd bytes behind the last field; they mean nothing.
    while let (Some(id), Some(size)) = (fields.u16(), fields.u16()) {
        let Some(field) = fields.take(size.into()) else { break };
        let mut field = Bytes(field);
        match id {
            ZIP64 => {
                for value in [&mut record.size, &mut record.compressed, &mut record.header_at] {
                    if *value == u64::from(u32::MAX) {
                        *value = field.u64()?;
                    }
                }
            }
            EXTENDED_TIMESTAMP => {
                if let (Some([flags]), Some(seconds)) = (field.take(1), field.u32())
                    && flags & 1 != 0
                {
                    record.mtime = i64::from(seconds.cast_signed());
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// The DOS date and time as UTC; 0 when they are no date.
fn dos_seconds(date: u16, time: u16) -> i64 {
    let part = |value: u16| i8::try_from(value).unwrap_or_default();
    let year = i16::try_from(1980 + (date >> 9)).unwrap_or_default();
    let civil = jiff::civil::DateTime::new(
        year,
        part(date >> 5 & 15),
        part(date & 31),
        part(time >> 11),
        part(time >> 5 & 63),
        part(2 * (time & 31)),
        0,
    );
    civil.and_then(|t| t.to_zoned(jiff::tz::TimeZone::UTC)).map_or(0, |t| t.timestamp().as_second())
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn expect(&mut self, signature: &[u8]) -> Option<()> {
        (self.take(signature.len())? == signature).then_some(())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
