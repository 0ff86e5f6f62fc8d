//! An audit file into rows.

use csv::ByteRecord;
use serde::Serialize;

use super::COLUMNS;

/// A row as it stands in a file: every cell as text, a missing one empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the file's columns")]
pub struct ReadRow {
    pub ts: String,
    pub action: String,
    pub version_ts: String,
    pub hostname: String,
    pub local_ip: String,
    pub os_user: String,
    pub git_email: String,
    pub vsync_version: String,
    pub bun_version: String,
    pub meta: String,
}

/// Reads every row, in the file's order. Cells are found by the header's names; rows may be short,
/// and bytes that are not UTF-8 are replaced. Never fails: what cannot be made out is empty.
pub fn read(bytes: &[u8]) -> Vec<ReadRow> {
    let mut records = records(bytes);
    let Some(header) = records.next() else { return Vec::new() };
    let places = COLUMNS.map(|column| place(&header, column));
    let row = |record: ByteRecord| {
        let mut cells = places.map(|place| {
            let cell = place.and_then(|at| record.get(at)).unwrap_or_default();
            String::from_utf8_lossy(cell).into_owned()
        });
        let mut next = cells.iter_mut().map(std::mem::take);
        let mut cell = || next.next().unwrap_or_default();
        ReadRow {
            ts: cell(),
            action: cell(),
            version_ts: cell(),
            hostname: cell(),
            local_ip: cell(),
            os_user: cell(),
            git_email: cell(),
            vsync_version: cell(),
            bun_version: cell(),
            meta: cell(),
        }
    };
    records.map(row).collect()
}

/// The records of a file, its header first.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = ByteRecord> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    // Bytes from memory into bytes of any length: there is nothing to fail.
    reader.into_byte_records().filter_map(Result::ok)
}

/// Where a column is.
pub(super) fn place(header: &ByteRecord, column: &str) -> Option<usize> {
    header.iter().position(|name| name.trim_ascii() == column.as_bytes())
}
